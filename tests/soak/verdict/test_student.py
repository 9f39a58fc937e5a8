"""Student's t, against the tables of textbooks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.verdict.student import quantile, tail

FREEDOMS = st.floats(1.0, 500.0)


@pytest.mark.parametrize(
    ("chance", "freedom", "expected"),
    [
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.95, 3, 2.353),
        (0.995, 4, 4.604),
        (0.8, 5, 0.920),
        (0.9995, 5, 6.869),
        (0.975, 10, 2.228),
        (0.99, 10, 2.764),
        (0.9, 30, 1.310),
        (0.975, 30, 2.042),
        (0.999, 60, 3.232),
        (0.975, 120, 1.980),
        (0.9995, 1, 636.619),
    ],
)
def test_the_quantiles_are_those_of_the_table(chance, freedom, expected):
    assert quantile(chance, freedom) == pytest.approx(expected, abs=6e-4)


def test_with_many_degrees_of_freedom_it_is_the_normal_distribution():
    assert quantile(0.975, 1e6) == pytest.approx(1.959966, abs=1e-5)


@pytest.mark.parametrize("t", [-3.0, -0.5, 0.0, 0.7, 12.0])
def test_with_one_degree_of_freedom_it_is_the_distribution_of_cauchy(t):
    assert tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi)


@pytest.mark.parametrize("t", [-3.0, -0.5, 0.0, 0.7, 12.0])
def test_with_two_degrees_of_freedom_it_has_a_closed_form(t):
    assert tail(t, 2) == pytest.approx(0.5 - t / (2 * math.sqrt(2 + t * t)))


def test_beyond_everything_there_is_nothing():
    assert (tail(math.inf, 7), tail(-math.inf, 7)) == (0.0, 1.0)


@given(st.floats(0.0001, 0.9999), FREEDOMS)
def test_a_quantile_is_exceeded_as_often_as_it_says(chance, freedom):
    assert tail(quantile(chance, freedom), freedom) == pytest.approx(1 - chance, rel=1e-6)


@given(st.floats(0.0, 50.0), st.floats(0.001, 50.0), FREEDOMS)
def test_more_is_exceeded_less_often_and_both_sides_are_alike(t, more, freedom):
    assert tail(t + more, freedom) <= tail(t, freedom) <= 0.5
    assert tail(-t, freedom) == pytest.approx(1 - tail(t, freedom))
