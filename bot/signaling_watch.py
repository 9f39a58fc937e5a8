"""Can the signaling server be reached? Rooms that were connected know; while there are none, it is asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import aiohttp

from signaling import SignalingUnreachable
from signaling.probe import hear_welcome

log = logging.getLogger("roomscribe.bot.signaling_watch")

UP_CHECK_S: Final = 15.0  # between two looks while it was there …
DOWN_CHECK_S: Final = 3.0  # … and while it was not
KNOCK_TIMEOUT_S: Final = 3.0
NOT_YET: Final = "it was not asked yet"
LOST: Final = "the rooms' connections are lost"


class SignalingWatch:
    """`connected`: has any room a connection? None: no room has had one, so that nobody knows.

    `problem` is None while the server is there; before it was first asked, that is the problem.
    """

    def __init__(self, *, url: str, connected: Callable[[], bool | None]) -> None:
        self._url = url
        self._connected = connected
        self._problem: str | None = NOT_YET

    @property
    def problem(self) -> str | None:
        match self._connected():
            case None:
                return self._problem
            case connected:
                return None if connected else LOST

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Look until cancelled."""
        while True:
            await self._look(http)
            await asyncio.sleep(UP_CHECK_S if self._problem is None else DOWN_CHECK_S)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        before = self._problem
        if (connected := self._connected()) is not None:
            self._problem = None if connected else LOST  # the room itself says so, in the log too
            return
        try:
            await hear_welcome(http, self._url, timeout_s=KNOCK_TIMEOUT_S)
            self._problem = None
        except SignalingUnreachable as error:
            self._problem = str(error)
        if self._problem is not None and before in (None, NOT_YET):
            log.warning(
                "the signaling server cannot be reached (%s). Check ROOMSCRIBE_HPB_URL and that the server is running; "
                "roomscribe goes on trying",
                self._problem,
            )
        elif self._problem is None and before not in (None, NOT_YET):
            log.info("the signaling server can be reached again")
