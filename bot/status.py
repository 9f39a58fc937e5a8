"""How a room fares, for who looks after the service: numbers and plain causes, no words, no names, no ids."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

MAX_LATENCIES: Final = 50  # finals; the oldest is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatus:
    """`state` is a `RoomState`'s value. Speakers are heard, or wait for a place, or have left and their last words are
    being decoded; `translation_targets` are those of the `targets` who read a translation.

    `since_s`: how long ago the room was asked for. `latency_*_s`: of the newest finals, from their last sample to their
    sending; None before the first. Captions are counted once for each reader; `dropped` ones were finals.
    """

    state: str
    connected: bool
    language_id: str
    speakers_heard: int
    speakers_waiting: int
    speakers_finishing: int
    targets: int
    translation_targets: int
    since_s: float
    last_error: str | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    captions_sent: int
    captions_dropped: int


class Troubles:
    """The last thing that went wrong in a room, in words that name no person; None: nothing did."""

    def __init__(self) -> None:
        self.last: str | None = None

    def note(self, trouble: str) -> None:
        self.last = trouble


class Latencies:
    """Of the newest finals, seconds."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=MAX_LATENCIES)

    def note(self, latency_s: float) -> None:
        self._newest.append(max(latency_s, 0.0))

    def quantile(self, share: float) -> float | None:
        """The smallest latency that so many of them do not exceed; None before the first."""
        ranked = sorted(self._newest)
        return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else None
