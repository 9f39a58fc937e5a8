"""What was promised of a fault against what was seen of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from soak.verdict.slowdown import ENOUGH, Slowdown, Wait, slowdown
from soak.world.ledger import SETTLE_S

from .fault import Fault, Limits

#: What a strike's line in the journal calls the waits for captions of rooms without the fault, before it and in it.
OTHERS_CALM: Final = "others_calm"
OTHERS_FAULT: Final = "others_fault"

RoomWait = tuple[str, int, float]  # in which room, for which words, how many milliseconds; `LOST_MS`: in vain
LOST_MS: Final = SETTLE_S * 1000.0


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
    """One limit that was broken breaks the promise; one that could not be seen leaves it open. All but `others_slower`,
    for which one strike has too few captions: `with_others`.
    """
    findings = [*_of_process(fault.limits, observed), *_of_captions(fault.limits, observed)]
    return _told(fault, "; ".join(each.text for each in findings), _all(each.kept for each in findings))


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


def with_others(kept: Kept, limit: float, calm: Sequence[RoomWait], fault: Sequence[RoomWait]) -> Kept:
    """And whether the p95 of other rooms' captions stayed below `limit` times that in calm: of all strikes together,
    because one has few captions for a p95; of all these rooms together, and of each that had captions enough. The waits
    are in the order in which they began.
    """
    found = _others(limit, calm, fault)
    measured = f"{kept.measured}; of all strikes together: {found.text}"
    return replace(kept, measured=measured, kept=_all([kept.kept, found.kept]))


def _all(kept: Iterable[bool | None]) -> bool | None:
    verdicts = set(kept)
    return False if False in verdicts else None if None in verdicts else True


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


def _others(limit: float, calm: Sequence[RoomWait], fault: Sequence[RoomWait]) -> _Finding:
    rooms = sorted({room for room, *_ in fault})
    found = slowdown(_waits(calm, *rooms), _waits(fault, *rooms), rooms=len(rooms))
    if found is None:
        few = f"{len(fault)} captions of other rooms, {len(calm)} in calm"
        return _Finding(f"{few}: too few for a p95, {ENOUGH} of each are needed, of the same words", None)
    if found.calm_ms >= LOST_MS:
        return _Finding("in calm, one in twenty captions of the other rooms was lost: what is usual is not known", None)
    p95 = f"p95 of the other rooms {found.fault_ms:.0f} ms, {found.calm_ms:.0f} ms in calm for the same words"
    text = f"{p95} ({_change(found)}; {found.fault} captions, {found.calm} in calm; p50 {found.typical:+.0%})"
    changes = [(each, room) for room in rooms if (each := _of_room(room, calm, fault, of=len(rooms))) is not None]
    if changes:
        most, room = max(changes, key=lambda change: (change[0].low > limit - 1.0, change[0].change))
        text += f"; that of room {room} changed most ({_change(most)})"
    return _Finding(text, _all([found.stays_below(limit - 1.0), *(_may_be(limit, each) for each, _ in changes)]))


def _may_be(limit: float, found: Slowdown) -> bool | None:
    """Of a single room, few captions tell little: it is believed to bear it, unless it looks otherwise."""
    return True if found.change <= limit - 1.0 else False if found.low > limit - 1.0 else None


def _of_room(room: str, calm: Sequence[RoomWait], fault: Sequence[RoomWait], *, of: int) -> Slowdown | None:
    return slowdown(_waits(calm, room), _waits(fault, room), comparisons=of)


def _waits(lot: Sequence[RoomWait], *rooms: str) -> list[Wait]:
    return [(words, ms) for room, words, ms in lot if room in rooms]


def _change(found: Slowdown) -> str:
    return f"{found.change:+.0%}, 95 %: {found.low:+.0%} to {found.high:+.0%}"
