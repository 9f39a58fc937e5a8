"""How fast a series grows, and how surely that is known, although its noise has a memory and single values lie. Pure.

What is measured of a process is not independent from one look to the next, and a straight line through it is thrown off
by one look at the wrong moment. So three things are done that a plain regression does not do:

- Robust: the line of Theil (1950) and Sen (1968), the median of the slopes between all pairs, is a first guess that
  a fourth of the values may spoil. What lies further from it than `CUT` deviations is moved in to there: the Winsorised
  residuals of Huber (Robust Statistics, 1981, 7.8). One step of least squares from there (Bickel 1975) loses nothing
  where there are no outliers: it then is the ordinary line.
- Memory: the noise is taken for autoregressive of first order. Residuals show less of that than the noise had,
  the more so the fewer they are (Marriott and Pope 1954); the correlation that would have left what they show is looked
  up. It is known badly, so what they show is taken larger by one standard error first (Bartlett 1946). Then what each
  value knows from the one before is taken away, and what is left is independent (Prais and Winsten 1954).
- Legs: each life of a process has a base of its own, and all share one slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from .student import quantile, tail

CONFIDENCE: Final = 0.95  # of the interval, both sides
POWER: Final = 0.8  # with which a slope is seen that is called detectable
CUT: Final = 3.0  # deviations: further out is no value but an accident
DEVIATION: Final = 1.4826  # of a normal distribution, in median absolute deviations
MOST_CORRELATION: Final = 0.95  # more than that cannot be told from a walk without a goal in runs of our length
DESIGNS: Final = 64  # kept: all metrics of a run share the same few

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`slope` ± `error`, with `freedom` of the `points` to spare. `correlation`: of each one's noise with the next."""

    slope: float
    error: float
    freedom: int
    correlation: float
    points: int

    @property
    def low(self) -> float:
        return self.slope - self._half

    @property
    def high(self) -> float:
        return self.slope + self._half

    @property
    def p_value(self) -> float:
        """How often what does not grow, or shrinks, would show so much growth or more."""
        if self.error == 0:
            return 0.0 if self.slope > 0 else 1.0
        return tail(self.slope / self.error, self.freedom)

    def detectable(self, level: float = (1 - CONFIDENCE) / 2) -> float:
        """The smallest slope that is found with a chance of `POWER` by who believes in growth from `level` on."""
        return (quantile(1 - level, self.freedom) + quantile(POWER, self.freedom)) * self.error

    @property
    def _half(self) -> float:
        return quantile((1 + CONFIDENCE) / 2, self.freedom) * self.error


def fit(x: Sequence[float], y: Sequence[float], legs: Sequence[int], *, resolution: float = 0.0) -> Trend | None:
    """The common slope of `y` on `x`, with a base for each leg; None: there is nothing to fit.

    The values come in the order of time, leg by leg, about equally far apart. What is counted in steps of `resolution`
    has at least the noise of rounding, even if all values are the same (Sheppard 1898).
    """
    design = _design(tuple(x), tuple(legs))
    if design is None:
        return None
    values = design.winsorised(np.asarray(y, dtype=np.float64), 3 * resolution)
    rounding = resolution**2 / 12
    correlation = design.correlation(design.maker @ values, rounding)
    whitener = design.whitener(correlation)
    columns, values = whitener @ design.columns, whitener @ values
    inverse = np.linalg.inv(columns.T @ columns)
    found = inverse @ columns.T @ values
    residuals = values - columns @ found
    freedom = len(values) - len(found)
    variance = max(float(residuals @ residuals) / freedom, rounding)
    return Trend(
        slope=float(found[-1]) / design.scale,
        error=float(np.sqrt(variance * inverse[-1, -1])) / design.scale,
        freedom=freedom,
        correlation=correlation,
        points=len(values),
    )


class _Design:
    """All that follows from where the series was looked at, whatever was seen there."""

    def __init__(self, x: Floats, legs: npt.NDArray[np.int64]) -> None:
        self._x, self._legs = x, legs
        self._same = legs[:, None] == legs[None, :]
        bases = (legs[:, None] == np.unique(legs)[None, :]).astype(np.float64)
        centred = x - bases @ (bases.T @ x / bases.sum(axis=0))
        self.scale = float(np.sqrt(np.mean(centred**2))) or 1.0
        self.moves = bool(np.any(centred))
        self.columns: Floats = np.column_stack([bases, centred / self.scale])
        self.maker: Floats = np.eye(len(x)) - self.columns @ np.linalg.pinv(self.columns)  # of residuals
        at = np.arange(len(x))
        self._gaps = np.abs(at[:, None] - at[None, :])

    def whitener(self, correlation: float) -> Floats:
        """Takes from each value what the one before it tells, and leaves the first of a leg as it is."""
        follows = np.append(False, self._legs[1:] == self._legs[:-1])
        white = np.eye(len(self._x)) - correlation * np.diag(follows[1:].astype(np.float64), -1)
        return white / np.where(follows, np.sqrt(1 - correlation**2), 1.0)[:, None]

    def winsorised(self, y: Floats, least: float) -> Floats:
        """The series, with what lies too far out moved in. `least`: so far out is never too far."""
        first, second = self._pairs
        line = np.median((y[second] - y[first]) / (self._x[second] - self._x[first])) * self._x
        for leg in np.unique(self._legs):
            line[self._legs == leg] += np.median((y - line)[self._legs == leg])
        residuals = y - line
        cut = max(CUT * DEVIATION * float(np.median(np.abs(residuals))), least)
        return line + np.clip(residuals, -cut, cut) if cut > 0 else y

    def correlation(self, residuals: Floats, rounding: float) -> float:
        """Of the noise, by what is left of it in the residuals; never below 0, which would flatter.

        Rounding forgets: where there is no more noise than its variance, there is none that remembers.
        """
        squares = float(residuals @ residuals)
        if squares <= rounding * len(residuals):
            return 0.0
        shown = float(residuals @ self._neighbours @ residuals) / squares
        shown += np.sqrt(max(0.0, 1 - shown**2) / len(residuals))
        candidates, would_show = self._table
        return float(np.interp(shown, would_show, candidates))

    @property
    def _neighbours(self) -> Floats:
        return np.asarray((self._gaps == 1) & self._same, dtype=np.float64) / 2

    @cached_property
    def _pairs(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Within a leg, and not at the same place."""
        first, second = np.nonzero(np.triu(self._same & (self._x[:, None] != self._x[None, :]), 1))
        return first, second

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        """What residuals would show on average, for each correlation of the noise."""
        candidates = np.linspace(0.0, MOST_CORRELATION, 96)
        powers = candidates[:, None] ** np.arange(len(self._x))[None, :]
        gaps = self._gaps[self._same]
        shown = np.bincount(gaps, (self.maker @ self._neighbours @ self.maker)[self._same], minlength=len(self._x))
        squares = np.bincount(gaps, self.maker[self._same], minlength=len(self._x))
        return candidates, np.maximum.accumulate((powers @ shown) / (powers @ squares))


@lru_cache(maxsize=DESIGNS)
def _design(x: tuple[float, ...], legs: tuple[int, ...]) -> _Design | None:
    if len(x) < len(set(legs)) + 2:  # a base for each leg, a slope, and one to spare
        return None
    design = _Design(np.asarray(x, dtype=np.float64), np.asarray(legs, dtype=np.int64))
    return design if design.moves else None
