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
ENOUGH: Final = 80  # waits in each lot, of words that are in both: four of them are beyond its p95
DRAWS: Final = 2000
BLOCK: Final = 8  # waits in a row are drawn together: what one was kept waiting by, the next may have been, too
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


def slowdown(calm: Sequence[Wait], fault: Sequence[Wait]) -> Slowdown | None:
    """Of waits in the order in which they began. None: of one lot there are too few to compare.

    The interval is that of a bootstrap by moving blocks (Künsch 1989), because waits in a row have much in common.
    """
    common = {words for words, _ in calm} & {words for words, _ in fault}
    numbers = {words: number for number, words in enumerate(sorted(common))}
    before, during = _Lot(calm, numbers), _Lot(fault, numbers)
    if min(len(before), len(during)) < ENOUGH:
        return None
    chance = np.random.default_rng(SEED)
    draws = (_p95s(before, during, before.drawn(chance), during.drawn(chance)) for _ in range(DRAWS))
    changes = [slow / usual - 1.0 for usual, slow in filter(None, draws)]
    if not changes:
        return None
    low, high = np.quantile(changes, [(1 - SURE) / 2, (1 + SURE) / 2])
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
        self.words = np.array([number for number, _ in known], dtype=int)
        self.once = np.ones(len(known), dtype=int)

    def __len__(self) -> int:
        return len(self._ms)

    def drawn(self, chance: np.random.Generator) -> Times:
        """The waits are taken as a circle, so that all are drawn as often."""
        begins = chance.integers(len(self), size=math.ceil(len(self) / BLOCK))
        which = (begins[:, None] + np.arange(BLOCK)).ravel()[: len(self)] % len(self)
        return np.bincount(which, minlength=len(self))

    def percentile(self, percent: float, times: Times) -> float:
        """With all words that came at all of the same weight."""
        weight = times / np.bincount(self.words, times)[self.words].clip(1)
        reached = np.cumsum(weight[self._rising])
        return float(self._ms[self._rising[np.searchsorted(reached, percent / 100 * reached[-1] * (1 - ROUNDING))]])


def _p95s(before: _Lot, during: _Lot, calm: Times, fault: Times) -> tuple[float, float] | None:
    """Of the words that are in both draws. None: there are none."""
    words = np.intersect1d(before.words[calm > 0], during.words[fault > 0])
    if not len(words):
        return None
    calm, fault = calm * np.isin(before.words, words), fault * np.isin(during.words, words)
    return before.percentile(PERCENT, calm), during.percentile(PERCENT, fault)
