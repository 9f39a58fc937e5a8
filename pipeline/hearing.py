"""What one speaker's audio says about its utterances: downsampling, voice detection and endpointing in one place.

No asyncio and no clock of its own: frames and `now` in, utterance events out. The audio itself waits in a ring until
somebody reads it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import av
import numpy as np

from .audio import FRAME, AudioChunk, Pcm, seconds
from .decode import Downsampler
from .ring import AudioRing
from .segmenter import (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceHeard:
    """An utterance that has ended, with its audio; `heard_at` is when its last speech came in."""

    ended: UtteranceEnded
    audio: AudioChunk
    heard_at: float


HearingEvent = UtteranceStarted | UtterancePaused | UtteranceResumed | UtteranceHeard

MAX_UNJUDGED = 64  # frames; a voice detector owes fewer verdicts than this


class Hearing:
    """One per speaker. `ring_samples` must hold the longest utterance and its pre-roll."""

    def __init__(
        self, *, settings: SegmenterSettings, detector: VoiceDetector, ring_samples: int, totals: Totals
    ) -> None:
        self._downsampler = Downsampler()
        self._detector = detector
        self._segmenter = Segmenter(settings)
        self._ring = AudioRing(ring_samples)
        self._rest: Pcm = np.zeros(0, dtype=np.int16)  # < FRAME samples that wait for their frame to fill
        self._unjudged: deque[tuple[int, float, float]] = deque(maxlen=MAX_UNJUDGED)  # start, level, heard at
        self._totals = totals
        self.heard_at = 0.0  # in *now*: when the newest sample came in
        self.speech_at = 0.0  # when the newest frame with speech came in

    @property
    def end(self) -> int:
        """Media time after the newest sample."""
        return self._ring.end

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

    def sentence_over(self, *, speech_end: int) -> None:
        """The words up to the pause since media time `speech_end` make a sentence."""
        self._segmenter.sentence_over(speech_end=speech_end)

    def frame(self, frame: av.AudioFrame, *, now: float) -> list[HearingEvent]:
        """A decoded frame came in."""
        filled = self._downsampler.filled
        chunks = self._downsampler.feed(frame)
        self._totals.filled_s += seconds(self._downsampler.filled - filled)
        return self._hear(chunks, now)

    def chunk(self, chunk: AudioChunk, *, now: float) -> list[HearingEvent]:
        """16 kHz audio came in, from a source that needs no downsampling."""
        return self._hear([chunk], now)

    def track_ended(self, *, now: float) -> list[HearingEvent]:
        """No more frames of this track; another track may follow."""
        return [*self._hear(self._downsampler.restart(), now), *self._end()]

    def tick(self, *, now: float) -> list[HearingEvent]:
        """No frame came for a while."""
        return [*self._judge(self._detector.flush()), *self._with_audio(self._segmenter.tick(now=now))]

    def break_off(self) -> list[HearingEvent]:
        """A frame could not be taken, and none will follow: the open utterance ends with what the ring holds of it."""
        return self._end()

    def read(self, start: int, end: int) -> AudioChunk:
        """A copy of the audio between two media times, as far as it is kept."""
        return self._ring.read(start, end)

    def _hear(self, chunks: list[AudioChunk], now: float) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for chunk in chunks:
            if chunk.start != self._ring.end:
                events += self._end()  # while the ring still holds it
                self._rest = self._rest[:0]  # media time jumped: less than a frame is given up
            self._ring.write(chunk)
            self._totals.audio_s += seconds(len(chunk.pcm))
            self.heard_at = now
            pcm = np.concatenate((self._rest, chunk.pcm))
            start = chunk.end - len(pcm)
            whole = len(pcm) - len(pcm) % FRAME
            for offset in range(0, whole, FRAME):
                frame = pcm[offset : offset + FRAME]
                self._unjudged.append((start + offset, _level(frame), now))
                events += self._judge(self._detector.feed(frame))
            self._rest = pcm[whole:]
        return events

    def _end(self) -> list[HearingEvent]:
        """Nothing more belongs to what was heard so far."""
        return [*self._judge(self._detector.flush()), *self._with_audio(self._segmenter.end())]

    def _judge(self, verdicts: list[bool]) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for speech in verdicts:
            start, level, heard_at = self._unjudged.popleft()
            if speech:
                self.speech_at = heard_at
            events += self._with_audio(self._segmenter.audio(speech, level=level, start=start, now=heard_at))
        return events

    def _with_audio(self, events: list[SegmenterEvent]) -> list[HearingEvent]:
        return [
            UtteranceHeard(ended=event, audio=self._ring.read(event.start, event.end), heard_at=self.speech_at)
            if isinstance(event, UtteranceEnded)
            else event
            for event in events
        ]


def _level(frame: Pcm) -> float:
    """Mean square of the samples: enough to compare frames with."""
    wide = frame.astype(np.float32)
    return float(np.dot(wide, wide)) / len(frame)
