"""What is found is told in numbers that JSON can hold, and in sentences that need no explaining."""

from __future__ import annotations

import json

import pytest

from soak.verdict.findings import Finding, Outcome, Verdict, number
from soak.verdict.trend import Trend

TREND = Trend(slope=0.2, error=0.1, freedom=20, correlation=0.3, points=22)


def finding(**more):
    values = {
        "metric": "rss_kb",
        "verdict": Outcome.FLAT,
        "axis": "join",
        "per_join": TREND,
        "per_utterance": None,
        "per_hour": TREND,
        "detectable": 0.7,
        "p_value": 0.04,
        "levels_off": False,
        "growth": 1234.0,
        "first": 300_000.0,
        "last": 301_000.0,
        "peak": 302_000.0,
        "left": None,
    }
    return Finding(**(values | more))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Resident memory (main process): flat, 0.2 kB per join (95 %: -0.0086 to 0.409)."),
        ({"levels_off": True}, ", and the growth levels off."),
        ({"verdict": Outcome.LEAK}, "a leak, 0.2 kB per join (95 %: -0.0086 to 0.409), to the end; 1,234 kB"),
        ({"verdict": Outcome.UNKNOWN}, "the smallest leak that this run would have shown is 0.7 kB per join"),
        ({"verdict": Outcome.UNKNOWN, "axis": None}, "cannot tell, there is too little to look at"),
        ({"metric": "threads", "verdict": Outcome.LEAK, "left": 2.0}, "Threads: 2 threads more are left"),
        ({"metric": "threads", "left": 0.0}, "Threads: nothing is left"),
    ],
)
def test_a_finding_is_a_sentence(more, said):
    assert said in finding(**more).sentence


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (-1e-9, "0"), (0.0123, "0.0123"), (0.000012, "0.000012"), (-4.567, "-4.57"), (12345.6, "12,346")],
)
def test_numbers_are_short_and_without_powers_of_ten(value, shown):
    assert number(value) == shown


def test_the_slope_of_memory_per_subscription_has_its_interval():
    verdict = Verdict(verdict=Outcome.FLAT, findings=(finding(),), reasons=(), points=22, at_rest=True)
    told = json.loads(json.dumps(verdict.as_json()))
    assert told["rss_slope_kb_per_subscription"] == {
        "slope": 0.2,
        "low": pytest.approx(-0.0086, abs=1e-4),
        "high": pytest.approx(0.4086, abs=1e-4),
        "detectable": 0.7,
    }
    assert told["verdict"] == "flat"
    assert told["findings"][0]["per_utterance"] is None


@pytest.mark.parametrize("found", [(), (finding(per_join=None, axis="utterance"),)])
def test_where_nobody_joined_there_is_no_slope_per_subscription(found):
    verdict = Verdict(verdict=Outcome.UNKNOWN, findings=found, reasons=(), points=0, at_rest=False)
    assert verdict.as_json()["rss_slope_kb_per_subscription"] is None
