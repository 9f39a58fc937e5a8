"""Is there speech in it? Chunks of any length in, frames of 20 ms with their verdicts out, in media order.

A judge may be lent to a worker thread. While it is (`lent`), nobody else may ask it anything.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np

from .audio import FRAME, AudioChunk, Pcm
from .vad import VoiceDetector

MAX_UNJUDGED: Final = 64  # frames; a voice detector owes fewer verdicts than this


_new: Final = tuple.__new__  # of a named tuple: half the time


class JudgedFrame(NamedTuple):
    """`FRAME` samples from media time `start` on, which came in at `heard_at`; `level` grows with loudness."""

    start: int
    level: float
    heard_at: float
    speech: bool


class FrameJudge:
    """One per speaker."""

    def __init__(self, detector: VoiceDetector) -> None:
        self._detector = detector
        self._rest: Pcm = np.zeros(0, dtype=np.int16)  # < FRAME samples that wait for their frame to fill
        self._end = 0  # media time after the newest sample
        self._unjudged: deque[tuple[int, float, float]] = deque(maxlen=MAX_UNJUDGED)  # start, level, heard at
        self.lent = False

    @property
    def owes(self) -> bool:
        """Verdicts are still to come."""
        return bool(self._unjudged)

    def feed(self, chunk: AudioChunk, *, heard_at: float) -> list[JudgedFrame]:
        """The verdicts that are known now; a detector may owe some. What lies before a jump is judged first."""
        judged: list[JudgedFrame] = []
        if chunk.start != self._end:
            judged = self.flush()
            self._rest = self._rest[:0]  # media time jumped: less than a frame is given up
        self._end = chunk.end
        pcm = np.concatenate((self._rest, chunk.pcm)) if len(self._rest) else chunk.pcm
        start = chunk.end - len(pcm)
        wide = pcm.astype(np.float32)
        unjudged, verdicts = self._unjudged, self._detector.feed
        whole = len(pcm) - len(pcm) % FRAME
        for at in range(0, whole, FRAME):
            loud = wide[at : at + FRAME]
            unjudged.append((start + at, float(loud.dot(loud)), heard_at))  # the energy: enough to compare frames with
            for speech in verdicts(pcm[at : at + FRAME]):
                judged.append(_new(JudgedFrame, (*unjudged.popleft(), speech)))
        self._rest = pcm[whole:]
        return judged

    def flush(self) -> list[JudgedFrame]:
        """The verdicts still owed: nothing comes for a while, or ever."""
        return [JudgedFrame(*self._unjudged.popleft(), speech) for speech in self._detector.flush()]
