"""A leak is found, a healthy run is not accused, and who cannot tell says so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.verdict.findings import Outcome
from soak.verdict.leaks import FAMILY_LEVEL, MAX_POINTS, MIN_RESTS, holm, judge
from soak.verdict.sample import LOAD, METRICS, REST, WARM_UP, Sample

from .runs import STEADY, Run

SHORT = {"rests": 12, "joins": 25, "utterances": 100}
QUIET = {"rss_noise_kb": 150.0, "arena_kb": 256.0, "correlation": 0.2}


def counted(values, *, metric="threads", leg=0, joins=100, phase=REST, begin=0):
    """A sample for each value, so many joins apart, with load between them."""
    found = []
    for at, value in enumerate(values, begin):
        shared = {"leg": leg, "joins": at * joins, "utterances": 0, "reconnects": 0, "values": {metric: value}}
        found.append(Sample(at_s=at * 60.0, phase=LOAD, **shared))
        found.append(Sample(at_s=at * 60.0 + 30, phase=phase, **shared))
    return found


def found_of(samples, metric="threads"):
    return judge(samples).finding(metric)


def share(outcome, runs):
    verdicts = [judge(each.samples()) for each in runs]
    return sum(each.verdict is outcome for each in verdicts) / len(verdicts)


@pytest.mark.parametrize("length", [{}, SHORT])
def test_healthy_runs_are_not_accused(length):
    assert share(Outcome.LEAK, [Run(seed=seed, **length) for seed in range(150)]) <= 0.02


@pytest.mark.parametrize(
    ("leak", "metric"),
    [
        ({"per_utterance": {"heap_kb": 1.0, "rss_kb": 1.0}}, "heap_kb"),
        ({"per_join": {"peer_connections": 0.2, "open_files": 0.4}}, "peer_connections"),
        ({"per_join": {"peer_connections": 0.2, "open_files": 0.4}}, "open_files"),
        ({"per_join": {"series": 1.0}}, "series"),
    ],
)
def test_a_planted_leak_is_found_in_a_short_run(leak, metric):
    verdicts = [judge(Run(seed=seed, **SHORT, **leak).samples()) for seed in range(20)]
    found = [each.finding(metric) for each in verdicts]
    assert sum(each.verdict is Outcome.LEAK for each in found) >= 19
    assert all(each.verdict is Outcome.LEAK for each in verdicts if each.finding(metric).verdict is Outcome.LEAK)


def test_a_kilobyte_of_each_utterance_is_told_as_that():
    finding = found_of(Run(**SHORT, per_utterance={"heap_kb": 1.0}).samples(), "heap_kb")
    assert finding.per_utterance.low < 1.0 < finding.per_utterance.high
    assert finding.per_join.slope == pytest.approx(4.0, rel=0.2)
    assert finding.growth == pytest.approx(1100, rel=0.2)


def test_a_calm_healthy_run_is_flat():
    verdict = judge(Run(rests=60, joins=85, utterances=340, **QUIET).samples())
    rss = verdict.finding("rss_kb")
    assert (verdict.verdict, rss.verdict, verdict.at_rest) == (Outcome.FLAT, Outcome.FLAT, True)
    assert rss.per_join.high < METRICS["rss_kb"].per_join
    assert "threads" in verdict.reasons[-1]


def test_a_run_too_short_for_its_noise_says_what_it_would_have_seen():
    verdict = judge(Run(**SHORT).samples())
    rss = verdict.finding("rss_kb")
    assert verdict.verdict is rss.verdict is Outcome.UNKNOWN
    assert rss.detectable > METRICS["rss_kb"].per_join
    assert "the smallest leak" in verdict.reasons[0]


def test_what_is_called_detectable_is_detected():
    detectable = found_of(Run(**QUIET).samples(), "rss_kb").detectable
    runs = [Run(seed=seed, per_join={"rss_kb": 2 * detectable}, **QUIET) for seed in range(20)]
    assert share(Outcome.LEAK, runs) >= 0.8


def test_growth_that_levels_off_is_no_leak():
    grown = [1000 * (1 - np.exp(-at / 4)) + at % 2 for at in range(40)]
    finding = found_of(counted([40_000 + each for each in grown], metric="heap_kb"), "heap_kb")
    assert finding.verdict is Outcome.FLAT
    assert finding.levels_off
    assert finding.growth > METRICS["heap_kb"].tolerance


def test_the_same_growth_that_goes_on_is_one():
    finding = found_of(counted([40_000 + 50 * at + at % 2 for at in range(40)], metric="heap_kb"), "heap_kb")
    assert finding.verdict is Outcome.LEAK


def test_certain_growth_that_is_too_small_to_matter_is_no_leak():
    finding = found_of(counted([40_000 + at for at in range(30)], metric="heap_kb"), "heap_kb")
    assert finding.p_value < FAMILY_LEVEL
    assert finding.verdict is Outcome.FLAT


def test_one_thread_more_at_the_end_is_a_leak_whatever_the_slope_says():
    finding = found_of(counted([12] * 20 + [13]))
    assert (finding.left, finding.verdict) == (1, Outcome.LEAK)


@pytest.mark.parametrize("ends", [12, 11])
def test_what_was_more_in_between_but_is_back_has_leaked_nothing(ends):
    finding = found_of(counted([12, 14, 12, 15, 12, 13, 12, ends]))
    assert (finding.left, finding.verdict, finding.peak) == (0, Outcome.FLAT, 15)


def test_lines_of_metrics_need_not_come_back():
    finding = found_of(counted([300] + [301] * 29, metric="series"), "series")
    assert (finding.left, finding.verdict) == (None, Outcome.FLAT)


def test_what_is_still_closing_when_a_rest_begins_is_not_counted():
    samples = counted([12] * 10)
    closing = replace(samples[-1], at_s=samples[-1].at_s - 1, values={"threads": 30})
    settled = replace(samples[-1], at_s=samples[-1].at_s + 1)
    assert found_of([*samples, closing, settled]).left == 0


def test_the_warm_up_is_not_looked_at():
    warm = counted([9, 10, 11], phase=WARM_UP)
    after = counted([12] * 8, begin=3)
    finding = found_of([replace(each, phase=WARM_UP) for each in warm] + after)
    assert (finding.first, finding.left, finding.verdict) == (12, 0, Outcome.FLAT)


def test_each_life_of_the_service_is_measured_from_its_own_base():
    lives = [*counted([12] * 6), *counted([15] * 6, leg=1, begin=6)]
    assert found_of(lives).left == 0
    assert found_of([*lives, *counted([16], leg=1, begin=12)]).left == 1


def test_without_enough_rests_the_load_is_looked_at():
    samples = [replace(each, phase=LOAD) for each in counted([300 + at for at in range(30)], metric="series")]
    verdict = judge(samples)
    assert not verdict.at_rest
    assert verdict.finding("series").verdict is Outcome.LEAK


@pytest.mark.parametrize("samples", [[], counted([1.0] * (MIN_RESTS - 1)), counted([1.0] * 9, phase=WARM_UP)])
def test_of_too_few_looks_nothing_is_concluded(samples):
    verdict = judge(samples)
    assert verdict.verdict is Outcome.UNKNOWN
    assert "too few" in verdict.reasons[0]


def test_where_nobody_came_nothing_is_concluded():
    verdict = judge(counted([12] * 20, joins=0))
    assert verdict.verdict is Outcome.UNKNOWN
    assert "nobody joined" in verdict.reasons[0]


def test_where_nobody_joins_but_people_speak_utterances_are_judged():
    samples = [replace(each, joins=7, utterances=each.joins) for each in counted([300] * 20, metric="series")]
    finding = found_of(samples, "series")
    assert (finding.axis, finding.verdict, finding.per_join) == ("utterance", Outcome.FLAT, None)


def test_without_memory_a_run_is_not_flat():
    verdict = judge(counted([12] * 20))
    assert verdict.verdict is Outcome.UNKNOWN
    assert "not measured" in verdict.reasons[0]


def test_what_was_never_measured_is_left_out_and_what_was_missed_at_times_is_not():
    samples = Run(**SHORT).samples()
    some = [
        replace(each, values={"tasks": 9, **({"threads": 12} if number % 4 else {})})
        for number, each in enumerate(samples)
    ]
    assert {each.metric for each in judge(some).findings} == {"tasks", "threads"}
    assert found_of(some).verdict is Outcome.FLAT


def test_a_week_is_looked_at_in_no_more_points_than_fit_into_memory():
    verdict = judge(counted([12] * 1000))
    assert MAX_POINTS / 2 < verdict.points <= MAX_POINTS
    assert verdict.finding("threads").per_join.points == verdict.points


def test_joins_that_all_came_in_one_thinned_look_are_no_trouble():
    early = [replace(each, joins=min(each.joins, 500)) for each in counted([12.0] * 1000)]
    assert judge(early).verdict is Outcome.UNKNOWN


def test_a_verdict_can_be_written_as_json():
    told = json.loads(json.dumps(judge(Run(**SHORT).samples()).as_json()))
    assert {each["metric"] for each in told["findings"]} == {*STEADY} | {each for each in METRICS if "kb" in each} | {
        "heap_blocks"
    }


def test_holm_corrects_as_in_his_paper():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=15))
def test_a_correction_never_makes_surer_and_keeps_the_order(p_values):
    corrected = holm(p_values)
    assert all(each <= after <= 1 for each, after in zip(p_values, corrected, strict=True))
    ordered = sorted(zip(p_values, corrected, strict=True))
    assert [after for _, after in ordered] == sorted(corrected)


@given(st.lists(st.tuples(st.sampled_from([WARM_UP, LOAD, REST]), st.integers(0, 9), st.integers(0, 2)), max_size=60))
def test_whatever_was_seen_there_is_a_verdict(looks):
    samples = [
        Sample(
            leg=leg,
            at_s=float(at),
            phase=phase,
            joins=at,
            utterances=at // 2,
            reconnects=0,
            values={"rss_kb": float(value), "tasks": value},
        )
        for at, (phase, value, leg) in enumerate(looks)
    ]
    verdict = judge(samples)
    assert verdict.reasons
    assert (verdict.verdict is Outcome.LEAK) == any(each.verdict is Outcome.LEAK for each in verdict.findings)
    json.dumps(verdict.as_json(), allow_nan=False)
