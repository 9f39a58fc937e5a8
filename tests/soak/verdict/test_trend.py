"""A slope and how surely it is known: with outliers, with noise that remembers, with several lives of a process."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.verdict.trend import MOST_CORRELATION, fit

from .runs import remembering

SERIES = st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=25)


def fitted(y, *, x=None, legs=None, resolution=0.0):
    return fit(range(len(y)) if x is None else x, y, legs or [0] * len(y), resolution=resolution)


def test_a_straight_line_is_found_exactly():
    trend = fitted([3 + 2 * at for at in range(10)])
    assert trend.slope == pytest.approx(2)
    assert (trend.low, trend.high) == pytest.approx((2, 2))
    assert trend.p_value == pytest.approx(0)


def test_of_counts_that_are_always_the_same_the_rounding_is_what_is_not_known():
    trend = fitted([17.0] * 20, resolution=1.0)
    assert trend.slope == pytest.approx(0)
    assert trend.p_value == pytest.approx(0.5)
    assert trend.correlation == 0
    assert trend.high == pytest.approx(0.0235, abs=0.001)  # 2.1 standard errors of rounding noise
    assert trend.detectable() > trend.high


@pytest.mark.parametrize("wrong", [1e6, -1e6])
@pytest.mark.parametrize("at", [0, 11, 29])
def test_one_value_that_is_far_out_does_not_turn_the_line(wrong, at):
    y = np.arange(30.0) + np.random.default_rng(7).normal(scale=0.5, size=30)
    clean = fitted(y)
    y[at] += wrong
    spoilt = fitted(y)
    assert spoilt.slope == pytest.approx(clean.slope, abs=0.05)
    assert spoilt.error < 2 * clean.error


def test_without_outliers_and_memory_it_is_the_ordinary_line():
    y = [0.3 * at + (-1) ** at for at in range(30)]
    assert fitted(y).correlation == 0
    assert fitted(y).slope == pytest.approx(np.polyfit(np.arange(30), y, 1)[0])


def test_the_interval_holds_the_true_slope_as_often_as_it_says():
    """Nineteen times in twenty; rather more often where little is known of the noise, and never much less."""
    random = np.random.default_rng(13)
    held = {}
    for count, correlation in itertools.product((12, 30, 60), (0.2, 0.4, 0.6)):
        noises = (remembering(random, count, deviation=2.0, correlation=correlation) for _ in range(200))
        trends = [fitted(0.5 * np.arange(count) + noise) for noise in noises]
        held[count, correlation] = np.mean([each.low <= 0.5 <= each.high for each in trends])
    assert min(held.values()) >= 0.92
    assert 0.94 <= np.mean(list(held.values())) <= 0.98


def test_noise_that_remembers_makes_the_interval_wider_than_that_of_a_plain_regression():
    random = np.random.default_rng(3)
    trends = [fitted(remembering(random, 60, deviation=1.0, correlation=0.7)) for _ in range(50)]
    plain = 2 * 1.96 / np.sqrt(60**3 / 12)
    assert np.median([each.high - each.low for each in trends]) > 2 * plain
    assert 0.55 < np.median([each.correlation for each in trends]) <= MOST_CORRELATION


def test_what_is_detectable_is_found_four_times_in_five():
    random = np.random.default_rng(5)
    slopes = [fitted(random.normal(size=100)).detectable() for _ in range(50)]
    slope = float(np.median(slopes))
    found = [fitted(slope * np.arange(100) + random.normal(size=100)).p_value <= 0.025 for _ in range(200)]
    assert 0.7 <= np.mean(found) <= 0.92


def test_a_leak_that_is_looked_for_more_strictly_must_be_larger_to_be_seen():
    trend = fitted([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    assert trend.detectable(0.001) > trend.detectable(0.01) > trend.detectable()


def test_each_life_of_a_process_has_its_own_base():
    y = [100.0 + 2 * at for at in range(8)] + [10.0 + 2 * at for at in range(8, 16)]
    legs = [0] * 8 + [1] * 8
    assert fitted(y, legs=legs).slope == pytest.approx(2)
    assert fitted(y).slope < 0


def test_a_life_with_a_single_value_tells_nothing_and_does_no_harm():
    assert fitted([5.0, *range(1, 11)], legs=[0] + [1] * 10).slope == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "legs"), [([], []), ([1, 2], [0, 0]), ([3, 3, 3, 3], [0] * 4), ([1, 1, 2, 2, 2], [0, 0, 1, 1, 1])]
)
def test_where_nothing_moves_or_there_is_too_little_there_is_no_trend(x, legs):
    assert fit(x, [1.0] * len(x), legs) is None


@given(SERIES, st.integers(0, 3))
def test_any_series_has_a_finite_trend_around_its_slope(y, cuts):
    legs = [cuts * at // len(y) for at in range(len(y))]
    trend = fitted(y, legs=legs, resolution=1.0)
    if trend is not None:
        assert np.isfinite([trend.low, trend.high, trend.detectable()]).all()
        assert trend.low <= trend.slope <= trend.high
        assert 0 <= trend.p_value <= 1
        assert 0 <= trend.correlation <= MOST_CORRELATION
        assert trend.freedom >= 1


@given(SERIES, st.floats(-1e3, 1e3), st.sampled_from([0.001, 0.5, 1000.0]))
def test_units_and_bases_do_not_matter(y, base, unit):
    one = fitted(y, resolution=1.0)
    other = fitted([base + each for each in y], x=[unit * at for at in range(len(y))], resolution=1.0)
    assert other.slope * unit == pytest.approx(one.slope, rel=1e-5, abs=1e-3)
    assert other.error * unit == pytest.approx(one.error, rel=1e-3, abs=1e-3)


def test_an_upward_leg_and_its_mirror_image_mirror_the_slope():
    y = np.random.default_rng(11).normal(size=20) + np.arange(20)
    assert fitted(-y).slope == pytest.approx(-fitted(y).slope)
    assert fitted(-y).p_value == pytest.approx(1 - fitted(y).p_value)
