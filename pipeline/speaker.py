"""One speaker: decoded frames in, transcripts out. The asyncio shell around `Hearing`.

Three tasks in one group: listening turns frames into utterances, `Finals` decodes closed ones in order, `Partials`
the open one now and then. Intake never waits: it is a `DropOldest`. `finish` closes the intake; `run` then returns
when the last final has been handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import av

from .agreement import Agreement
from .asking import Asker
from .audio import WIRE_RATE, samples, seconds
from .channels import ChannelClosed, ChannelStats, DropOldest
from .encoded import MISSED_S, Lost
from .engine import Engine
from .finals import Finals
from .hearing import Hearing, HearingEvent, PauseHeard, UtteranceHeard
from .judge import FrameJudge
from .language_lock import LanguageLock
from .languages import Language
from .opus_stream import Decoded, Heard, SourceEnded
from .partials import Partials, PartialSettings
from .segmenter import SegmenterSettings, UtteranceResumed, UtteranceStarted
from .totals import Totals
from .transcript import NO_WISHES, Transcript, Wishes
from .utterance import AGREE, OpenUtterance
from .vad import VoiceDetector, WebRtcVoiceDetector

TICK_S: Final = 0.2
TOLD_EACH_S: Final = 2.0  # one mark, however much more is lost, while nothing is said in between


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSettings:
    """Frames are 20 ms. The ring must hold the longest utterance and its pre-roll.

    `allowed` are the languages, as Whisper codes, that a speaker in a room whose language is "auto" may turn out to
    speak; empty: all.
    """

    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    partials: PartialSettings = field(default_factory=PartialSettings)
    intake_frames: int = 150
    ring: int = samples(30.0)
    waiting_utterances: int = 8
    min_voiced: int = samples(0.12)  # less speech than this is a cough, not a word
    allowed: tuple[str, ...] = ()


class TrackEnded:
    """In the intake: the track ended; another may follow."""


@dataclass(frozen=True, slots=True)
class Broken:
    """In the intake: no more will come, because of this."""

    error: Exception


Item = av.AudioFrame | Heard | SourceEnded | Lost | TrackEnded | Broken


class SpeakerPipeline:
    """`speaker` is unique in the process and comes back in each transcript. `emit` may wait: a final's backpressure.

    `room` is whom the engine shares its time between. `hints` gives words that are likely to be said there, `wishes`
    who wants to read a translation at present.
    """

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
        room: str = "",
        hints: Callable[[], str] = str,
        wishes: Callable[[], Wishes] = lambda: NO_WISHES,
    ) -> None:
        self.speaker = speaker
        self._engine = engine
        self._wishes = wishes
        self._totals = totals or Totals()
        self._lock = LanguageLock(language)
        self._intake: DropOldest[Item] = DropOldest(settings.intake_frames, self._totals.queue("speaker_intake"))
        self._hearing = Hearing(
            settings=settings.segmenter,
            detector=detector or WebRtcVoiceDetector(),
            ring_samples=settings.ring,
            totals=self._totals,
        )
        asker = Asker(engine=engine, speaker=speaker, room=room, hints=hints, allowed=settings.allowed)
        self._finals = Finals(
            asker=asker,
            hearing=self._hearing,
            emit=emit,
            capacity=settings.waiting_utterances,
            min_voiced=settings.min_voiced,
            totals=self._totals,
            wishes=wishes,
        )
        self._partials = Partials(
            asker=asker,
            hearing=self._hearing,
            emit=emit,
            settled=self._finals.settled,
            settings=settings.partials,
            totals=self._totals,
        )
        self._open: OpenUtterance | None = None
        self._count = 0
        self._missed_s = 0.0  # of audio that readers have not been told of
        self._told, self._told_at = 0, 0.0  # the newest mark: its number, and when (*now*) it was told

    def feed(self, frame: av.AudioFrame) -> None:
        """A decoded frame came in. Never waits: the oldest frame is dropped when the intake is full."""
        self._take_in(frame)

    def track_ended(self) -> None:
        """The track ended; its open utterance is closed. A new track may follow."""
        self._take_in(TrackEnded())

    def hear(self, decoded: Decoded) -> None:
        """Audio that was decoded and judged elsewhere came in. Never waits, as `feed`."""
        self._totals.filled_s += decoded.filled_s
        for item in decoded.heard:
            self._take_in(item)

    def missed(self, length_s: float) -> None:
        """Audio was given up before it came in."""
        self._totals.intake_dropped_s += length_s
        self._missed_s += length_s

    def failed(self, error: Exception) -> None:
        """No more will come, because of `error`: `run` raises it once what was heard has been said."""
        self._take_in(Broken(error))

    def _take_in(self, item: Item) -> None:
        dropped = self._intake.put(item)
        if isinstance(dropped, av.AudioFrame):
            self.missed(dropped.samples / WIRE_RATE)
        elif isinstance(dropped, Heard):
            self.missed(seconds(len(dropped.chunk.pcm)))
        elif isinstance(dropped, Lost):
            self._missed_s += dropped.duration / WIRE_RATE

    def finish(self) -> None:
        """No more audio will come. `run` delivers what was said and returns."""
        self._intake.close()

    def set_language(self, language: Language) -> None:
        """From the next utterance on."""
        self._lock = LanguageLock(language)

    @property
    def judge(self) -> FrameJudge:
        """What `hear` wants its audio to be judged by."""
        return self._hearing.judge

    @property
    def intake(self) -> ChannelStats:
        return self._intake.stats

    @property
    def utterances(self) -> ChannelStats:
        return self._finals.stats

    @property
    def translations(self) -> ChannelStats:
        return self._finals.translations

    @property
    def ring_bytes(self) -> int:
        """Memory of the audio that is kept."""
        return self._hearing.ring_bytes

    @property
    def waiting_s(self) -> float:
        """How much of what was said waits for its final."""
        return self._finals.waiting_s

    async def run(self) -> None:
        """Work until `finish` was called, or listening failed; the last final comes out either way."""
        broken: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                partials = tasks.create_task(self._partials.run())
                finals = tasks.create_task(self._finals.run(tasks))
                try:
                    await self._listen(tasks)
                except Exception as error:  # noqa: BLE001 — raised below, once what was heard before it has been said
                    broken = error
                    await self._react(self._hearing.break_off(), tasks)
                partials.cancel()
                self._finals.finish()
                await finals
        finally:
            self._engine.forget(self.speaker)
            self._finals.give_up()
        if broken is not None:
            raise broken

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async with asyncio.timeout(None if self._hearing.idle else TICK_S):
                    item = await self._intake.get()
            except TimeoutError:
                if not self._intake.stats.depth and not self.judge.lent:  # else more is on its way
                    await self._react(self._hearing.tick(now=clock()), tasks)
            except ChannelClosed:
                await self._react(self._hearing.track_ended(now=clock()), tasks)
                self._told_at = 0.0  # there is no later
                self._tell_missed()
                return
            else:
                self._tell_missed()
                await self._react(self._take(item, now=clock()), tasks)
                if self._intake.stats.depth:
                    await asyncio.sleep(0)  # a backlog is no reason to keep everybody else waiting

    def _take(self, item: Item, *, now: float) -> list[HearingEvent]:
        match item:
            case Heard(chunk=chunk, judged=judged, heard_at=heard_at):
                return self._hearing.judged(chunk, judged, heard_at=heard_at)
            case SourceEnded(judged=judged):
                return self._hearing.source_ended(judged)
            case Lost(duration=duration):
                self._missed_s += duration / WIRE_RATE
                self._tell_missed()
                return []
            case TrackEnded():
                return self._hearing.track_ended(now=now)
            case Broken(error):
                raise error
            case _:
                return self._hearing.frame(item, now=now)

    def _tell_missed(self) -> None:
        """Once a stretch: while frames are still being dropped, there is more to come."""
        now = asyncio.get_running_loop().time()
        if self._missed_s < MISSED_S or (self._count == self._told and now - self._told_at < TOLD_EACH_S):
            return
        self._missed_s = 0.0
        self._count += 1
        self._told, self._told_at = self._count, now
        nothing = self._hearing.read(self._hearing.end, self._hearing.end)
        self._finals.missed(self._utterance(start=self._hearing.end, onset=self._hearing.end), nothing)

    async def _react(self, events: list[HearingEvent], tasks: asyncio.TaskGroup) -> None:
        for event in events:
            match event, self._open:
                case UtteranceStarted(), _:
                    self._begin(event)
                case PauseHeard(), OpenUtterance() as spoken:
                    self._finals.paused(spoken, event, tasks)
                case UtteranceResumed(), OpenUtterance() as spoken:
                    if (decoded := self._finals.resumed()) is not None:
                        end, heard_at = event.speech_end, self._hearing.speech_at
                        await self._partials.show(spoken, decoded, end=end, heard_at=heard_at, complete=True)
                case UtteranceHeard(), OpenUtterance() as spoken:
                    self._open = None
                    self._partials.ended()
                    self._finals.close(spoken, event)

    def _begin(self, started: UtteranceStarted) -> None:
        self._count += 1
        self._open = self._utterance(start=started.start, onset=started.onset, continues=started.continues)
        self._partials.began(self._open)

    def _utterance(self, *, start: int, onset: int, continues: bool = False) -> OpenUtterance:
        return OpenUtterance(
            number=self._count,
            start=start,
            onset=onset,
            continues=continues,
            lock=self._lock,
            agreement=Agreement(self._lock.code or "en", agree=AGREE),
            wishes=self._wishes(),
        )
