"""Does anything leak? Found from samples of a run, for all metrics together. Pure.

A leak shows in three ways at once: it is growth beyond chance, it goes on to the end, and it is large enough to matter.
Joins, utterances and hours advance together in a run, so a leak of each shows in the slopes on all three. All three
are reported, but only one is judged: that on joins, or on utterances where nobody joined. To judge on all would be to
take three chances of a false alarm for one question.

With a dozen metrics, one of a hundred healthy runs may be called a leak, not one of eight: Holm (1979). His correction
holds however much the metrics depend on each other, and resident memory and heap do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from .findings import Finding, Outcome, Verdict
from .sample import LOAD, METRICS, REST, WARM_UP, Metric, Sample
from .trend import Trend, fit

FAMILY_LEVEL: Final = 0.01  # of healthy runs, at most so many are called a leak by the slope of any metric
LATE_LEVEL: Final = 0.02  # for growth in the second half, which comes on top of that
MIN_RESTS: Final = 5  # of each leg, on average; else the samples under load are taken …
MIN_LOADED: Final = 20  # … of which there must be more: they are noisier
MAX_POINTS: Final = 200  # of a series; more are drawn together, neighbours with neighbours
DECISIVE: Final = ("rss_kb", "heap_kb")  # a run is not flat without them
SLACK: Final = 4.0  # times the limits of what is counted exactly, at most: minutes are enough for these
HOUR_S: Final = 3600.0

_Kind = TypeVar("_Kind")
Group = Sequence[Sample]  # looked at together: one rest, or one moment under load


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """One metric over the run. `whole` and `late` (the second half of each leg): trends by axis.

    `span`: how far the run went on the axis of the verdict.
    """

    name: str
    whole: Mapping[str, Trend | None]
    late: Mapping[str, Trend | None]
    span: float
    finding: Finding


def judge(samples: Sequence[Sample], *, slack: float = 1.0) -> Verdict:
    """The samples of a run; any order. `slack`: so many times the limits of `METRICS` still pass for flat, in runs that
    are too short to prove more; of resident memory, that is. What is called a leak does not depend on it.
    """
    groups, rests, at_rest = _looked_at(samples)
    enough = len(groups) >= (MIN_RESTS if at_rest else MIN_LOADED)
    late = _at(_second_halves([group[0].leg for group in groups]), groups)
    axis = next((axis for axis in _AXES if _moves(late, axis)), None) if enough else None
    after = [each for each in samples if each.phase != WARM_UP]
    names = [name for name in METRICS if any(name in each.values for each in after)]
    courses = [_course(name, groups, rests, after, axis) for name in names]
    trends = [each.whole.get(axis) if axis else None for each in courses]
    corrected = holm([trend.p_value if trend else 1.0 for trend in trends])
    findings = tuple(_judged(each, p, len(courses), slack) for each, p in zip(courses, corrected, strict=True))
    outcome, reasons = _together(findings, enough=enough, axis=axis, points=len(groups), at_rest=at_rest)
    return Verdict(verdict=outcome, findings=findings, reasons=reasons, points=len(groups), at_rest=at_rest)


def holm(p_values: Sequence[float]) -> list[float]:
    """The chances, corrected for their number: each may be compared with the level of the whole family."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, so_far = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = so_far
    return corrected


def _joins(sample: Sample) -> float:
    return sample.joins


def _utterances(sample: Sample) -> float:
    return sample.utterances


def _hours(sample: Sample) -> float:
    return sample.at_s / HOUR_S


_AXES: Final[dict[str, Callable[[Sample], float]]] = {"join": _joins, "utterance": _utterances}


def _looked_at(samples: Sequence[Sample]) -> tuple[list[Group], list[Group], bool]:
    """What is judged, all rests after the warm-up, and whether the one is the other."""
    ordered = sorted(samples, key=lambda each: (each.leg, each.at_s))
    runs = [list(run) for _, run in itertools.groupby(ordered, key=lambda each: (each.leg, each.phase))]
    rests: list[Group] = [run for run in runs if run[0].phase == REST]
    loaded: list[Group] = [[each] for run in runs if run[0].phase == LOAD for each in run]
    legs = {run[0].leg for run in runs if run[0].phase != WARM_UP}
    at_rest = len(rests) >= MIN_RESTS * max(1, len(legs))
    return _thinned(rests if at_rest else loaded), rests, at_rest


