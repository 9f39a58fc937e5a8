"""Student's t distribution, for degrees of freedom that need not be whole. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Final

STEPS: Final = 200  # of the continued fraction, of Newton's method: both end after a few dozen at most
ENOUGH: Final = 1e-12  # relative
KEPT: Final = 512  # quantiles: the same few are asked for again and again
TINY: Final = 1e-300  # in place of a zero that would be divided by


def tail(t: float, freedom: float) -> float:
    """The chance of more than `t`: half an incomplete beta function (Abramowitz and Stegun, 26.7.1)."""
    if t < 0:
        return 1 - tail(-t, freedom)
    if math.isinf(t):
        return 0.0
    square = t * t
    return _beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square)) / 2


@lru_cache(maxsize=KEPT)
def quantile(chance: float, freedom: float) -> float:
    """What is exceeded with a chance of 1 - `chance`.

    The expansion of Cornish and Fisher (Abramowitz and Stegun, 26.7.5) is a good beginning for many degrees of freedom,
    and one from below for few; the tail is convex, so Newton's method rises from there to the end.
    """
    if chance < 0.5:
        return -quantile(1 - chance, freedom)
    if chance == 0.5:
        return 0.0
    z = NormalDist().inv_cdf(chance)
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    for _ in range(STEPS):
        following = t + (tail(t, freedom) - (1 - chance)) / _density(t, freedom)
        following = following if following > 0 else t / 2
        if abs(following - t) <= ENOUGH * t:
            break
        t = following
    return t


def _density(t: float, freedom: float) -> float:
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    return math.exp(log - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """Regularised incomplete beta function at `x`; `rest` is 1 - x, without the loss of digits."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - _beta(b, a, rest, x)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(log) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of Abramowitz and Stegun, 26.5.8, from its head (Lentz 1976)."""
    value = upper = 1.0
    lower = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1 / _not_zero(1 + term * lower)
            upper = _not_zero(1 + term / upper)
            value *= lower * upper
        if abs(lower * upper - 1) <= ENOUGH:
            break
    return value


def _not_zero(number: float) -> float:
    return number if abs(number) > TINY else TINY
