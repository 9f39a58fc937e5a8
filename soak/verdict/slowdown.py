"""By how much is the p95 of one lot of waits above that of another, and how sure is that? Pure.

How long a caption takes depends on its words more than on anything else: on whether they end a sentence, and on how
many they are. A lot in which slow words came more often would look slow; so all words count the same, however often
they came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERCENT: Final = 95.0
SURE: Final = 0.95
ENOUGH: Final = 80  # waits in each lot, of words that are in both
DRAWS: Final = 2000
BLOCK: Final = 4  # waits in a row of each room are drawn together: what held up one may have held up the next
ROUNDING: Final = 1e-9  # of sums of shares
SEED: Final = 1  # the same waits have the same interval

Wait = tuple[int, float]  # which words, and how many milliseconds above 0
Times = NDArray[np.int_]  # how often each of a lot's waits counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """Both p95 in milliseconds, and the change from the one to the other: 0.2 is a fifth more. It is between `low` and
    `high` with a confidence of 95 %. `calm` and `fault` waits were compared; `typical` is the change of the p50.
    """

    calm: int
    fault: int
    calm_ms: float
    fault_ms: float
    change: float
    low: float
    high: float
    typical: float

    def stays_below(self, limit: float) -> bool | None:
        """None: that much, or less, cannot be told."""
        return True if self.high <= limit else False if self.low > limit else None


def slowdown(calm: Sequence[Wait], fault: Sequence[Wait], *, rooms: int = 1, comparisons: int = 1) -> Slowdown | None:
    """Of waits in the order in which they began, in so many `rooms` at once. None: of one lot there are too few.

    The interval is that of a bootstrap by moving blocks (Künsch 1989), because waits in a row have much in common. It
    is wider where it is one of many `comparisons` (Bonferroni), so that all of them are right as often as one is.
    """
    common = {words for words, _ in calm} & {words for words, _ in fault}
    numbers = {words: number for number, words in enumerate(sorted(common))}
    before, during = _Lot(calm, numbers), _Lot(fault, numbers)
    if min(len(before), len(during)) < ENOUGH:
        return None
    chance, block = np.random.default_rng(SEED), rooms * BLOCK
    draws = (_p95s(before, during, before.drawn(chance, block), during.drawn(chance, block)) for _ in range(DRAWS))
    changes = [slow / usual - 1.0 for usual, slow in filter(None, draws)]
    if not changes:
        return None
    tail = (1 - SURE) / 2 / comparisons
    low, high = np.quantile(changes, [tail, 1 - tail])
    usual, slow = (each.percentile(PERCENT, each.once) for each in (before, during))
    return Slowdown(
        calm=len(before),
        fault=len(during),
        calm_ms=usual,
        fault_ms=slow,
        change=slow / usual - 1.0,
        low=float(low),
        high=float(high),
        typical=during.percentile(50.0, during.once) / before.percentile(50.0, before.once) - 1.0,
    )


class _Lot:
    """The waits of words that have a number. `once`: how often each was, and `drawn`: in a draw."""

    def __init__(self, waits: Sequence[Wait], numbers: Mapping[int, int]) -> None:
        known = [(numbers[words], ms) for words, ms in waits if words in numbers]
        self._ms = np.array([ms for _, ms in known])
        self._rising = np.argsort(self._ms)
        self._words = np.array([number for number, _ in known], dtype=int)
        self._most = len(numbers)
        self.once = np.ones(len(known), dtype=int)

    def __len__(self) -> int:
        return len(self._ms)

    def drawn(self, chance: np.random.Generator, block: int) -> Times:
        """The waits are taken as a circle, so that all are drawn as often."""
        begins = chance.integers(len(self), size=math.ceil(len(self) / block))
        which = (begins[:, None] + np.arange(block)).ravel()[: len(self)] % len(self)
        return np.bincount(which, minlength=len(self))

    def words(self, times: Times) -> NDArray[np.float64]:
        """By the number of the words, how often they came."""
        return np.bincount(self._words, times, minlength=self._most).astype(float)

    def percentile(self, percent: float, times: Times, only: NDArray[np.bool_] | None = None) -> float:
        """With the same weight for all words that came at all, or for those of them that count."""
        came = self.words(times)
        share = np.divide(1.0, came, out=np.zeros(self._most), where=(came > 0) if only is None else only)
        reached = np.cumsum((times * share[self._words])[self._rising])
        return float(self._ms[self._rising[np.searchsorted(reached, percent / 100 * reached[-1] * (1 - ROUNDING))]])


def _p95s(before: _Lot, during: _Lot, calm: Times, fault: Times) -> tuple[float, float] | None:
    """Of the words that are in both draws. None: there are none."""
    both = (before.words(calm) > 0) & (during.words(fault) > 0)
    return (before.percentile(PERCENT, calm, both), during.percentile(PERCENT, fault, both)) if both.any() else None
