"""Reconnect delays: exponential, fully jittered, capped. Pure: the random source is passed in.

Full jitter (a uniform draw between zero and the exponential step) spreads many bots that lost the same
server; the floor keeps the very first retry from being a hot loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffSettings:
    """Seconds. `rate_limited_s` is the least wait after `too_many_requests`."""

    first_s: float = 0.5
    cap_s: float = 2.0  # captions are back within seconds of the server
    floor_s: float = 0.1
    rate_limited_s: float = 30.0


def delays(settings: BackoffSettings, uniform: Callable[[float, float], float]) -> Iterator[float]:
    """Yield waits in seconds, for ever. `uniform(a, b)` draws from [a, b]."""
    step = min(settings.first_s, settings.cap_s)
    while True:
        yield max(settings.floor_s, uniform(0.0, step))
        step = min(settings.cap_s, step * 2)