def _thinned(groups: list[Group]) -> list[Group]:
    size = -(-len(groups) // MAX_POINTS)
    if size <= 1:
        return groups
    thin: list[Group] = []
    for _, leg in itertools.groupby(groups, key=lambda group: group[0].leg):
        own = list(leg)
        thin += [list(itertools.chain(*own[at : at + size])) for at in range(0, len(own), size)]
    return thin


def _moves(groups: Sequence[Group], axis: str) -> bool:
    legs = itertools.groupby(groups, key=lambda group: group[0].leg)
    return any(len({_AXES[axis](group[-1]) for group in leg}) > 1 for _, leg in legs)


def _course(name: str, groups: Sequence[Group], rests: Sequence[Group], after: Group, axis: str | None) -> _Course:
    groups = _having(name, groups)
    legs = [group[0].leg for group in groups]
    values = [_value(name, group) for group in groups]
    places = {each: [_mean(along, group) for group in groups] for each, along in _AXES.items()}
    late_half = _second_halves(legs)
    whole = {each: _trend(name, x, values, legs) for each, x in places.items()}
    late_values, late_legs = _at(late_half, values), _at(late_half, legs)
    late = {each: _trend(name, _at(late_half, x), late_values, late_legs) for each, x in places.items()}
    seen = [each.values[name] for each in after if name in each.values]
    finding = Finding(
        metric=name,
        verdict=Outcome.UNKNOWN,
        axis=axis,
        per_join=whole["join"],
        per_utterance=whole["utterance"],
        per_hour=_trend(name, [_mean(_hours, group) for group in groups], values, legs),
        detectable=None,
        p_value=None,
        levels_off=False,
        growth=None,
        first=(values or seen)[0],
        last=(values or seen)[-1],
        peak=max(seen),
        left=_left(name, rests) if METRICS[name].must_return else None,
    )
    return _Course(name=name, whole=whole, late=late, span=_span(places[axis], legs) if axis else 0.0, finding=finding)


def _judged(course: _Course, p_value: float, family: int, slack: float) -> Finding:
    """`p_value`: after the correction for a `family` of so many."""
    metric, axis, left = METRICS[course.name], course.finding.axis, course.finding.left
    whole, late = (course.whole[axis], course.late[axis]) if axis else (None, None)
    if whole is None or late is None:
        return replace(course.finding, verdict=Outcome.LEAK if left else Outcome.UNKNOWN)
    growth = whole.slope * course.span
    # What levels off leaks no faster than it grows at the end.
    goes_on = late.p_value <= LATE_LEVEL and late.slope * course.span >= metric.tolerance
    leaks = p_value <= FAMILY_LEVEL and growth >= metric.tolerance and goes_on
    levels_off = whole.low > 0 and growth >= metric.tolerance and not goes_on
    judged = course.late if levels_off else course.whole
    if left or leaks:
        outcome = Outcome.LEAK
    elif left == 0 or _within_limits(judged, metric, axis, slack):  # what is back to the last one has lost nothing
        outcome = Outcome.FLAT
    else:
        outcome = Outcome.UNKNOWN
    return replace(
        course.finding,
        verdict=outcome,
        detectable=max(
            whole.detectable(FAMILY_LEVEL / family),
            late.detectable(LATE_LEVEL),
            metric.tolerance / course.span,
        ),
        p_value=p_value,
        levels_off=levels_off,
        growth=growth,
    )


def _within_limits(trends: Mapping[str, Trend | None], metric: Metric, axis: str | None, slack: float) -> bool:
    """Not even the upper end of an interval is too much. Where nobody joined, an utterance may take what a join may."""
    limits = {axis: metric.per_join} if metric.per_utterance is None else {"utterance": metric.per_utterance}
    if axis == "join":
        limits["join"] = metric.per_join
    bound = [(trend, limit) for each, limit in limits.items() if each and (trend := trends[each]) is not None]
    times = slack if metric.resident else min(slack, SLACK)
    return all(trend.high < times * limit for trend, limit in bound)


def _together(
    findings: Sequence[Finding], *, enough: bool, axis: str | None, points: int, at_rest: bool
) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome of the run, and why."""
    leaks = [each.sentence for each in findings if each.verdict is Outcome.LEAK]
    if leaks:
        return Outcome.LEAK, tuple(leaks)
    if not enough:
        needed = f"{MIN_RESTS} rests of each life of the service, or {MIN_LOADED} samples under load"
        return Outcome.UNKNOWN, (f"Cannot tell: {points} looks at the service are too few; {needed} are needed.",)
    if axis is None:
        return Outcome.UNKNOWN, ("Cannot tell: nobody joined and nobody spoke after the warm-up.",)
    decisive = [each for each in findings if each.metric in DECISIVE]
    if not any(each.metric == DECISIVE[0] for each in decisive):
        return Outcome.UNKNOWN, ("Cannot tell: the memory of the main process was not measured.",)
    unknown = [each.sentence for each in decisive if each.verdict is Outcome.UNKNOWN]
    if unknown:
        return Outcome.UNKNOWN, tuple(unknown)
    back = [METRICS[each.metric].label for each in findings if each.left == 0]
    returned = [f"Back exactly where they were when everybody had left: {', '.join(back)}."] if back else []
    return Outcome.FLAT, (*(each.sentence for each in decisive), *returned)


def _having(name: str, groups: Sequence[Group]) -> list[Group]:
    measured = [[each for each in group if name in each.values] for group in groups]
    return [group for group in measured if group]


def _second_halves(legs: Sequence[int]) -> list[int]:
    """Where they are: of each leg, for what levels off does so in each life of the service anew."""
    found: list[int] = []
    for _, leg in itertools.groupby(range(len(legs)), key=legs.__getitem__):
        own = list(leg)
        found += own[len(own) // 2 :]
    return found


def _value(name: str, group: Group) -> float:
    """Of a rest, what it mostly was: not what was still closing at its beginning. A count stays whole."""
    return sorted(each.values[name] for each in group)[(len(group) - 1) // 2]


def _mean(along: Callable[[Sample], float], group: Group) -> float:
    return sum(map(along, group)) / len(group)


def _at(indices: Sequence[int], every: Sequence[_Kind]) -> list[_Kind]:
    return [every[index] for index in indices]


def _trend(name: str, x: Sequence[float], values: Sequence[float], legs: Sequence[int]) -> Trend | None:
    return fit(x, values, legs, resolution=METRICS[name].resolution)


def _span(x: Sequence[float], legs: Sequence[int]) -> float:
    own = [[place for place, each in zip(x, legs, strict=True) if each == leg] for leg in set(legs)]
    return sum(max(leg) - min(leg) for leg in own)


def _left(name: str, rests: Sequence[Group]) -> float | None:
    """More than at the first rest of the same life, at its last; over all lives. None: none had two."""
    legs = [list(leg) for _, leg in itertools.groupby(_having(name, rests), key=lambda group: group[0].leg)]
    ended = [_value(name, leg[-1]) - _value(name, leg[0]) for leg in legs if len(leg) > 1]
    return sum(max(0.0, each) for each in ended) if ended else None
