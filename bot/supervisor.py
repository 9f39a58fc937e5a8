"""The process: rooms by token, the engine they share. Answers at once; everything slow happens in its TaskGroup."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Final

import aiohttp

from pipeline import (
    Engine,
    EngineSettings,
    EngineState,
    Language,
    Media,
    VoiceDetectors,
    make_backend,
    parse_language,
)
from pipeline.media import GATHERED_S

from .admission import Admission, Bound
from .errors import NoSuchRoom, NotReady, ProcessFull, RoomFailed, SecretRejected
from .guard import guard
from .ice import check as check_ice
from .ice_servers import ChatServerSettings, IceServers
from .log_context import about_room
from .memory_watch import MemoryWatch
from .metrics import Metrics
from .room import RoomBot, RoomState
from .rtp_tap import make_sweeper, missing
from .settings import RoomSettings
from .signaling_watch import SignalingWatch
from .sweep import Sweeper
from .translation import check_pair, parse_target

log = logging.getLogger("roomscribe.bot.supervisor")

MAX_FAILURES: Final = 1000  # remembered reasons of rooms that failed; the oldest is forgotten
FAILURE_AGE_S: Final = 60.0  # a caller who comes later starts afresh
STOP_MARGIN_S: Final = 3.0  # beyond the rooms' own time limits


class Supervisor:
    """An async context manager: inside it, rooms can be served; leaving it stops them, last words first."""

    def __init__(self, *, rooms: RoomSettings, engine: EngineSettings) -> None:
        self._settings = rooms
        self.metrics = Metrics()
        self.admission = Admission(rooms.admission)
        self.engine = Engine(make_backend(engine))
        self.media: Media | None = None  # our own receive path, where it can be had
        self._sweeper: Sweeper | None = None
        self._detectors: VoiceDetectors | None = None
        self._rooms: dict[str, RoomBot] = {}  # by token; ≤ settings.admission.max_rooms
        self._serving: dict[RoomBot, asyncio.Task[None]] = {}  # ≤ two a token: one that leaves and its successor
        self._leaving: dict[RoomBot, RoomBot] = {}  # of a successor that has not begun: for whose end it waits
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._failures: dict[str, tuple[RoomFailed, float]] = {}  # by token; ≤ MAX_FAILURES; told on the next call
        self._rejected: SecretRejected | None = None
        self._keys = itertools.count(1)
        self._tasks = asyncio.TaskGroup()
        self._http: aiohttp.ClientSession | None = None
        self._ice_servers: IceServers | None = None
        self._own_tasks: list[asyncio.Task[None]] = []
        self._memory = MemoryWatch(admission=self.admission, engine=self.engine, idle=lambda: not self._rooms)
        self._watch = SignalingWatch(url=rooms.signaling.url, connected=self._connected)
        self._stopping = False

    @property
    def rooms(self) -> Mapping[str, RoomBot]:
        return self._rooms

    @property
    def rejected(self) -> SecretRejected | None:
        """Set once the signaling server has refused our credentials: no room can be served."""
        return self._rejected

    @property
    def stopping(self) -> bool:
        """No room is taken on any more: the process is about to end."""
        return self._stopping

    @property
    def signaling_problem(self) -> str | None:
        """Why the signaling server cannot be reached; None: it can."""
        return self._watch.problem

    @property
    def chat_server(self) -> ChatServerSettings:
        return self._settings.chat_server

    def failure(self, token: str) -> RoomFailed | None:
        """Why this room's bot gave up, if nobody has asked for it since; unlike `enable`, this does not use it up."""
        failure, at = self._failures.get(token, (None, 0.0))
        return failure if _now() - at < FAILURE_AGE_S else None

    @property
    def full(self) -> Mapping[Bound, str]:
        """Why no room can be served beyond those that are; empty: one can."""
        return self.admission.no_room(rooms=len(self._rooms))

    async def __aenter__(self) -> Supervisor:
        check_ice()
        self.media = await self._receive_path()  # first: it may raise
        # No limit on connections: each room holds one for as long as it lives, and rooms have their own bound.
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=self._settings.verify_tls))
        self._ice_servers = IceServers(self._http, self._settings.chat_server)
        self._detectors = await asyncio.to_thread(VoiceDetectors)
        await self._tasks.__aenter__()
        works = [self.engine.run(), self._memory.run(), self._watch.run(self._http)]
        works += [self.media.run()] if self.media is not None else []
        self._own_tasks = [self._tasks.create_task(each) for each in works]
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stop_rooms()
        finally:
            for task in [*self._own_tasks, *self._serving.values()]:
                task.cancel()
            try:
                # Not told of the block's exception: it goes on by itself, and is not wrapped into a group.
                await self._tasks.__aexit__(None, None, None)
            finally:
                if self._sweeper is not None:
                    self._sweeper.close()
                if self._http is not None:
                    await self._http.close()

    def language(self, language_id: str) -> Language:
        """Check a language id against the loaded model.

        Raises `UnknownLanguage`; `NotReady` while the model is not loaded, because only the model knows.
        """
        return parse_language(language_id, self._known())

    def translation_target(self, language_id: str) -> Language:
        """Check a language id against what the loaded model translates into.

        Raises `BadLanguagePair` for what is no language, `TranslationUnsupported`, and `NotReady` as `language` does.
        """
        self._known()
        return parse_target(language_id, self.engine.translations)

    def enable(
        self, token: str, nextcloud_session_id: str, language: Language, translation: Language | None = None
    ) -> None:
        """Captions for this reader of this room. Returns at once; the bot connects in the background.

        A room that failed since it was last asked for says so here, once: raises `RoomFailed`. Also raises
        `NotReady`, `ProcessFull`, `TooManyTargets`, and `BadLanguagePair` for a `translation` into what is spoken. The
        language counts only for a room that is not served yet; a reader of translations remains one without another
        `translation`.
        """
        if self._stopping:
            raise NotReady("roomscribe is shutting down")
        if self._rejected is not None:
            raise self._rejected
        failure, at = self._failures.pop(token, (None, 0.0))
        if failure is not None and _now() - at < FAILURE_AGE_S:
            raise failure
        room = self._served(token)
        check_pair(room.language if room is not None else language, translation)
        if room is None:
            room = self._start(token, language)
        room.enable(nextcloud_session_id, translation)

    def set_language(self, token: str, language: Language) -> None:
        """Another language, for everybody's next utterance. Raises `NoSuchRoom`."""
        self._room(token).set_language(language)

    def set_translation(self, token: str, nextcloud_session_id: str, target: Language | None) -> None:
        """From the next final on, this reader reads `target`; None: what is said.

        Raises `NoSuchRoom`, `NotATarget`, and `BadLanguagePair` where it is what is spoken.
        """
        room = self._room(token)
        check_pair(room.language, target)
        room.translate(nextcloud_session_id, target)

    def disable(self, token: str, nextcloud_session_id: str) -> None:
        """No captions for this reader any more; an unknown room or reader is fine."""
        if (room := self._rooms.get(token)) is not None:
            room.disable(nextcloud_session_id)

    def leave(self, token: str) -> None:
        """No captions for anybody in this room any more, once the last words are out; an unknown room is fine."""
        if (room := self._rooms.get(token)) is not None:
            room.stop("told to")

    def stop_all(self, reason: str) -> None:
        """All rooms' bots leave, as if told to one by one. Returns at once; rooms can be asked for anew."""
        for room in self._serving:
            room.stop(reason)

    def _known(self) -> tuple[str, ...]:
        """The loaded model's languages. Raises `NotReady` while it is not loaded, because only the model knows."""
        if self.engine.state is EngineState.FAILED:
            raise NotReady(self.engine.failure)
        if not self.engine.languages:
            raise NotReady("the model is still being loaded; try again in a moment")
        return self.engine.languages

    def _served(self, token: str) -> RoomBot | None:
        room = self._rooms.get(token)
        return None if room is None or room.state is RoomState.LEAVING else room

    def _room(self, token: str) -> RoomBot:
        room = self._served(token)
        if room is None:
            raise NoSuchRoom("no captions are being made in this room", room=token)
        return room

    def _start(self, token: str, language: Language) -> RoomBot:
        if self._http is None or self._ice_servers is None or self._detectors is None:
            raise NotReady("roomscribe is not running")
        others = len(self._rooms) - (token in self._rooms)  # whose bot leaves makes room for its successor
        if reasons := self.admission.no_room(rooms=others):
            self.admission.refused_rooms += 1
            raise ProcessFull(f"no room can be served beyond those that are: {'; '.join(reasons.values())}")
        room = RoomBot(
            key=str(next(self._keys)),
            token=token,
            language=language,
            http=self._http,
            engine=self.engine,
            detectors=self._detectors,
            media=self.media,
            sweeper=self._sweeper,
            metrics=self.metrics,
            admission=self.admission,
            ice_servers=self._ice_servers,
            settings=self._settings,
        )
        leaving = self._rooms.get(token)
        if leaving is not None and leaving in self._leaving:  # it was told to leave before it began: it never will
            self._serving[leaving].cancel()
            leaving = self._leaving.pop(leaving)
        self._rooms[token] = room
        if leaving is not None:
            self._leaving[room] = leaving
        self._all_gone.clear()
        self._serving[room] = task = self._tasks.create_task(self._serve(token, room))
        task.add_done_callback(lambda _: self._served_to_the_end(token, room))
        return room

    async def _serve(self, token: str, room: RoomBot) -> None:
        def failed(error: Exception) -> None:
            self.metrics.room_failed()
            failure = error if isinstance(error, RoomFailed) else RoomFailed("the room's bot failed", room=token)
            if isinstance(failure, SecretRejected):
                self.reject(failure)
            failure.__cause__ = failure.__context__ = None
            failure.with_traceback(None)  # which would keep the room's bot alive
            self._failures.pop(token, None)  # so that the order is that of the failures
            self._failures[token] = (failure, _now())
            if len(self._failures) > MAX_FAILURES:
                del self._failures[next(iter(self._failures))]

        about_room(token)
        if (leaving := self._leaving.get(room)) is not None:
            await leaving.gone.wait()  # two bots never serve one room
            del self._leaving[room]
        await guard("a room", room.run(), failed)

    def _served_to_the_end(self, token: str, room: RoomBot) -> None:
        """Its task has ended, or was cancelled before it began."""
        if self._rooms.get(token) is room:
            del self._rooms[token]
        self.admission.gone(room.key)
        self._leaving.pop(room, None)
        del self._serving[room]
        room.gone.set()
        if not self._serving:
            self._all_gone.set()

    def _connected(self) -> bool | None:
        """Has any room a signaling connection? None: none has had one."""
        joined = [room.is_connected for room in self._rooms.values() if room.joined.is_set()]
        return any(joined) if joined else None

    async def _receive_path(self) -> Media | None:
        """Raises `NoDecoder` when the operator insists on a decoder that cannot be had."""
        reason = "ROOMSCRIBE_RECEIVE_PATH=track" if self._settings.by_track else missing()
        if reason:
            log.warning("%s: audio is decoded by aiortc, at more cost; lost packets cost more words", reason)
            return None
        media = await asyncio.to_thread(Media, self._settings.media)
        self._sweeper = make_sweeper()
        if self._sweeper is not None:
            media.batch_s = GATHERED_S
        if media.decoder.reason:
            log.warning("%s: %s decodes, and lost packets are not rebuilt", media.decoder.reason, media.decoder.name)
        else:
            log.info("audio is decoded by %s, in %d threads at most", media.decoder.name, media.workers)
        return media

    def reject(self, failure: SecretRejected) -> None:
        """The signaling server locks out who tries a wrong secret often: rooms that have not joined do not try."""
        self._rejected = failure
        for room in self._serving:
            if not room.joined.is_set():
                room.stop("the signaling server refuses our secret")

    async def _stop_rooms(self) -> None:
        self._stopping = True
        self.stop_all("roomscribe is shutting down")
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s + STOP_MARGIN_S):
                await self._all_gone.wait()
        except TimeoutError:
            log.error("%d rooms did not stop in time", len(self._serving))


def _now() -> float:
    return asyncio.get_running_loop().time()
