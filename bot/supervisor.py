"""The process: rooms by token, the engine they share. Answers at once; everything slow happens in its TaskGroup."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Final

import aiohttp

from pipeline import Engine, EngineSettings, EngineState, Language, VoiceDetectors, make_backend, parse_language

from .errors import NoSuchRoom, NotReady, RoomFailed, SecretRejected, TooManyRooms
from .guard import guard
from .ice import check as check_ice
from .ice_servers import IceServers
from .metrics import Metrics
from .room import RoomBot, RoomState
from .settings import RoomSettings

log = logging.getLogger("roomscribe.bot.supervisor")

MAX_FAILURES: Final = 1000  # remembered reasons of rooms that failed; the oldest is forgotten
FAILURE_AGE_S: Final = 60.0  # a caller who comes later starts afresh
STOP_MARGIN_S: Final = 3.0  # beyond the rooms' own time limits


class Supervisor:
    """An async context manager: inside it, rooms can be served; leaving it stops them, last words first."""

    def __init__(self, *, rooms: RoomSettings, engine: EngineSettings) -> None:
        self._settings = rooms
        self.metrics = Metrics()
        self.engine = Engine(make_backend(engine))
        self._detectors: VoiceDetectors | None = None
        self._rooms: dict[str, RoomBot] = {}  # by token; ≤ settings.max_rooms
        self._serving: set[RoomBot] = set()  # ≤ two a token: one that leaves and its successor
        self._room_tasks: set[asyncio.Task[None]] = set()  # one for each of `_serving`
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._failures: dict[str, tuple[RoomFailed, float]] = {}  # by token; ≤ MAX_FAILURES; told on the next call
        self._rejected: SecretRejected | None = None
        self._keys = itertools.count(1)
        self._tasks = asyncio.TaskGroup()
        self._http: aiohttp.ClientSession | None = None
        self._ice_servers: IceServers | None = None
        self._engine_task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def rooms(self) -> Mapping[str, RoomBot]:
        return self._rooms

    @property
    def rejected(self) -> SecretRejected | None:
        """Set once the signaling server has refused our credentials: no room can be served."""
        return self._rejected

    async def __aenter__(self) -> Supervisor:
        check_ice()
        # No limit on connections: each room holds one for as long as it lives, and rooms have their own bound.
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._ice_servers = IceServers(self._http, self._settings.chat_server)
        self._detectors = await asyncio.to_thread(VoiceDetectors)
        await self._tasks.__aenter__()
        self._engine_task = self._tasks.create_task(self.engine.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stop_rooms()
        finally:
            for task in [self._engine_task, *self._room_tasks]:
                if task is not None:
                    task.cancel()
            try:
                # Not told of the block's exception: it goes on by itself, and is not wrapped into a group.
                await self._tasks.__aexit__(None, None, None)
            finally:
                if self._http is not None:
                    await self._http.close()

    def language(self, language_id: str) -> Language:
        """Check a language id against the loaded model.

        Raises `UnknownLanguage`; `NotReady` while the model is not loaded, because only the model knows.
        """
        if self.engine.state is EngineState.FAILED:
            raise NotReady(self.engine.failure)
        if not self.engine.languages:
            raise NotReady("the model is still being loaded; try again in a moment")
        return parse_language(language_id, self.engine.languages)

    def enable(self, token: str, nextcloud_session_id: str, language: Language) -> None:
        """Captions for this reader of this room. Returns at once; the bot connects in the background.

        A room that failed since it was last asked for says so here, once: raises `RoomFailed`. Also raises
        `NotReady`, `TooManyRooms`, `TooManyTargets`. The language counts only for a room that is not served yet.
        """
        if self._stopping:
            raise NotReady("roomscribe is shutting down")
        if self._rejected is not None:
            raise self._rejected
        failure, at = self._failures.pop(token, (None, 0.0))
        if failure is not None and _now() - at < FAILURE_AGE_S:
            raise failure
        room = self._rooms.get(token)
        if room is None or room.state is RoomState.LEAVING:
            room = self._start(token, language)
        room.enable(nextcloud_session_id)

    def set_language(self, token: str, language: Language) -> None:
        """Another language, for everybody's next utterance. Raises `NoSuchRoom`."""
        room = self._rooms.get(token)
        if room is None or room.state is RoomState.LEAVING:
            raise NoSuchRoom("no captions are being made in this room", room=token)
        room.set_language(language)

    def disable(self, token: str, nextcloud_session_id: str) -> None:
        """No captions for this reader any more; an unknown room or reader is fine."""
        if (room := self._rooms.get(token)) is not None:
            room.disable(nextcloud_session_id)

    def _start(self, token: str, language: Language) -> RoomBot:
        if self._http is None or self._ice_servers is None or self._detectors is None:
            raise NotReady("roomscribe is not running")
        if len(self._rooms) >= self._settings.max_rooms:
            raise TooManyRooms(
                f"already serving {len(self._rooms)} rooms (ROOMSCRIBE_MAX_ROOMS={self._settings.max_rooms})"
            )
        room = RoomBot(
            key=str(next(self._keys)),
            token=token,
            language=language,
            http=self._http,
            engine=self.engine,
            detectors=self._detectors,
            metrics=self.metrics,
            ice_servers=self._ice_servers,
            settings=self._settings,
        )
        leaving = self._rooms.get(token)
        self._rooms[token] = room
        self._serving.add(room)
        self._all_gone.clear()
        task = self._tasks.create_task(self._serve(token, room, leaving))
        self._room_tasks.add(task)
        task.add_done_callback(self._room_tasks.discard)
        return room

    async def _serve(self, token: str, room: RoomBot, leaving: RoomBot | None) -> None:
        def failed(error: Exception) -> None:
            self.metrics.room_failed()
            failure = error if isinstance(error, RoomFailed) else RoomFailed("the room's bot failed", room=token)
            if isinstance(failure, SecretRejected):
                self._reject(failure)
            self._failures.pop(token, None)  # so that the order is that of the failures
            self._failures[token] = (failure, _now())
            if len(self._failures) > MAX_FAILURES:
                del self._failures[next(iter(self._failures))]

        try:
            if leaving is not None:
                await leaving.gone.wait()  # two bots never serve one room
            await guard("a room", room.run(), failed)
        finally:
            if self._rooms.get(token) is room:
                del self._rooms[token]
            self._serving.discard(room)
            room.gone.set()
            if not self._serving:
                self._all_gone.set()

    def _reject(self, failure: SecretRejected) -> None:
        """The signaling server locks out who tries a wrong secret often: rooms that have not joined do not try."""
        self._rejected = failure
        for room in self._serving:
            if not room.joined.is_set():
                room.stop("the signaling server refuses our secret")

    async def _stop_rooms(self) -> None:
        self._stopping = True
        for room in self._serving:
            room.stop("roomscribe is shutting down")
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s + STOP_MARGIN_S):
                await self._all_gone.wait()
        except TimeoutError:
            log.error("%d rooms did not stop in time", len(self._serving))


def _now() -> float:
    return asyncio.get_running_loop().time()
