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


def waits(chance, number, usual_ms=700.0):
    """As captions wait: some far longer than most, and one that waits long is followed by another."""
    luck = chance.normal(size=number)
    for each in range(1, number):
        luck[each] = ALIKE * luck[each - 1] + np.sqrt(1 - ALIKE**2) * luck[each]
    return list(usual_ms * np.exp(0.25 * luck))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "DRAWS", 200)


@pytest.mark.parametrize("times", [0.7, 1.0, 1.2, 1.5])
def test_in_nineteen_of_twenty_worlds_the_truth_lies_in_the_interval(quick, times):
    chance = np.random.default_rng(3)
    found = [slowdown(waits(chance, 150), waits(chance, 300, 700.0 * times)) for _ in range(WORLDS)]
    within = sum(each.low <= times - 1 <= each.high for each in found)
    assert within >= 0.87 * WORLDS  # of a hundred worlds; 95 expected


def test_rooms_that_are_no_slower_are_seldom_called_slower_and_with_enough_captions_seldom_doubted(quick):
    chance = np.random.default_rng(4)
    found = [slowdown(waits(chance, 600), waits(chance, 600)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(False) == 0
    assert found.count(True) >= 0.9 * WORLDS


def test_rooms_that_are_half_as_slow_again_are_found_out(quick):
    chance = np.random.default_rng(5)
    found = [slowdown(waits(chance, 400), waits(chance, 400, 1050.0)).stays_below(0.2) for _ in range(WORLDS)]
    assert found.count(True) == 0
    assert found.count(False) >= 0.8 * WORLDS


def test_it_is_told_in_milliseconds_and_as_a_change():
    found = slowdown([1000.0] * ENOUGH, [1300.0] * ENOUGH)
    assert (found.calm_ms, found.fault_ms) == (1000, 1300)
    assert (found.change, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_the_same_waits_have_the_same_interval():
    lots = waits(np.random.default_rng(1), 200), waits(np.random.default_rng(2), 200)
    assert slowdown(*lots) == slowdown(*lots)


@pytest.mark.parametrize(("calm", "fault"), [(ENOUGH - 1, 1000), (1000, ENOUGH - 1), (0, 0)])
def test_of_too_few_nothing_can_be_said(calm, fault):
    assert slowdown([700.0] * calm, [700.0] * fault) is None


@pytest.mark.parametrize(("low", "high", "below"), [(-0.1, 0.2, True), (0.1, 0.3, None), (0.21, 0.4, False)])
def test_only_what_is_surely_below_a_limit_is_below_it(low, high, below):
    found = Slowdown(calm_ms=1.0, fault_ms=1.0, change=0.0, low=low, high=high)
    assert found.stays_below(0.2) is below


@given(st.lists(st.floats(1, 10_000), min_size=ENOUGH, max_size=150), st.floats(0.5, 3.0))
def test_whatever_the_waits_the_interval_has_an_order_and_holds_what_each_was_slowed_by(lot, times):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAWS", 50)
        found = slowdown(lot, [times * each for each in lot])
    assert found.low <= found.high
    assert found.change == pytest.approx(times - 1)
