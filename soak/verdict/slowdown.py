"""By how much is the p95 of one lot of waits above that of another, and how sure is that? Pure.

How long a caption takes depends on its words more than on anything else: on whether they end a sentence, and on how
many they are. So each wait is taken as so many times what the same words usually wait in calm; else, that slow words
came more often in one lot would look like slowness.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERCENT: Final = 95.0
SURE: Final = 0.95
KNOWN: Final = 5  # waits in calm: what is usual for their words is known
ENOUGH: Final = 50  # waits in each lot, of known words; the interval tells how little they say
DRAWS: Final = 2000
BLOCK: Final = 8  # waits in a row are drawn together: what one was kept waiting by, the next may have been, too
SEED: Final = 1  # the same waits have the same interval

Wait = tuple[int, float]  # which words, and how many milliseconds above 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """Both p95 in milliseconds, whatever was said, and the change of the p95 for the same words: 0.2 is a fifth more.
    It is between `low` and `high` with a confidence of 95 %. `calm` and `fault` waits were compared.
    """

    calm: int
    fault: int
    calm_ms: float
    fault_ms: float
    change: float
    low: float
    high: float

    def stays_below(self, limit: float) -> bool | None:
        """None: that much, or less, cannot be told."""
        return True if self.high <= limit else False if self.low > limit else None


def slowdown(calm: Sequence[Wait], fault: Sequence[Wait]) -> Slowdown | None:
    """Of waits in the order in which they began. None: of one lot there are too few.

    The interval is that of a bootstrap by moving blocks (Künsch 1989), because waits in a row have much in common.
    """
    usual = _usual(calm)
    calmly, faultily = _times_usual(calm, usual), _times_usual(fault, usual)
    if min(len(calmly), len(faultily)) < ENOUGH:
        return None
    chance = np.random.default_rng(SEED)
    drawn = _drawn(faultily, chance) / _drawn(calmly, chance) - 1.0
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Slowdown(
        calm=len(calmly),
        fault=len(faultily),
        calm_ms=_p95([ms for _, ms in calm]),
        fault_ms=_p95([ms for _, ms in fault]),
        change=_p95(faultily) / _p95(calmly) - 1.0,
        low=float(low),
        high=float(high),
    )


def _usual(calm: Iterable[Wait]) -> dict[int, float]:
    by_words: dict[int, list[float]] = {}
    for words, ms in calm:
        by_words.setdefault(words, []).append(ms)
    return {words: median(waits) for words, waits in by_words.items() if len(waits) >= KNOWN}


def _times_usual(waits: Iterable[Wait], usual: Mapping[int, float]) -> NDArray[np.float64]:
    return np.array([ms / usual[words] for words, ms in waits if words in usual])


def _p95(waits: Sequence[float] | NDArray[np.float64]) -> float:
    return float(np.percentile(waits, PERCENT))


def _drawn(waits: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.float64]:
    """The p95 of each draw. The waits are taken as a circle, so that all are drawn as often."""
    length, steps = len(waits), np.arange(BLOCK)
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        begins = chance.integers(length, size=math.ceil(length / BLOCK))
        found[draw] = _p95(waits[(begins[:, None] + steps).ravel()[:length] % length])
    return found
