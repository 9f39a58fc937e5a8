"""What leaves the jitter ring: Opus frames in order, and the places of those that were lost."""

from __future__ import annotations

from typing import NamedTuple


class EncodedFrame(NamedTuple):
    """One packet's worth of audio. `payload` None: it was lost.

    `timestamp` and `duration` count 1/48000 s; the timestamp is unwrapped and never goes back within a source.
    `level` and `voice` are those of `RtpPacket`. `arrived_at` is in *now*: when the packet came, or was given up.
    """

    payload: bytes | None
    timestamp: int
    duration: int
    level: int
    voice: bool
    arrived_at: float

    @property
    def end(self) -> int:
        return self.timestamp + self.duration
