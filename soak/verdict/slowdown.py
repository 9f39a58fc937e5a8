"""By how much is the p95 of one lot of waits above that of another, and how sure is that? Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERCENT: Final = 95.0
SURE: Final = 0.95
ENOUGH: Final = 100  # waits in each lot: five of them are beyond its p95
DRAWS: Final = 2000
BLOCK: Final = 8  # waits in a row are drawn together: what one was kept waiting by, the next may have been, too
SEED: Final = 1  # the same waits have the same interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """Both p95, and the change from the one to the other: 0.2 is a fifth more. It is between `low` and `high` with a
    confidence of 95 %.
    """

    calm_ms: float
    fault_ms: float
    change: float
    low: float
    high: float

    def stays_below(self, limit: float) -> bool | None:
        """None: that much, or less, cannot be told."""
        return True if self.high <= limit else False if self.low > limit else None


def slowdown(calm_ms: Sequence[float], fault_ms: Sequence[float]) -> Slowdown | None:
    """Of waits above 0, in the order in which they were over. None: of one lot there are too few.

    The interval is that of a bootstrap by moving blocks (Künsch 1989), because waits in a row have much in common.
    """
    if min(len(calm_ms), len(fault_ms)) < ENOUGH:
        return None
    chance = np.random.default_rng(SEED)
    calm, fault = np.asarray(calm_ms, dtype=float), np.asarray(fault_ms, dtype=float)
    drawn = _drawn(fault, chance) / _drawn(calm, chance) - 1.0
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    usual, now = float(np.percentile(calm, PERCENT)), float(np.percentile(fault, PERCENT))
    return Slowdown(calm_ms=usual, fault_ms=now, change=now / usual - 1.0, low=float(low), high=float(high))


def _drawn(waits: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.float64]:
    """The p95 of each draw. The waits are taken as a circle, so that all are drawn as often."""
    length = len(waits)
    steps = np.arange(BLOCK)
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        begins = chance.integers(length, size=math.ceil(length / BLOCK))
        found[draw] = np.percentile(waits[(begins[:, None] + steps).ravel()[:length] % length], PERCENT)
    return found
