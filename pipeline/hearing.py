"""What one speaker's audio says about its utterances: downsampling, voice detection and endpointing in one place.

No asyncio and no clock of its own: frames and `now` in, utterance events out. The audio itself waits in a ring until
somebody reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import av

from .audio import FRAME, AudioChunk, seconds
from .decode import Downsampler
from .judge import FrameJudge, JudgedFrame
from .ring import AudioRing
from .segmenter import (
    Phase,
    Segmenter,
    SegmenterEvent,
    SegmenterSettings,
    UtteranceEnded,
    UtterancePaused,
    UtteranceResumed,
    UtteranceStarted,
)
from .totals import Totals
from .vad import VoiceDetector

FRAME_S: Final = seconds(FRAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceHeard:
    """An utterance that has ended, with its audio; `heard_at` is when its last speech came in."""

    ended: UtteranceEnded
    audio: AudioChunk
    heard_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseHeard:
    """The open utterance may have ended. Its audio comes along: the ring may give it up before anybody reads this."""

    paused: UtterancePaused
    audio: AudioChunk


HearingEvent = UtteranceStarted | PauseHeard | UtteranceResumed | UtteranceHeard


class Hearing:
    """One per speaker. `ring_samples` must hold the longest utterance and its pre-roll."""

    def __init__(
        self, *, settings: SegmenterSettings, detector: VoiceDetector, ring_samples: int, totals: Totals
    ) -> None:
        self._downsampler: Downsampler | None = None  # its resampler is only for those who send frames
        self.judge = FrameJudge(detector)
        self._segmenter = Segmenter(settings)
        self._ring = AudioRing(ring_samples)
        self._totals = totals
        self.heard_at = 0.0  # in *now*: when the newest sample came in
        self.speech_at = 0.0  # when the newest frame with speech came in

    @property
    def end(self) -> int:
        """Media time after the newest sample."""
        return self._ring.end

    @property
    def ring_bytes(self) -> int:
        """Memory of the audio that is kept."""
        return self._ring.held_bytes

    @property
    def voiced(self) -> int:
        """Samples judged speech in the open utterance; 0 without one."""
        return self._segmenter.voiced

    @property
    def hangover(self) -> int:
        """Samples of silence that end the open utterance."""
        return self._segmenter.hangover

    @property
    def speaking(self) -> bool:
        """An utterance is open, and its newest frame is speech."""
        return self._segmenter.speaking

    @property
    def open(self) -> bool:
        """An utterance is open."""
        return self._segmenter.phase in (Phase.SPEAKING, Phase.STOPPING)

    @property
    def idle(self) -> bool:
        """Nothing is open, begun or owed: `tick` would change nothing."""
        return self._segmenter.phase is Phase.QUIET and not self.judge.owes

    def sentence_over(self, *, speech_end: int) -> None:
        """The words up to the pause since media time `speech_end` make a sentence."""
        self._segmenter.sentence_over(speech_end=speech_end)

    def frame(self, frame: av.AudioFrame, *, now: float) -> list[HearingEvent]:
        """A decoded frame came in."""
        if self._downsampler is None:
            self._downsampler = Downsampler()
        filled = self._downsampler.filled
        chunks = self._downsampler.feed(frame)
        self._totals.filled_s += seconds(self._downsampler.filled - filled)
        return self._hear(chunks, now)

    def chunk(self, chunk: AudioChunk, *, now: float) -> list[HearingEvent]:
        """16 kHz audio came in, from a source that needs no downsampling."""
        return self._hear([chunk], now)

    def judged(self, chunk: AudioChunk, frames: Sequence[JudgedFrame], *, heard_at: float) -> list[HearingEvent]:
        """16 kHz audio came in, and what `judge` said to it elsewhere."""
        events: list[HearingEvent] = []
        if chunk.start != self._ring.end:  # media time jumped
            before = [frame for frame in frames if frame.start < chunk.start]
            frames = frames[len(before) :]
            events += [*self._react(before), *self._with_audio(self._segmenter.end())]  # while the ring holds it
        self._ring.write(chunk)
        self._totals.audio_s += seconds(len(chunk.pcm))
        self.heard_at = heard_at
        events += self._react(frames)
        self._ring.forget(self._segmenter.needed_from)
        return events

    def track_ended(self, *, now: float) -> list[HearingEvent]:
        """No more frames of this track; another track may follow."""
        rest = self._downsampler.restart() if self._downsampler is not None else []
        return [*self._hear(rest, now), *self._end()]

    def source_ended(self, judged: Sequence[JudgedFrame]) -> list[HearingEvent]:
        """No more of what `judged` brought, and the verdicts that were owed; another source may follow."""
        return [*self._react(judged), *self._with_audio(self._segmenter.end())]

    def tick(self, *, now: float) -> list[HearingEvent]:
        """No frame came for a while."""
        return [*self._flush(), *self._with_audio(self._segmenter.tick(now=now))]

    def break_off(self) -> list[HearingEvent]:
        """A frame could not be taken, and none will follow: the open utterance ends with what the ring holds of it."""
        return self._end()

    def read(self, start: int, end: int) -> AudioChunk:
        """A copy of the audio between two media times, as far as it is kept."""
        return self._ring.read(start, end)

    def _hear(self, chunks: list[AudioChunk], now: float) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for chunk in chunks:
            events += self.judged(chunk, self.judge.feed(chunk, heard_at=now), heard_at=now)
        return events

    def _end(self) -> list[HearingEvent]:
        """Nothing more belongs to what was heard so far."""
        return [*self._flush(), *self._with_audio(self._segmenter.end())]

    def _flush(self) -> list[HearingEvent]:
        """Whoever has borrowed the judge brings its verdicts along."""
        return [] if self.judge.lent else self._react(self.judge.flush())

    def _react(self, frames: Sequence[JudgedFrame]) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for frame in frames:
            if frame.speech:
                self.speech_at = frame.heard_at
                self._totals.speech_s += FRAME_S
            told = self._segmenter.audio(frame.speech, level=frame.level, start=frame.start, now=frame.heard_at)
            if told:
                events += self._with_audio(told)
        return events

    def _with_audio(self, events: list[SegmenterEvent]) -> list[HearingEvent]:
        heard: list[HearingEvent] = []
        for event in events:
            if isinstance(event, UtteranceEnded):
                audio = self._ring.read(event.start, event.end)
                heard.append(UtteranceHeard(ended=event, audio=audio, heard_at=self.speech_at))
            elif isinstance(event, UtterancePaused):
                heard.append(PauseHeard(paused=event, audio=self._ring.read(event.start, event.end)))
            else:
                heard.append(event)
        return heard
