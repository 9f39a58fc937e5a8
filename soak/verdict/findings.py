"""What is found of each metric and of a whole run: in numbers for programs, in sentences for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from .sample import METRICS
from .trend import Trend

DIGITS: Final = 6  # of numbers in JSON, after the point
SHOWN: Final = 3  # digits that people are shown of a slope


class Outcome(StrEnum):
    """Of one metric, or of a run."""

    FLAT = "flat"
    LEAK = "leak"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Of one metric. Slopes are None where nobody came, spoke, or no time passed.

    `axis`: of which slope the outcome was found. `detectable`: the smallest slope on it that would have been called
    a leak four times in five; `p_value`: after Holm's correction. `left`: more at the end of a life than at its first
    rest; None: it may stay, or there were no rests. `levels_off`: it grew, and in the second half no longer for sure.
    """

    metric: str
    verdict: Outcome
    axis: str | None
    per_join: Trend | None
    per_utterance: Trend | None
    per_hour: Trend | None
    detectable: float | None
    p_value: float | None
    levels_off: bool
    growth: float | None
    first: float
    last: float
    peak: float
    left: float | None

    @property
    def sentence(self) -> str:
        metric = METRICS[self.metric]
        label = metric.label[0].upper() + metric.label[1:]
        if self.left:
            return f"{label}: {number(self.left)} {metric.unit} more are left than there were before anybody came."
        trend = {"join": self.per_join, "utterance": self.per_utterance}.get(self.axis or "")
        if trend is None or self.growth is None:
            return f"{label}: cannot tell, there is too little to look at."
        each = f"{metric.unit} per {self.axis}"
        span = f"{number(trend.slope)} {each} (95 %: {number(trend.low)} to {number(trend.high)})"
        if self.verdict is Outcome.LEAK:
            grown = f"{number(self.growth)} {metric.unit}"
            return f"{label}: a leak, {span}, to the end; {grown} in this run."
        if self.verdict is Outcome.FLAT:
            if self.left is not None:
                return f"{label}: nothing is left, everything was back when everybody had gone."
            return f"{label}: flat, {span}" + (", and the growth levels off." if self.levels_off else ".")
        smallest = f"the smallest leak that this run would have shown is {number(self.detectable or 0.0)} {each}"
        return f"{label}: cannot tell. It changes by {span}; {smallest}."

    def as_json(self) -> dict[str, Any]:
        metric = METRICS[self.metric]
        return {
            "metric": self.metric,
            "label": metric.label,
            "unit": metric.unit,
            "verdict": str(self.verdict),
            "axis": self.axis,
            "per_join": slope(self.per_join),
            "per_utterance": slope(self.per_utterance),
            "per_hour": slope(self.per_hour),
            "detectable": rounded(self.detectable),
            "p_value": rounded(self.p_value),
            "levels_off": self.levels_off,
            "growth": rounded(self.growth),
            "first": rounded(self.first),
            "last": rounded(self.last),
            "peak": rounded(self.peak),
            "left": rounded(self.left),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`points` values of each metric were looked at; `at_rest`: when everybody had left, else under load."""

    verdict: Outcome
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    points: int
    at_rest: bool

    def finding(self, metric: str) -> Finding | None:
        return next((each for each in self.findings if each.metric == metric), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "rss_slope_kb_per_subscription": _per_subscription(self.finding("rss_kb")),
            "points": self.points,
            "at_rest": self.at_rest,
            "findings": [each.as_json() for each in self.findings],
        }


def slope(trend: Trend | None) -> dict[str, float | None] | None:
    if trend is None:
        return None
    return {"slope": rounded(trend.slope), "low": rounded(trend.low), "high": rounded(trend.high)}


def _per_subscription(rss: Finding | None) -> dict[str, float | None] | None:
    found = slope(rss.per_join) if rss is not None else None
    if rss is None or found is None:
        return None
    return {**found, "detectable": rounded(rss.detectable) if rss.axis == "join" else None}


def rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def number(value: float) -> str:
    """For people: 0.0123, -4.57, 12,300."""
    if abs(value) < 0.5 / 10**DIGITS:
        return "0"
    if abs(value) >= 10**SHOWN:
        return f"{value:,.0f}"
    short = f"{value:.{SHOWN}g}"
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if "e" in short else short
