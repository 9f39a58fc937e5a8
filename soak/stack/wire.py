"""The bot's own connection to HPB: a TCP relay that can be cut with a reset, or kept down for a while."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: closing sends RST


class Wire:
    """An async context manager, to the `port` of HPB. `url` is where the bot finds it, at port `at` (0: a free one);
    `connections` counts what it dialled.
    """

    def __init__(self, port: int, *, at: int = 0) -> None:
        self._to, self._at = port, at
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.up = asyncio.Event()
        self.up.set()
        self.url, self.port = "", 0

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._at)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every connection, now."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            end.transport.abort()

    def take_down(self) -> None:
        """Cut, and reset whoever dials until `bring_up`."""
        self.up.clear()
        self.cut()

    def bring_up(self) -> None:
        self.up.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.up.is_set():
            writer.transport.abort()
            return
        self.connections += 1
        try:
            there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, there[1])
        self._ends.update(ends)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pump(reader, there[1]))
                tasks.create_task(_pump(there[0], writer))
        finally:
            self._ends.difference_update(ends)
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
