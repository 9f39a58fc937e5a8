"""What was promised of a fault against what was seen of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .fault import Fault, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Of one strike, from outside: from the strike until the watch after it was over.

    `recovery_ms` has a value for each room in which somebody spoke, counted from where `Limits.since` says; `None` in
    it: that room's captions did not come back. `left` has what has grown, against the rest before, by its name: open
    files, threads; empty where nobody was at rest. None elsewhere: it could not be seen.
    """

    expected: int  # finals
    silent: int = 0
    repeated: int = 0
    marked: int = 0
    recovery_ms: Sequence[float | None] = ()
    restarts_before: int | None = None  # of the recogniser
    restarts_after: int | None = None
    other_rooms_p95_calm_ms: float | None = None
    other_rooms_p95_fault_ms: float | None = None
    still_running: bool | None = True  # the same process as before
    left: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`kept` None: it could not be told; `measured` says why."""

    fault: str
    promise: str
    measured: str
    kept: bool | None


@dataclass(frozen=True, slots=True)
class _Finding:
    text: str
    kept: bool | None


def check(fault: Fault, observed: Observed) -> Kept:
    """One limit that was broken breaks the promise; one that could not be seen leaves it open."""
    findings = [*_of_process(fault.limits, observed), *_of_captions(fault.limits, observed)]
    verdicts = [each.kept for each in findings]
    kept = False if False in verdicts else None if None in verdicts else True
    return _told(fault, "; ".join(each.text for each in findings), kept)


def not_struck(fault: Fault, reason: str) -> Kept:
    """The fault could not be brought about."""
    return _told(fault, f"not struck: {reason}", None)


def together(found: Sequence[Kept]) -> list[Kept]:
    """One for each fault, in their order, of any number of strikes: the worst, and how many were kept. It is open only
    where none of them told anything.
    """
    by_fault: dict[str, list[Kept]] = {}
    for each in found:
        by_fault.setdefault(each.fault, []).append(each)
    return [_worst(each) for each in by_fault.values()]


def _worst(strikes: Sequence[Kept]) -> Kept:
    worst = min(strikes, key=lambda each: (False, True, None).index(each.kept))  # of those that told anything
    if len(strikes) == 1:
        return worst
    number = sum(each.kept is True for each in strikes)
    measured = f"kept {number} of {len(strikes)} times; the worst: {worst.measured}"
    return Kept(fault=worst.fault, promise=worst.promise, measured=measured, kept=worst.kept)


def _told(fault: Fault, measured: str, kept: bool | None) -> Kept:
    return Kept(fault=fault.name, promise=fault.promise, measured=measured, kept=kept)


def _of_process(limits: Limits, observed: Observed) -> Iterator[_Finding]:
    if observed.still_running is None:
        yield _Finding("the service cannot be seen from here", None)
    elif not observed.still_running:
        yield _Finding("the service did not survive it", False)
    if observed.restarts_before is not None and observed.restarts_after is not None:
        restarts = observed.restarts_after - observed.restarts_before
        if restarts != limits.restarts:
            yield _Finding(f"the recogniser was started again {restarts} times, not {limits.restarts}", False)
    elif limits.restarts:
        yield _Finding("how often the recogniser was started again is not known", None)
    for name, more in observed.left.items():
        if more > 0:
            yield _Finding(f"left behind: {more:g} {name}", False)


def _of_captions(limits: Limits, observed: Observed) -> Iterator[_Finding]:
    losses = f"{observed.silent} lost silently, {observed.marked} with a mark, {observed.repeated} repeated"
    told = f"{observed.expected} captions expected: {losses}"
    broken = bool(observed.silent or observed.repeated)
    broken |= limits.marked is not None and observed.marked > limits.marked
    if broken:
        yield _Finding(told, False)
    elif observed.expected:
        yield _Finding(told, True)
    else:
        yield _Finding("nobody spoke", None)
    if limits.recovery_s is not None:
        yield _recovery(limits.recovery_s, observed.recovery_ms)
    if limits.others_slower is not None:
        yield _others(limits.others_slower, observed)


def _recovery(limit_s: float, recovery_ms: Sequence[float | None]) -> _Finding:
    if not recovery_ms:
        return _Finding("no room had a caption to come back", None)
    back = [each for each in recovery_ms if each is not None]
    if len(back) < len(recovery_ms):
        return _Finding(
            f"captions did not come back in {len(recovery_ms) - len(back)} of {len(recovery_ms)} rooms", False
        )
    slowest_s = max(back) / 1000
    return _Finding(f"captions back after {slowest_s:.1f} s at most", slowest_s <= limit_s)


def _others(limit: float, observed: Observed) -> _Finding:
    calm, fault = observed.other_rooms_p95_calm_ms, observed.other_rooms_p95_fault_ms
    if not calm or fault is None:
        return _Finding("nobody spoke in another room", None)
    text = f"p95 of the other rooms {fault:.0f} ms, {calm:.0f} ms in calm ({fault / calm - 1:+.0%})"
    return _Finding(text, fault <= limit * calm)
