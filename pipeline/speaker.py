"""One speaker: decoded frames in, transcripts out. The asyncio shell around `Hearing`.

Three tasks in one group: `_listen` turns frames into utterances, `_send_finals` decodes closed utterances in order,
`_send_partials` decodes the open one now and then. Intake never waits: it is a `DropOldest`. `finish` closes the
intake; `run` then returns when the last final has been handed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

import av

from .audio import FRAME, WIRE_RATE, AudioChunk, Pcm, samples, seconds
from .channels import ChannelClosed, ChannelStats, DropOldest
from .engine import Engine
from .errors import EngineError
from .hearing import Hearing, HearingEvent, UtteranceHeard
from .languages import Language
from .scheduler import Kind, SchedulerFull
from .segmenter import SegmenterSettings, UtteranceStarted
from .totals import Totals
from .transcript import GAP_MARK, FinalTranscript, PartialTranscript, Transcript
from .vad import VoiceDetector, WebRtcVoiceDetector

log = logging.getLogger("roomscribe.pipeline.speaker")

TICK_S: Final = 0.2
PARTIAL_SHARE: Final = 2.5  # a speaker's partials take at most one part in so many of a worker's time


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSettings:
    """Frames are 20 ms. The ring must hold the longest utterance and its pre-roll."""

    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    vad_mode: int = 2
    intake_frames: int = 150
    ring: int = samples(30.0)
    waiting_utterances: int = 8
    min_voiced: int = samples(0.12)  # less speech than this is a cough, not a word
    first_partial: int = samples(0.6)
    partial_interval_s: float = 1.0


class TrackEnded:
    """In the intake: the track ended; another may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance:
    number: int
    shown: bool  # a partial of it was sent
    audio: AudioChunk
    heard_at: float


@dataclass(slots=True, kw_only=True)
class _Open:
    """The utterance being spoken. `revision` counts the partials sent."""

    number: int
    start: int
    revision: int = 0


