"""Delays between tries: they grow, they are spread, they have a floor and a ceiling."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import BackoffSettings, delays


def longest(low, high):
    return high


def shortest(low, high):
    return low


def first(count, uniform, **settings):
    return list(islice(delays(BackoffSettings(**settings), uniform), count))


def test_the_longest_waits_double_up_to_the_cap():
    assert first(7, longest, first_s=0.5, cap_s=10.0) == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_the_shortest_waits_stay_on_the_floor():
    assert first(3, shortest, floor_s=0.1) == [0.1, 0.1, 0.1]


def test_each_wait_is_drawn_from_nothing_to_the_step():
    draws = []

    def draw(low, high):
        draws.append((low, high))
        return high / 2

    assert first(3, draw, first_s=1.0, cap_s=3.0) == [0.5, 1.0, 1.5]
    assert draws == [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]


def test_two_that_count_do_not_disturb_each_other():
    settings = BackoffSettings(first_s=1.0, cap_s=10.0)
    early, late = delays(settings, longest), delays(settings, longest)

    assert [next(early), next(early), next(late), next(early)] == [1.0, 2.0, 1.0, 4.0]


@given(fraction=st.floats(0.0, 1.0), count=st.integers(1, 200))
def test_no_wait_is_below_the_floor_or_above_the_cap(fraction, count):
    settings = BackoffSettings()

    waits = list(islice(delays(settings, lambda low, high: low + fraction * (high - low)), count))

    assert all(settings.floor_s <= wait <= settings.cap_s for wait in waits)


@pytest.mark.parametrize("cap_s", [0.5, 1.0])
def test_a_first_step_beyond_the_cap_is_capped_as_well(cap_s):
    assert first(2, longest, first_s=2.0, cap_s=cap_s) == [cap_s, cap_s]


def test_the_longest_wait_lets_captions_be_back_within_five_seconds_of_the_server():
    assert BackoffSettings().cap_s < 5.0 / 2  # the rest is for the join, the subscription and the first words
