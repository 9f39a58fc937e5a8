"""The speakers of one room: starts and stops what the roster wants, each behind its own wall."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from pipeline import (
    NO_WISHES,
    Engine,
    Language,
    Media,
    RtpReceiver,
    SpeakerPipeline,
    Transcript,
    VoiceDetectors,
    Wishes,
)
from signaling import Candidate, ClientMessage, ErrorReply, Offer

from .admission import Admission, Bound, Places
from .guard import guard
from .ice_servers import IceServers
from .log_context import about_speaker
from .metrics import Metrics
from .rtp_tap import Tap
from .settings import RoomSettings
from .status import Troubles
from .subscriber import Subscriber
from .sweep import Sweeper

log = logging.getLogger("roomscribe.bot.speakers")

BACK_WITHIN_S: Final = 60.0  # whoever is heard again later than this is somebody else to us
MAX_FINISHING: Final = 200  # speakers of a room whose last words are still decoded; beyond, the oldest's are given up


@dataclass(slots=True, kw_only=True, eq=False)
class Speaker:
    pipeline: SpeakerPipeline
    subscriber: Subscriber
    receiver: RtpReceiver | None = None
    running: asyncio.Task[None] | None = None
    subscribing: asyncio.Task[None] | None = None

    def close_intake(self) -> None:
        """Take in no more. What the receiver has is decoded first; it then tells the pipeline to finish."""
        if self.receiver is None:
            self.pipeline.finish()
        else:
            self.receiver.close(now=asyncio.get_running_loop().time())


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
        media: Media | None,
        sweeper: Sweeper | None,
        metrics: Metrics,
        admission: Admission,
        ice_servers: IceServers,
        room_key: str,
        hints: Callable[[], str] = str,
        wishes: Callable[[], Wishes] = lambda: NO_WISHES,
        troubles: Troubles | None = None,
    ) -> None:
        self._hints = hints
        self._wishes = wishes
        self._troubles = troubles or Troubles()
        self._engine = engine
        self._detectors = detectors
        self.language = language
        self._settings = settings
        self._send = send
        self._emit = emit
        self._media = media
        self._sweeper = sweeper
        self._metrics = metrics
        self._places = Places(admission, room=room_key, max_speakers=settings.max_speakers)
        self._ice_servers = ice_servers
        self._room_key = room_key
        self._starts = itertools.count(1)
        self._active: dict[str, Speaker] = {}  # by session id; ≤ settings.max_speakers
        self._finishing: list[Speaker] = []  # ≤ MAX_FINISHING; each ends by itself once its last final is out
        self._all_finished = asyncio.Event()
        self._all_finished.set()
        self._not_before: dict[str, float] = {}  # failed speakers; emptied as they are retried or leave
        self._former: dict[str, tuple[RtpReceiver, float]] = {}  # of those who will be heard anew; ≤ max_speakers
        self._told: set[Bound] = set()  # what the log has been told of

    @property
    def active(self) -> Collection[Speaker]:
        return self._active.values()

    @property
    def finishing(self) -> Collection[Speaker]:
        """Those that were stopped, and whose last words are still being decoded."""
        return self._finishing

    @property
    def unheard(self) -> int:
        """Speakers beyond a bound: of this room, or of the process."""
        return len(self._places.waiting)

    def of(self, session_id: str) -> Speaker | None:
        return self._active.get(session_id)

    def reconcile(self, wanted: frozenset[str], tasks: asyncio.TaskGroup, *, now: float) -> None:
        """Start whoever is wanted and missing; stop whoever is not wanted any more."""
        for session_id in [each for each in self._active if each not in wanted]:
            self.stop(session_id)
        for session_id in [each for each in self._not_before if each not in wanted]:
            del self._not_before[session_id]
        for session_id in [each for each, (_, at) in self._former.items() if now - at > BACK_WITHIN_S]:
            del self._former[session_id]
        for session_id in [each for each, at in self._not_before.items() if now >= at]:
            self._start(session_id, tasks)  # nobody else was given its place
        for session_id in self._places.seat(wanted, heard=self._heard(), now=now):
            self._start(session_id, tasks)
        for bound in self._places.full.keys() - self._told:
            log.error("a speaker is not heard until there is a place again: %s", self._places.full[bound])
            self._told.add(bound)

    def stop(self, session_id: str) -> None:
        """Take in no more of this speaker; what was said still comes out."""
        speaker = self._active.pop(session_id)
        self._finishing.append(speaker)
        if len(self._finishing) > MAX_FINISHING and (oldest := self._finishing[0]).running is not None:
            oldest.running.cancel()
        self._all_finished.clear()
        speaker.subscriber.drain()
        if speaker.subscribing is not None:
            speaker.subscribing.cancel()
        speaker.close_intake()

    def set_language(self, language: Language) -> None:
        """From each speaker's next utterance on, and for those who come."""
        self.language = language
        for speaker in self._active.values():
            speaker.pipeline.set_language(language)

    def stop_all(self) -> None:
        """The room is over."""
        self._places.leave()
        for session_id in list(self._active):
            self.stop(session_id)

    def start_afresh(self, *, now: float) -> None:
        """The signaling session is a new one, and the subscriptions died with the old one."""
        self._places.keep(self._heard(), now=now)
        for session_id, speaker in list(self._active.items()):
            self._interrupted(session_id, speaker, now=now)
            self.stop(session_id)

    def _interrupted(self, session_id: str, speaker: Speaker, *, now: float) -> None:
        """It is our doing that they are not heard until they are started again: readers are told what that costs."""
        if speaker.receiver is not None and len(self._former) < self._settings.max_speakers:
            self._former[session_id] = (speaker.receiver, now)

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

    def _heard(self) -> frozenset[str]:
        """Whoever failed is heard again in a moment."""
        return frozenset(self._active.keys() | self._not_before.keys())

    def _start(self, session_id: str, tasks: asyncio.TaskGroup) -> None:
        self._not_before.pop(session_id, None)
        pipeline = SpeakerPipeline(
            # Not the session alone: one that comes back may overlap with its former self's last words.
            speaker=f"{self._room_key}.{next(self._starts)}/{session_id}",
            language=self.language,
            engine=self._engine,
            emit=self._emit,
            settings=self._settings.speaker,
            totals=self._metrics.totals,
            detector=self._detectors.new(),
            room=self._room_key,
            hints=self._hints,
            wishes=self._wishes,
        )
        receiver = None
        if self._media is not None:
            receiver = self._media.receiver(judge=pipeline.judge, listener=pipeline)
        subscriber = Subscriber(
            publisher=session_id,
            send=self._send,
            feed=pipeline.feed,
            track_ended=pipeline.track_ended,
            addresses=self._settings.addresses,
            settings=self._settings.subscription,
            ice_servers=self._ice_servers,
            metrics=self._metrics,
            relay_only=self._settings.relay_only,
            tap=None if receiver is None else Tap(receiver, self._sweeper),
        )
        speaker = Speaker(pipeline=pipeline, subscriber=subscriber, receiver=receiver)
        self._active[session_id] = speaker
        former = self._former.pop(session_id, None)
        if former is not None and receiver is not None:
            receiver.follows(former[0])

        def failed(error: Exception) -> None:
            self._metrics.speaker_failed()
            self._troubles.note(f"a speaker's captions broke off ({type(error).__name__})")
            if self._active.get(session_id) is speaker:
                del self._active[session_id]
                now = asyncio.get_running_loop().time()
                self._interrupted(session_id, speaker, now=now)
                self._not_before[session_id] = now + self._settings.speaker_retry_s

        speaker.running = tasks.create_task(guard("a speaker", self._run(speaker), failed))

    async def _run(self, speaker: Speaker) -> None:
        about_speaker(speaker.pipeline.speaker.partition("/")[0])
        broken: list[Exception] = []

        async def subscribe() -> None:
            try:
                await speaker.subscriber.run()
            except asyncio.CancelledError as cancelled:
                # It and a frame of asyncio's task group hold each other (CPython before 3.13), and so all of ours.
                cancelled.__traceback__ = None
                raise
            except Exception as error:  # noqa: BLE001 — raised below, once what was heard has been said
                broken.append(error)
                speaker.close_intake()

        try:
            async with asyncio.TaskGroup() as tasks:
                speaker.subscribing = tasks.create_task(subscribe())
                await speaker.pipeline.run()
                if not speaker.subscribing.cancelling():  # once only: aiortc must not be interrupted while it closes
                    speaker.subscribing.cancel()
            if broken:
                raise broken[0]
        finally:
            speaker.close_intake()
            speaker.running = speaker.subscribing = None  # a task that was cancelled holds what it worked with, and us
            if speaker in self._finishing:
                self._finishing.remove(speaker)
            if not self._finishing:
                self._all_finished.set()
