"""Captions asked for as a chat server asks: over HTTP, and again while the service is not ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

PATH: Final = "/api/v1/call/transcribe"
LANGUAGE: Final = "en"
PATIENCE_S: Final = 60.0
AGAIN_S: Final = 0.5
LATER: Final = frozenset((0, 429, 503))  # no answer, too often, not ready: ask again
FORGOTTEN: Final = frozenset((0, 404, 412, 429, 503))  # there is nothing to turn off (any more), or nobody to ask

Ask = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, Any]]]


class Refused(Exception):
    """The service does not caption this room. The message has its status."""

    component = "soak.world.captions"


class Captions:
    """`ask` posts a body to a path of the service: status and answer, 0 where there is none."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.asked = 0
        self.put_off = 0

    @asynccontextmanager
    async def on(self, room: str, session: str) -> AsyncIterator[None]:
        """Raises `Refused`."""
        await self._until_granted(room, session)
        try:
            yield
        finally:
            status, _ = await self._transcribe(room, session, enable=False)
            if status != 200 and status not in FORGOTTEN:
                raise Refused(f"captions could not be turned off: status {status}")

    async def _until_granted(self, room: str, session: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                status, _ = await self._transcribe(room, session, enable=True)
                while status in LATER:
                    self.put_off += 1
                    await asyncio.sleep(AGAIN_S)
                    status, _ = await self._transcribe(room, session, enable=True)
        except TimeoutError as error:
            raise Refused(f"captions were not granted within {PATIENCE_S:.0f} s") from error
        if status != 200:
            raise Refused(f"captions were not granted: status {status}")

    async def _transcribe(self, room: str, session: str, *, enable: bool) -> tuple[int, Any]:
        self.asked += 1
        return await self._ask(PATH, {"roomToken": room, "ncSessionId": session, "enable": enable, "langId": LANGUAGE})
