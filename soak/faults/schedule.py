"""Which fault strikes when. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .fault import Fault


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that is to strike so many seconds after the run began."""

    at_s: float
    fault: Fault


def plan(
    faults: Sequence[Fault],
    *,
    begin_s: float,
    end_s: float,
    calm_s: float,
    watch_s: float,
    seed: int,
    scale: float = 1.0,
    every_s: float = 0.0,
) -> list[Planned]:
    """All faults in an order that `seed` decides, then all again in another one, until the time is over.

    Before each strike there are `calm_s` in which nothing is wrong, or more where it needs more, and after its healing
    `watch_s` in which nothing else strikes. `every_s`: at least so long from one strike to the next. One that would not
    be healed and watched by `end_s` is left out. The first strike comes after a calm, too. Raises `ValueError` where it
    would never end.
    """
    planned: list[Planned] = []
    if not faults:
        return planned
    if calm_s + watch_s + every_s <= 0:
        raise ValueError("faults need some time between them")
    free_s, next_s = begin_s, begin_s  # the one before is over; another one may strike

    def strikes_at(fault: Fault) -> float:
        return max(free_s + max(calm_s, fault.calm_s), next_s)

    def over_at(fault: Fault) -> float:
        return strikes_at(fault) + fault.seconds(scale) + watch_s

    for fault in _rounds(faults, seed):
        if min(over_at(each) for each in faults) > end_s:
            return planned
        if over_at(fault) <= end_s:
            planned.append(Planned(strikes_at(fault), fault))
            free_s, next_s = over_at(fault), planned[-1].at_s + every_s
    return planned


def _rounds(faults: Sequence[Fault], seed: int) -> Iterator[Fault]:
    """Without end. No round begins with what the one before ended with, unless there is nothing else."""
    number, last = 0, ""
    while True:
        order = sorted(faults, key=lambda each: hashlib.sha256(f"{seed} {number} {each.name}".encode()).digest())
        if order[0].name == last:
            order.append(order.pop(0))
        yield from order
        number, last = number + 1, order[-1].name
