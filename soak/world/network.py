"""The network between a mouth and the media server, where there is none that can be spoilt: loss, jitter, blackouts.

Sans-IO: a packet and *now* go in, and come out of `due` when it is their time; or they never do. Chance comes from a
seed, so that the same packets are lost each time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

MAX_HELD: Final = 16_384  # packets on their way: 500 people with jitter of 0.6 s; when full, the newest is dropped
MAX_JITTER_S: Final = 10.0

Way = Callable[[bytes], None]  # brings a packet to where it is due


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """`loss` is a share of the packets, `jitter_s` the longest delay of one: any from 0 on is as likely.

    In a `blackout`, nothing more is let through; what is on its way already arrives.
    """

    loss: float = 0.0
    jitter_s: float = 0.0
    blackout: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"loss is a share, from 0 to 1, not {self.loss}")
        if not 0.0 <= self.jitter_s <= MAX_JITTER_S:
            raise ValueError(f"jitter_s must be 0 to {MAX_JITTER_S:.0f}, not {self.jitter_s}")


GOOD: Final = Conditions()


class Network:
    """For any number of mouths. `free`: packets may go around it, as long as they are counted in `sent`.

    `sent` counts what was let through, `dropped` what was not.
    """

    __slots__ = ("_conditions", "_draw", "_held", "_number", "dropped", "free", "sent")

    def __init__(self, seed: int = 0) -> None:
        self._draw = np.random.default_rng(seed).random
        self._held: list[tuple[float, int, bytes, Way]] = []  # a heap; ≤ MAX_HELD
        self._number = 0  # what is due at the same time keeps its order
        self._conditions = GOOD
        self.free = True
        self.sent = 0
        self.dropped = 0

    @property
    def conditions(self) -> Conditions:
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self.free = conditions == GOOD

    @property
    def held(self) -> int:
        """Packets on their way."""
        return len(self._held)

    def send(self, packet: bytes, way: Way, *, now: float) -> bool:
        """Was it let through? Then it comes out of `due`, in its time; packets may overtake each other."""
        conditions = self._conditions
        lost = conditions.blackout or (conditions.loss > 0 and self._draw() < conditions.loss)
        if lost or len(self._held) >= MAX_HELD:
            self.dropped += 1
            return False
        delay_s = self._draw() * conditions.jitter_s if conditions.jitter_s else 0.0
        heapq.heappush(self._held, (now + delay_s, self._number, packet, way))
        self._number += 1
        self.sent += 1
        return True

    def due(self, now: float) -> list[tuple[bytes, Way]]:
        """What arrives by now, in the order of its times."""
        arrived = []
        while self._held and self._held[0][0] <= now:
            _, _, packet, way = heapq.heappop(self._held)
            arrived.append((packet, way))
        return arrived
