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

    Before each strike there are `calm_s` in which nothing is wrong, and after its healing `watch_s` in which nothing
    else strikes. `every_s`: at least so long from one strike to the next. One that would not be healed and watched by
    `end_s` is left out. The first strike comes after a calm, too. Raises `ValueError` where it would never end.
    """
    planned: list[Planned] = []
    if not faults:
        return planned
    if calm_s + watch_s + every_s <= 0:
        raise ValueError("faults need some time between them")
    at_s, shortest_s = begin_s + calm_s, min(each.seconds(scale) for each in faults)
    for fault in _rounds(faults, seed):
        if at_s + shortest_s + watch_s > end_s:
            return planned
        healed_s = at_s + fault.seconds(scale) + watch_s
        if healed_s <= end_s:
            planned.append(Planned(at_s, fault))
            at_s = max(healed_s + calm_s, at_s + every_s)
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
