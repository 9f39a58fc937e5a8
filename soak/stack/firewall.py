"""Packets that vanish without a word: nftables rules in the network namespace that we run in, never in the host's."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Final

TABLE: Final = "inet roomscribe"
RULES: Final = """
table inet roomscribe {{
  chain vanish {{
    type filter hook input priority 0;
    tcp dport {port} drop
    tcp sport {port} drop
  }}
}}
"""


class NotOurNamespace(Exception):
    """Refused: the rules would hit the host."""

    component = "soak.stack"


class Firewall:
    """A context: inside it, every packet to or from the TCP `port` is dropped, on both of its ways."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> None:
        if os.readlink("/proc/self/ns/net") == _namespace_of_init():
            raise NotOurNamespace("run this in a network namespace of its own: python -m soak.stack.namespace COMMAND")
        await _nft(RULES.format(port=self._port))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _nft(f"delete table {TABLE}\n")


def _namespace_of_init() -> str:
    try:
        return os.readlink("/proc/1/ns/net")
    except PermissionError:  # then it is not ours
        return str(Path("/proc/1/ns/net"))


async def _nft(commands: str) -> None:
    process = await asyncio.create_subprocess_exec("nft", "-f", "-", stdin=asyncio.subprocess.PIPE)
    await process.communicate(commands.encode())
    if process.returncode != 0:
        raise OSError("nft could not set its rules")
