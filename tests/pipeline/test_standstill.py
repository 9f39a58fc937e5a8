from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.standstill import STANDSTILL_S, Looks

EVERY_S = 0.25


@pytest.mark.parametrize(
    ("after_s", "stood_s"),
    [(0.0, 0.0), (EVERY_S, 0.0), (EVERY_S + STANDSTILL_S - 0.01, 0.0), (EVERY_S + 20.0, 20.0)],
    ids=["at once", "in time", "a little late", "after a stop"],
)
def test_only_a_look_that_comes_far_too_late_tells_of_a_standstill(after_s, stood_s):
    assert Looks(EVERY_S, now=100.0).stood_still_s(now=100.0 + after_s) == pytest.approx(stood_s)


def test_a_standstill_is_told_once():
    looks = Looks(EVERY_S, now=0.0)
    assert looks.stood_still_s(now=20.0)
    assert not looks.stood_still_s(now=20.0 + EVERY_S)


@given(st.lists(st.floats(0.0, 3 * STANDSTILL_S), min_size=1, max_size=30))
def test_what_is_left_of_the_time_between_two_looks_is_never_long(pauses):
    looks = Looks(EVERY_S, now=0.0)
    for pause, now in zip(pauses, itertools.accumulate(pauses), strict=True):
        stood_s = looks.stood_still_s(now=now)
        assert 0.0 <= stood_s <= pause
        assert pause - stood_s < EVERY_S + STANDSTILL_S + 1e-9
