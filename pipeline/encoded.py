"""What leaves the jitter ring: Opus frames in order, the places of those that were lost, and word of long losses."""

from __future__ import annotations

from typing import Final, NamedTuple

from .opus_packet import DTX_BYTES

MISSED_S: Final = 0.5  # more audio than this is no breath: readers are told that it is missing
NOT_EVEN_NOISE: Final = 90  # -dBov: nothing that a microphone hears is as quiet as this; muted ones are


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


class Lost(NamedTuple):
    """So much audio was lost at once, in 1/48000 s, after `timestamp`: its packets were sent, and did not come."""

    timestamp: int
    duration: int


def sounds(payload: bytes | None, level: int) -> bool:
    """This came from a microphone that is on. Of one that is muted comes digital silence, or DTX."""
    return payload is not None and len(payload) > DTX_BYTES and level < NOT_EVEN_NOISE
