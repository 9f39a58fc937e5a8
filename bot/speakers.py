"""The speakers of one room: starts and stops what the roster wants, each behind its own wall."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from pipeline import Engine, Language, SpeakerPipeline, Transcript, VoiceDetectors
from signaling import Candidate, ClientMessage, ErrorReply, Offer

from .guard import guard
from .ice_servers import IceServers
from .metrics import Metrics
from .settings import RoomSettings
from .subscriber import Subscriber

log = logging.getLogger("roomscribe.bot.speakers")


@dataclass(slots=True, kw_only=True, eq=False)
class Speaker:
    pipeline: SpeakerPipeline
    subscriber: Subscriber
    running: asyncio.Task[None] | None = None
    subscribing: asyncio.Task[None] | None = None


class Speakers:
    """`reconcile` may be called at any time; a speaker that is no longer wanted finishes its last words by itself."""

    def __init__(
        self,
        *,
        engine: Engine,
        detectors: VoiceDetectors,
        language: Language,
        settings: RoomSettings,
        send: Callable[[ClientMessage], Awaitable[bool]],
        emit: Callable[[Transcript], Awaitable[None]],
        metrics: Metrics,
        ice_servers: IceServers,
        room_key: str,
        hints: Callable[[], str] = str,
    ) -> None:
        self._hints = hints
        self._engine = engine
        self._detectors = detectors
        self._language = language
        self._settings = settings
        self._send = send
        self._emit = emit
        self._metrics = metrics
        self._ice_servers = ice_servers
        self._room_key = room_key
        self._starts = itertools.count(1)
        self._active: dict[str, Speaker] = {}  # by session id; ≤ settings.max_speakers
        self._finishing: set[Speaker] = set()  # each ends by itself once its last final is out
        self._all_finished = asyncio.Event()
        self._all_finished.set()
        self._not_before: dict[str, float] = {}  # failed speakers; emptied as they are retried or leave
        self.unheard = 0  # speakers beyond the bound

    @property
    def active(self) -> Collection[Speaker]:
        return self._active.values()

    def of(self, session_id: str) -> Speaker | None:
        return self._active.get(session_id)

    def reconcile(self, wanted: frozenset[str], tasks: asyncio.TaskGroup, *, now: float) -> None:
        """Start whoever is wanted and missing; stop whoever is not wanted any more."""
        for session_id in [each for each in self._active if each not in wanted]:
            self.stop(session_id)
        for session_id in [each for each in self._not_before if each not in wanted]:
            del self._not_before[session_id]
        unheard = 0
        for session_id in sorted(wanted - self._active.keys()):
            if len(self._active) >= self._settings.max_speakers:
                unheard += 1
            elif now >= self._not_before.get(session_id, 0.0):
                self._start(session_id, tasks)
        if unheard and not self.unheard:
            limit = self._settings.max_speakers
            log.error("more than %d speakers in one room (ROOMSCRIBE_MAX_SPEAKERS): the rest is not heard", limit)
        self.unheard = unheard

    def stop(self, session_id: str) -> None:
        """Take in no more of this speaker; what was said still comes out."""
        speaker = self._active.pop(session_id)
        self._finishing.add(speaker)
        self._all_finished.clear()
        if speaker.subscribing is not None:
            speaker.subscribing.cancel()
        speaker.pipeline.finish()

    def set_language(self, language: Language) -> None:
        """From each speaker's next utterance on, and for those who come."""
        self._language = language
        for speaker in self._active.values():
            speaker.pipeline.set_language(language)

    def stop_all(self) -> None:
        for session_id in list(self._active):
            self.stop(session_id)

    def abandon(self) -> None:
        """Wait no longer for the last words of those that were stopped."""
        for speaker in self._finishing:
            if speaker.running is not None:
                speaker.running.cancel()

    async def finished(self) -> None:
        """Wait until all that were stopped have said their last words."""
        await self._all_finished.wait()

    def post(self, publisher: str, message: Offer | Candidate | ErrorReply) -> None:
        """Hand a signaling message to the subscriber of `publisher`, if there is one."""
        speaker = self._active.get(publisher)
        if speaker is not None:
            speaker.subscriber.post(message)

    def _start(self, session_id: str, tasks: asyncio.TaskGroup) -> None:
        self._not_before.pop(session_id, None)
        pipeline = SpeakerPipeline(
            # Not the session alone: one that comes back may overlap with its former self's last words.
            speaker=f"{self._room_key}.{next(self._starts)}/{session_id}",
            language=self._language,
            engine=self._engine,
            emit=self._emit,
            settings=self._settings.speaker,
            totals=self._metrics.totals,
            detector=self._detectors.new(),
            room=self._room_key,
            hints=self._hints,
        )
        subscriber = Subscriber(
            publisher=session_id,
            send=self._send,
            feed=pipeline.feed,
            track_ended=pipeline.track_ended,
            addresses=self._settings.addresses,
            settings=self._settings.subscription,
            ice_servers=self._ice_servers,
            relay_only=self._settings.relay_only,
        )
        speaker = Speaker(pipeline=pipeline, subscriber=subscriber)
        self._active[session_id] = speaker

        def failed(_: Exception) -> None:
            self._metrics.speaker_failed()
            if self._active.get(session_id) is speaker:
                del self._active[session_id]
                clock = asyncio.get_running_loop().time
                self._not_before[session_id] = clock() + self._settings.speaker_retry_s

        speaker.running = tasks.create_task(guard("a speaker", self._run(speaker), failed))

    async def _run(self, speaker: Speaker) -> None:
        broken: list[Exception] = []

        async def subscribe() -> None:
            try:
                await speaker.subscriber.run()
            except Exception as error:  # noqa: BLE001 — raised below, once what was heard has been said
                broken.append(error)
                speaker.pipeline.finish()

        try:
            async with asyncio.TaskGroup() as tasks:
                speaker.subscribing = tasks.create_task(subscribe())
                await speaker.pipeline.run()
                if not speaker.subscribing.cancelling():  # once only: aiortc must not be interrupted while it closes
                    speaker.subscribing.cancel()
            if broken:
                raise broken[0]
        finally:
            self._finishing.discard(speaker)
            if not self._finishing:
                self._all_finished.set()
