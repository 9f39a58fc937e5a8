"""The same thing is not said without end, and what was left out is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.logs.rate import LeftOut, LineRate

JOINED, LOST = ("bot.room", "joined", 20), ("signaling", "lost", 30)


def test_so_many_lines_of_a_kind_are_written_and_no_more():
    rate = LineRate(most=2, window_s=10)
    assert [rate.admits(JOINED, now=0) for _ in range(4)] == [True, True, False, False]


def test_other_kinds_are_not_held_back():
    rate = LineRate(most=1, window_s=10)
    assert rate.admits(JOINED, now=0)
    assert rate.admits(LOST, now=0)


def test_when_the_time_is_over_it_is_told_once_how_many_were_left_out():
    rate = LineRate(most=1, window_s=10)
    for _ in range(3):
        rate.admits(JOINED, now=0)
    assert rate.over(now=9) == []
    assert rate.over(now=10) == [LeftOut(kind=JOINED, number=2, since=0)]
    assert rate.over(now=11) == []
    assert rate.admits(JOINED, now=11)


def test_a_kind_of_which_nothing_was_left_out_is_not_told():
    rate = LineRate(most=1, window_s=10)
    rate.admits(JOINED, now=0)
    assert rate.over(now=60) == []


def test_of_too_many_kinds_the_oldest_is_counted_afresh():
    rate = LineRate(most=1, window_s=10, max_kinds=2)
    for kind in (JOINED, JOINED, LOST):
        rate.over(now=0)
        rate.admits(kind, now=0)
    assert rate.over(now=0) == [LeftOut(kind=JOINED, number=1, since=0)]


@given(steps=st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5)), max_size=200))
def test_every_line_is_written_or_counted_and_memory_is_bounded(steps):
    rate = LineRate(most=2, window_s=10, max_kinds=3)
    now, written, counted = 0.0, 0, 0
    for number, pause in steps:
        now += pause
        counted += sum(each.number for each in rate.over(now=now))
        written += rate.admits(("logger", number, 20), now=now)
        assert len(rate._counts) <= 3
    counted += sum(each.number for each in rate.over(now=float("inf")))
    assert written + counted == len(steps)
