"""One websocket's outgoing side: a bounded outbox and the writer that empties it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from aiohttp import WSCloseCode, web

MAX_OUTBOX: Final = 1024  # messages; enough to meet a room of a thousand, and after that the reader is stuck
WRITE_DEADLINE_S: Final = 10.0  # for one message, as on the real server: talk-contract.md §2.1


class Connection:
    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._request = request
        self._ws = ws
        self._outbox: deque[str] = deque()  # ≤ MAX_OUTBOX: `send` refuses more
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    def send(self, text: str) -> bool:
        """Queue a text; False where the outbox is full."""
        if len(self._outbox) >= MAX_OUTBOX:
            return False
        self._outbox.append(text)
        self._wake.set()
        return True

    def finish(self, code: int = WSCloseCode.OK) -> None:
        """Close as soon as the outbox is written. The first reason stands."""
        if self._close_code is None:
            self._close_code = code
        self._wake.set()

    def abort(self) -> None:
        """Cut the line without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Write until finished, or until nobody reads."""
        try:
            while self._outbox or self._close_code is None:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    async with asyncio.timeout(WRITE_DEADLINE_S):
                        await self._ws.send_str(self._outbox.popleft())
            await self._ws.close(code=self._close_code)
        except (ConnectionError, TimeoutError):
            self.abort()
