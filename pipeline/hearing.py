"""What one speaker's audio says about its utterances: downsampling, voice detection and endpointing in one place.

No asyncio and no clock of its own: frames and `now` in, utterance events out. The audio itself waits in a ring until
somebody reads it.
"""

from __future__ import annotations

import av
import numpy as np

from .audio import FRAME, AudioChunk, Pcm, seconds
from .decode import Downsampler
from .ring import AudioRing
from .segmenter import Segmenter, SegmenterEvent, SegmenterSettings
from .totals import Totals
from .vad import VoiceDetector


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
    def speaking(self) -> bool:
        """An utterance is open, and its newest frame is speech."""
        return self._segmenter.speaking

    def frame(self, frame: av.AudioFrame, *, now: float) -> list[SegmenterEvent]:
        """A decoded frame came in."""
        filled = self._downsampler.filled
        chunks = self._downsampler.feed(frame)
        self._totals.filled_s += seconds(self._downsampler.filled - filled)
        return self._hear(chunks, now)

    def track_ended(self, *, now: float) -> list[SegmenterEvent]:
        """No more frames of this track; another track may follow."""
        return [*self._hear(self._downsampler.restart(), now), *self._segmenter.end()]

    def tick(self, *, now: float) -> list[SegmenterEvent]:
        """No frame came for a while."""
        return self._segmenter.tick(now=now)

    def read(self, start: int, end: int) -> AudioChunk:
        """A copy of the audio between two media times, as far as it is kept."""
        return self._ring.read(start, end)

    def _hear(self, chunks: list[AudioChunk], now: float) -> list[SegmenterEvent]:
        events: list[SegmenterEvent] = []
        for chunk in chunks:
            if chunk.start != self._ring.end:
                self._rest = self._rest[:0]  # media time jumped: less than a frame is given up
            self._ring.write(chunk)
            self._totals.audio_s += seconds(len(chunk.pcm))
            self.heard_at = now
            pcm = np.concatenate((self._rest, chunk.pcm))
            start = chunk.end - len(pcm)
            whole = len(pcm) - len(pcm) % FRAME
            for offset in range(0, whole, FRAME):
                speech = self._detector.is_speech(pcm[offset : offset + FRAME])
                if speech:
                    self.speech_at = now
                events += self._segmenter.audio(speech, start=start + offset, now=now)
            self._rest = pcm[whole:]
        return events
