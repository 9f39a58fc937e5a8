"""A bare connection to the service, for requests that no client library would send."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Final

LOOPBACK: Final = "127.0.0.1"
CONNECT_S: Final = 5.0
MOST_BYTES: Final = 4 << 20  # of the answers on one connection; the rest is left out
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time


class Connection(asyncio.Protocol):
    """What came in is kept, whether the other side ended well or broke off. `last_at`: loop time of the last bytes."""

    def __init__(self) -> None:
        self.received = bytearray()  # ≤ MOST_BYTES, and one read
        self.closed = asyncio.Event()
        self.last_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.last_at = asyncio.get_running_loop().time()
        if len(self.received) < MOST_BYTES:
            self.received += data

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()

    def write(self, data: bytes) -> None:
        """Never waits: what is sent is small, or the point of it is that nobody reads it."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def ended(self, within_s: float) -> bool:
        """Wait until the other side has closed, or for so long. Has it?"""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.closed.wait()
        return self.closed.is_set()

    async def close(self, *, reset: bool = False) -> None:
        """With `reset`, as a network that breaks. What was not sent yet is given up in any case."""
        if self._transport is None or self.closed.is_set():
            return
        own = self._transport.get_extra_info("socket")
        if reset and own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
        await self.closed.wait()


async def connect(port: int, within_s: float = CONNECT_S) -> Connection:
    """To loopback. Raises `OSError`, of which `TimeoutError` is one."""
    async with asyncio.timeout(within_s):
        _, connection = await asyncio.get_running_loop().create_connection(Connection, LOOPBACK, port)
    return connection


async def exchange(port: int, sent: bytes, within_s: float) -> bytes:
    """What is answered to a request that asks for the connection to be closed. Raises `OSError`."""
    connection = await connect(port, within_s)
    try:
        connection.write(sent)
        await connection.ended(within_s)
        return bytes(connection.received)
    finally:
        await connection.close()
