"""Sample clocks and the unit in which audio travels through the pipeline.

Media time is an integer count of 16 kHz samples since a speaker's first sample. It comes from RTP timestamps,
so a gap on the wire is a gap in media time, and no float seconds are added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SAMPLE_RATE: Final = 16_000  # what the VAD and Whisper take
WIRE_RATE: Final = 48_000  # Opus' RTP clock (RFC 7587 §4.1)
FRAME: Final = 320  # samples at 16 kHz: 20 ms. webrtcvad takes 10, 20 or 30 ms; Opus' usual ptime is 20

Pcm = npt.NDArray[np.int16]  # mono


def samples(seconds: float) -> int:
    """Seconds as a number of 16 kHz samples."""
    return round(seconds * SAMPLE_RATE)


def seconds(count: int) -> float:
    """A number of 16 kHz samples as seconds."""
    return count / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk:
    """16 kHz mono audio that begins at media time `start`. The array is read-only from birth."""

    start: int
    pcm: Pcm

    def __post_init__(self) -> None:
        self.pcm.flags.writeable = False

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)
