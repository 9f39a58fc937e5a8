"""One program of the stack: started, stopped, killed. It dies with us, whatever happens to us."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)


class NotStarted(Exception):
    """A program did not come up; the message has its last words."""

    component = "soak.stack"


class Program:
    """`port` is where it listens once it is up; its output goes to the file `log`."""

    def __init__(self, name: str, command: Sequence[str], *, port: int, log: Path, address: str = "127.0.0.1") -> None:
        self._address = address
        self.name = name
        self._command = command
        self._port = port
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Raises `NotStarted`."""
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not _listens(self._address, self._port):
                    if self._process.returncode is not None:
                        raise NotStarted(f"{self.name} ended at once: {self._last_words()}")
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise NotStarted(f"{self.name} does not listen: {self._last_words()}") from error

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-600:]


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((address, port)) == 0


def die_with_parent() -> None:
    """To be called in a child before it becomes another program."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
