"""How much slower the slowest captions of one time are than those of another, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.verdict import slowdown as module
from soak.verdict.slowdown import ENOUGH, KNOWN, Slowdown, slowdown

WORLDS = 100
ALIKE = 0.5  # of a wait, what it has in common with the one before
USUAL_MS = np.array([400.0, 560.0, 570.0, 600.0, 690.0, 700.0, 750.0, 840.0, 1200.0])  # by the words


def waits(chance, number, times=1.0):
    """As captions wait: each a little more or less than its words usually do, one much like the one before."""
    luck = chance.normal(size=number)
    for each in range(1, number):
        luck[each] = ALIKE * luck[each - 1] + np.sqrt(1 - ALIKE**2) * luck[each]
    words = chance.integers(len(USUAL_MS), size=number)
    return list(zip(words.tolist(), (times * USUAL_MS[words] * np.exp(0.15 * luck)).tolist(), strict=True))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "DRAWS", 200)


@pytest.mark.parametrize("times", [0.7, 1.0, 1.2, 1.5])
def test_in_nineteen_of_twenty_worlds_the_truth_lies_in_the_interval(quick, times):
    chance = np.random.default_rng(3)
    found = [slowdown(waits(chance, 150), waits(chance, 300, times)) for _ in range(WORLDS)]
    within = sum(each.low <= times - 1 <= each.high for each in found)
    assert within >= 0.85 * WORLDS  # of a hundred worlds; 95 expected, a few less because what is usual is estimated


def test_rooms_that_are_no_slower_are_not_called_slower_and_with_enough_captions_seldom_doubted(quick):
    chance = np.random.default_rng(4)
    found = [slowdown(waits(chance, 250), waits(chance, 250)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(False) == 0
    assert found.count(True) >= 0.9 * WORLDS


def test_rooms_that_are_half_as_slow_again_are_found_out(quick):
    chance = np.random.default_rng(5)
    found = [slowdown(waits(chance, 250), waits(chance, 250, 1.5)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(True) == 0
    assert found.count(False) >= 0.9 * WORLDS


def test_that_slow_words_came_more_often_is_no_slowness(quick):
    quick_words, slow_words = [(1, 400.0), (1, 420.0)] * ENOUGH, [(2, 1200.0), (2, 1260.0)] * ENOUGH
    found = slowdown([*quick_words, *slow_words[:5]], [*quick_words[:5], *slow_words])
    assert found.change == pytest.approx(0.0, abs=0.05)
    assert found.fault_ms > 2 * found.calm_ms


def test_quick_words_that_become_slow_are_seen_though_others_are_slower_still(quick):
    calm = [(1, 400.0), (1, 410.0), (2, 1200.0)] * ENOUGH
    found = slowdown(calm, [(words, 2 * ms if words == 1 else ms) for words, ms in calm])
    assert found.stays_below(0.2) is False


def test_words_that_are_not_known_from_calm_are_left_out():
    calm = [(1, 1000.0)] * ENOUGH
    found = slowdown([*calm, *[(2, 1.0)] * (KNOWN - 1)], [*calm, *[(2, 9000.0)] * ENOUGH, (3, 9000.0)])
    assert (found.calm, found.fault, found.change) == (ENOUGH, ENOUGH, 0)


def test_it_is_told_in_milliseconds_and_as_a_change():
    found = slowdown([(1, 1000.0)] * ENOUGH, [(1, 1300.0)] * ENOUGH)
    assert (found.calm_ms, found.fault_ms) == (1000, 1300)
    assert (found.change, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_the_same_waits_have_the_same_interval():
    lots = waits(np.random.default_rng(1), 200), waits(np.random.default_rng(2), 200)
    assert slowdown(*lots) == slowdown(*lots)


@pytest.mark.parametrize(("calm", "fault"), [(ENOUGH - 1, 1000), (1000, ENOUGH - 1), (0, 0)])
def test_of_too_few_nothing_can_be_said(calm, fault):
    assert slowdown([(1, 700.0)] * calm, [(1, 700.0)] * fault) is None


@pytest.mark.parametrize(("low", "high", "below"), [(-0.1, 0.2, True), (0.1, 0.3, None), (0.21, 0.4, False)])
def test_only_what_is_surely_below_a_limit_is_below_it(low, high, below):
    found = Slowdown(calm=ENOUGH, fault=ENOUGH, calm_ms=1.0, fault_ms=1.0, change=0.0, low=low, high=high)
    assert found.stays_below(0.2) is below


WAITS = st.lists(st.tuples(st.just(1), st.floats(1, 10_000)), min_size=ENOUGH, max_size=150)


@given(WAITS, st.floats(0.5, 3.0))
def test_whatever_the_waits_were_the_change_is_what_each_was_slowed_by(lot, times):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAWS", 50)
        found = slowdown(lot, [(words, times * ms) for words, ms in lot])
    assert found.low <= found.high
    assert found.change == pytest.approx(times - 1, abs=1e-9)
