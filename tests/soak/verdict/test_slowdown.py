"""How much slower the slowest captions of one time are than those of another, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.verdict import slowdown as module
from soak.verdict.slowdown import ENOUGH, Slowdown, slowdown

WORLDS = 100
ALIKE = 0.5  # of a wait, what it has in common with the one before
STRETCH = 30  # waits that a busy machine is slow for
USUAL_MS = np.array([400, 460, 530, 560, 570, 600, 690, 700, 750, 840, 870, 1200])  # by the words


def waits(chance, number, times=1.0, spread=0.1, busy=0.0):
    """As captions wait: each a little more or less than its words usually do, and one much like the one before."""
    luck = chance.normal(size=number)
    for each in range(1, number):
        luck[each] = ALIKE * luck[each - 1] + np.sqrt(1 - ALIKE**2) * luck[each]
    load = busy * np.repeat(chance.normal(size=number // STRETCH + 1), STRETCH)[:number]
    words = chance.integers(len(USUAL_MS), size=number)
    return list(zip(words.tolist(), (times * USUAL_MS[words] * np.exp(spread * luck + load)).tolist(), strict=True))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "DRAWS", 300)


@pytest.mark.parametrize(("number", "busy"), [(100, 0.0), (250, 0.0), (250, 0.05)])
def test_in_nineteen_of_twenty_worlds_the_truth_lies_in_the_interval(quick, number, busy):
    chance = np.random.default_rng(3)
    found = [slowdown(waits(chance, number, busy=busy), waits(chance, 2 * number, busy=busy)) for _ in range(WORLDS)]
    assert sum(each.low <= 0 <= each.high for each in found) >= 88  # of a hundred; 95 expected, two sigma are 4


def test_what_is_slower_by_just_the_limit_is_as_seldom_called_kept_as_broken(quick):
    chance = np.random.default_rng(4)
    found = [slowdown(waits(chance, 250), waits(chance, 250, 1.2)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(True) <= 8
    assert found.count(False) <= 8


def test_rooms_that_are_no_slower_are_not_called_slower_and_with_enough_captions_seldom_doubted(quick):
    chance = np.random.default_rng(5)
    found = [slowdown(waits(chance, 400), waits(chance, 400)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(False) == 0
    assert found.count(True) >= 90


def test_rooms_that_are_half_as_slow_again_are_found_out(quick):
    chance = np.random.default_rng(6)
    found = [slowdown(waits(chance, 250), waits(chance, 250, 1.5)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(True) == 0
    assert found.count(False) >= 90


def test_that_slow_words_came_more_often_is_no_slowness(quick):
    brief, long = [(1, 400.0)] * ENOUGH, [(2, 1200.0)] * ENOUGH
    found = slowdown([*brief, *brief, *long[:5]], [*brief[:5], *long, *long])
    assert (found.change, found.low, found.high, found.typical) == (0, 0, 0, 0)


def test_slow_words_that_became_slower_are_seen_however_seldom_they_came(quick):
    brief, long = [(1, 400.0)] * ENOUGH, [(2, 1200.0)] * 5
    found = slowdown([*brief, *long], [*brief, *[(words, 2 * ms) for words, ms in long]])
    assert (found.calm_ms, found.fault_ms, found.change) == (1200, 2400, 1)


def test_words_that_were_said_in_one_of_the_two_only_do_not_count():
    common = [(1, 1000.0)] * ENOUGH
    found = slowdown([*common, (2, 1.0)], [*common, *[(3, 9000.0)] * ENOUGH])
    assert (found.calm, found.fault, found.change) == (ENOUGH, ENOUGH, 0)
    assert slowdown(common, [*common[1:], (2, 9000.0)]) is None


def test_it_is_told_in_milliseconds_and_as_a_change():
    found = slowdown([(1, 1000.0)] * ENOUGH, [(1, 1300.0)] * ENOUGH)
    assert (found.calm_ms, found.fault_ms) == (1000, 1300)
    assert (found.change, found.low, found.high, found.typical) == pytest.approx((0.3, 0.3, 0.3, 0.3))


def test_the_same_waits_have_the_same_interval():
    lots = waits(np.random.default_rng(1), 200), waits(np.random.default_rng(2), 200)
    assert slowdown(*lots) == slowdown(*lots)


@pytest.mark.parametrize(("calm", "fault"), [(ENOUGH - 1, 1000), (1000, ENOUGH - 1), (0, 0)])
def test_of_too_few_nothing_can_be_said(calm, fault):
    assert slowdown([(1, 700.0)] * calm, [(1, 700.0)] * fault) is None


@pytest.mark.parametrize(("low", "high", "below"), [(-0.1, 0.2, True), (0.1, 0.3, None), (0.21, 0.4, False)])
def test_only_what_is_surely_below_a_limit_is_below_it(low, high, below):
    lots = {"calm": ENOUGH, "fault": ENOUGH, "calm_ms": 1.0, "fault_ms": 1.0, "change": 0.0, "typical": 0.0}
    assert Slowdown(**lots, low=low, high=high).stays_below(0.2) is below


WAITS = st.lists(st.tuples(st.integers(1, 3), st.floats(1, 10_000)), min_size=ENOUGH, max_size=150)


def test_one_bad_moment_that_many_rooms_share_is_not_taken_for_many(quick):
    chance = np.random.default_rng(7)
    calm, fault = waits(chance, 800), waits(chance, 800)
    fault[300:400] = [(words, 3 * ms) for words, ms in fault[300:400]]
    assert slowdown(calm, fault, rooms=1).stays_below(0.2) is False
    assert slowdown(calm, fault, rooms=20).stays_below(0.2) is None


def test_one_of_many_comparisons_is_less_sure(quick):
    chance = np.random.default_rng(7)
    lots = waits(chance, 600), waits(chance, 600)
    single, one_of_many = slowdown(*lots), slowdown(*lots, comparisons=20)
    assert one_of_many.low < single.low < single.high < one_of_many.high


@given(WAITS, st.floats(0.5, 3.0))
def test_whatever_the_waits_were_the_change_is_what_each_was_slowed_by(lot, times):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAWS", 20)
        found = slowdown(lot, [(words, times * ms) for words, ms in lot])
    assert found.low <= found.high
    assert (found.change, found.typical) == pytest.approx((times - 1, times - 1), abs=1e-9)


def test_where_all_words_came_equally_often_it_is_the_plain_p95():
    even = [(number % 3, float(number)) for number in range(1, 301)]
    assert slowdown(even, even).calm_ms == 285