class SpeakerPipeline:
    """`speaker` is unique in the process and comes back in each transcript. `emit` may wait: a final's backpressure."""

    def __init__(
        self,
        *,
        speaker: str,
        language: Language,
        engine: Engine,
        emit: Callable[[Transcript], Awaitable[None]],
        settings: SpeakerSettings,
        totals: Totals | None = None,
        detector: VoiceDetector | None = None,
    ) -> None:
        self.speaker = speaker
        self._language = language
        self._engine = engine
        self._emit = emit
        self._settings = settings
        self._totals = totals or Totals()
        self._intake: DropOldest[av.AudioFrame | TrackEnded] = DropOldest(settings.intake_frames)
        self._hearing = Hearing(
            settings=settings.segmenter,
            detector=detector or WebRtcVoiceDetector(settings.vad_mode),
            ring_samples=settings.ring,
            totals=self._totals,
        )
        self._closed: DropOldest[_Utterance] = DropOldest(settings.waiting_utterances)
        self._gap: _Utterance | None = None  # what was dropped and not marked yet: however much, one mark
        self._open: _Open | None = None
        self._spoke = asyncio.Event()  # there is an open utterance
        self._count = 0
        self._unsaid = 0  # closed utterances whose final is not out yet

    def feed(self, frame: av.AudioFrame) -> None:
        """A decoded frame came in. Never waits: the oldest frame is dropped when the intake is full."""
        dropped = self._intake.put(frame)
        if isinstance(dropped, av.AudioFrame):
            self._totals.intake_dropped_s += dropped.samples / WIRE_RATE

    def track_ended(self) -> None:
        """The track ended; its open utterance is closed. A new track may follow."""
        self._intake.put(TrackEnded())

    def finish(self) -> None:
        """No more audio will come. `run` delivers what was said and returns."""
        self._intake.close()

    @property
    def intake(self) -> ChannelStats:
        return self._intake.stats

    @property
    def utterances(self) -> ChannelStats:
        return self._closed.stats

    async def run(self) -> None:
        """Work until `finish` was called, or listening failed; the last final comes out either way."""
        broken: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                partials = tasks.create_task(self._send_partials())
                finals = tasks.create_task(self._send_finals())
                try:
                    await self._listen()
                except Exception as error:  # noqa: BLE001 — raised below, once what was heard before it has been said
                    broken = error
                    await self._react(self._hearing.break_off())
                partials.cancel()
                self._closed.close()
                await finals
        finally:
            self._engine.forget(self.speaker)
        if broken is not None:
            raise broken

    async def _listen(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    item = await self._intake.get()
            except TimeoutError:
                await self._react(self._hearing.tick(now=clock()))
            except ChannelClosed:
                await self._react(self._hearing.track_ended(now=clock()))
                return
            else:
                now = clock()
                if isinstance(item, TrackEnded):
                    await self._react(self._hearing.track_ended(now=now))
                else:
                    await self._react(self._hearing.frame(item, now=now))

    async def _react(self, events: list[HearingEvent]) -> None:
        for event in events:
            match event:
                case UtteranceStarted(start=start):
                    self._count += 1
                    self._open = _Open(number=self._count, start=start)
                    self._spoke.set()
                case UtteranceHeard():
                    await self._close(event)

    async def _close(self, heard: UtteranceHeard) -> None:
        spoken, self._open = self._open, None
        self._spoke.clear()
        if spoken is None or (heard.ended.voiced < self._settings.min_voiced and not spoken.revision):
            return
        utterance = _Utterance(
            number=spoken.number, shown=spoken.revision > 0, audio=heard.audio, heard_at=heard.heard_at
        )
        self._unsaid += 1
        lost = self._closed.put(utterance)
        if lost is not None:  # overload: the reader is told, in its turn, that words are missing here
            self._totals.gaps += 1
            log.warning("an utterance of %.1f s was dropped: recognition cannot keep up", seconds(len(lost.audio.pcm)))
            self._unsaid -= self._gap is not None
            nothing = AudioChunk(start=lost.audio.end, pcm=lost.audio.pcm[:0])
            shown = lost.shown or (self._gap is not None and self._gap.shown)
            self._gap = replace(lost, audio=nothing, shown=shown)

    async def _send_finals(self) -> None:
        while True:
            try:
                utterance = await self._closed.get()
            except ChannelClosed:
                return
            if self._gap is not None and self._gap.number < utterance.number:
                gap, self._gap = self._gap, None
                await self._say(gap, GAP_MARK)
            await self._say(utterance, await self._final_text(utterance))

    async def _final_text(self, utterance: _Utterance) -> str:
        pcm = utterance.audio.pcm
        try:
            hypothesis = await self._engine.transcribe(
                lambda: pcm,
                kind=Kind.FINAL,
                speaker=self.speaker,
                language=self._language.code,
                due=utterance.heard_at,
            )
        except (EngineError, SchedulerFull) as error:
            self._totals.gaps += 1
            log.error("an utterance of %.1f s was not transcribed: %s", seconds(len(pcm)), error)
            return GAP_MARK
        return hypothesis.text

    async def _send_partials(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._spoke.wait()
            spoken = self._open
            if spoken is None or not self._partial_is_due():
                await asyncio.sleep(seconds(FRAME))
                continue
            asked_at = clock()
            await self._send_partial(spoken)
            took = clock() - asked_at
            # Where a decode takes long, asking again at once would only make every speaker's finals late.
            interval = max(self._settings.partial_interval_s, took * PARTIAL_SHARE)
            await asyncio.sleep(max(interval - took, seconds(FRAME)))

    def _partial_is_due(self) -> bool:
        """Not in a pause, which may be the end: the final would wait for a partial that nobody needs.

        Nor before the last final is out: a reader has one open line a speaker, and it still belongs to that one.
        """
        enough = self._hearing.voiced >= self._settings.first_partial
        return enough and self._hearing.speaking and not self._unsaid

    async def _send_partial(self, spoken: _Open) -> None:
        newest = (self._hearing.end, self._hearing.heard_at)

        def cut() -> Pcm:
            nonlocal newest
            newest = (self._hearing.end, self._hearing.heard_at)
            return self._hearing.read(spoken.start, self._hearing.end).pcm

        try:
            hypothesis = await self._engine.transcribe(
                cut,
                kind=Kind.PARTIAL,
                speaker=self.speaker,
                language=self._language.code,
                due=self._hearing.heard_at,
            )
        except (EngineError, SchedulerFull):
            return  # the final will say it, or mark the gap
        if self._open is not spoken or not hypothesis.text:
            return  # the utterance is closed: its final supersedes this
        spoken.revision += 1
        await self._emit(
            PartialTranscript(
                speaker=self.speaker,
                utterance=spoken.number,
                revision=spoken.revision,
                text=hypothesis.text,
                language_id=self._language.id,
                start=spoken.start,
                end=newest[0],
                heard_at=newest[1],
            )
        )

    async def _say(self, utterance: _Utterance, text: str) -> None:
        if text or utterance.shown:  # else a noise: nothing was shown, so there is nothing to close
            await self._emit_final(utterance, text)
        self._unsaid -= 1

    async def _emit_final(self, utterance: _Utterance, text: str) -> None:
        await self._emit(
            FinalTranscript(
                speaker=self.speaker,
                utterance=utterance.number,
                text=text,
                language_id=self._language.id,
                start=utterance.audio.start,
                end=utterance.audio.end,
                heard_at=utterance.heard_at,
            )
        )
