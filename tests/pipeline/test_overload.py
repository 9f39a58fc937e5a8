from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.overload import Ladder, LadderSettings, Step

SETTINGS = LadderSettings()
CLIMB = SETTINGS.climb_s
LATEST = CLIMB[-1] * 2
A_LITTLE = 0.001


def climbed_to(step):
    """A ladder on `step` at time 0."""
    ladder = Ladder()
    ladder.observe(late_s=CLIMB[step - 1] + A_LITTLE if step else 0.0, now=0.0)
    assert ladder.step is step
    return ladder


def rest(ladder, *, since, late_s=0.0, times=1):
    """Calm begins at `since` and lasts as long as one step down takes, `times` over."""
    for turn in range(times + 1):
        ladder.observe(late_s=late_s, now=since + turn * SETTINGS.calm_s)
    return ladder.step


def test_nothing_is_given_up_at_first():
    assert Ladder().step is Step.NORMAL


def test_there_is_a_threshold_for_each_step_and_each_is_higher_than_the_one_before():
    assert len(CLIMB) == len(Step) - 1
    assert all(lower < higher for lower, higher in itertools.pairwise((0.0, *CLIMB)))


@pytest.mark.parametrize("step", list(Step)[1:], ids=lambda step: step.name)
def test_a_step_is_climbed_when_finals_are_later_than_its_threshold_and_not_before(step):
    ladder = Ladder()
    assert ladder.observe(late_s=CLIMB[step - 1], now=0.0) is Step(step - 1)
    assert ladder.observe(late_s=CLIMB[step - 1] + A_LITTLE, now=0.0) is step


def test_up_goes_at_once_and_as_far_as_need_be():
    ladder = Ladder()
    assert ladder.observe(late_s=LATEST, now=0.0) is Step.SHED
    assert set(ladder.climbed.values()) == {1}


def test_down_goes_one_step_at_a_time_after_calm():
    ladder = climbed_to(Step.SHED)
    assert ladder.observe(late_s=0.0, now=1.0) is Step.SHED
    assert ladder.observe(late_s=0.0, now=1.0 + SETTINGS.calm_s - A_LITTLE) is Step.SHED
    assert ladder.observe(late_s=0.0, now=1.0 + SETTINGS.calm_s) is Step.NARROW
    assert ladder.observe(late_s=0.0, now=1.0 + SETTINGS.calm_s + A_LITTLE) is Step.NARROW
    assert ladder.observe(late_s=0.0, now=1.0 + 2 * SETTINGS.calm_s) is Step.FINALS_ONLY


@pytest.mark.parametrize("step", list(Step)[1:], ids=lambda step: step.name)
def test_calm_is_less_than_half_of_what_led_to_the_step(step):
    half = CLIMB[step - 1] / 2
    assert rest(climbed_to(step), since=1.0, late_s=half + A_LITTLE) is step
    assert rest(climbed_to(step), since=1.0, late_s=half) is Step(step - 1)


def test_a_moment_of_lateness_makes_the_calm_begin_anew():
    ladder = climbed_to(Step.SPARSE)
    ladder.observe(late_s=0.0, now=0.0)
    ladder.observe(late_s=CLIMB[0], now=SETTINGS.calm_s / 2)
    assert ladder.observe(late_s=0.0, now=SETTINGS.calm_s) is Step.SPARSE
    assert ladder.observe(late_s=0.0, now=2 * SETTINGS.calm_s) is Step.NORMAL


def test_a_climb_makes_the_calm_begin_anew_too():
    ladder = climbed_to(Step.SPARSE)
    ladder.observe(late_s=0.0, now=0.0)
    ladder.observe(late_s=LATEST, now=1.0)
    assert ladder.observe(late_s=0.0, now=SETTINGS.calm_s) is Step.SHED


def test_each_climb_is_counted_once():
    ladder = climbed_to(Step.FIRST_ONLY)
    ladder.observe(late_s=CLIMB[1] + A_LITTLE, now=0.1)
    assert rest(ladder, since=1.0) is Step.SPARSE
    ladder.observe(late_s=CLIMB[1] + A_LITTLE, now=100.0)
    assert ladder.climbed[Step.SPARSE] == 1
    assert ladder.climbed[Step.FIRST_ONLY] == 2
    assert not ladder.climbed[Step.FINALS_ONLY]


def test_audio_is_given_up_until_less_is_late_than_led_to_giving_it_up():
    assert 0 < Ladder().shed_below_s < CLIMB[-1]


def test_two_ladders_share_nothing():
    climbed_to(Step.SHED)
    assert Ladder().climbed[Step.SHED] == 0


# Laws, for any course of a day

days = st.lists(
    st.tuples(st.floats(0.0, SETTINGS.calm_s * 1.5), st.one_of(st.just(0.0), st.floats(-5.0, LATEST))), max_size=60
)


def course(day):
    """(now, lateness, step before, step after) of each look."""
    ladder, now, looks = Ladder(), 0.0, []
    for passed, late_s in day:
        now += passed
        looks.append((now, late_s, ladder.step, ladder.observe(late_s=late_s, now=now)))
    return ladder, now, looks


@given(days)
def test_a_ladder_is_never_below_what_the_lateness_demands(day):
    for _, late_s, _, after in course(day)[2]:
        assert after >= sum(late_s > threshold for threshold in CLIMB)


@given(days)
def test_it_falls_one_step_at_a_time_and_only_when_finals_are_hardly_late(day):
    for _, late_s, before, after in course(day)[2]:
        assert after >= before - 1
        if after < before:
            assert late_s <= CLIMB[before - 1] / 2


@given(days)
def test_between_a_climb_or_a_fall_and_the_next_fall_lies_a_calm(day):
    changed_at = None
    for now, _, before, after in course(day)[2]:
        if after < before:
            assert changed_at is not None
            assert now - changed_at >= SETTINGS.calm_s
        if after is not before:
            changed_at = now


@given(days)
def test_what_was_climbed_is_what_was_counted(day):
    ladder, _, looks = course(day)
    assert sum(ladder.climbed.values()) == sum(max(0, after - before) for _, _, before, after in looks)


@given(days)
def test_when_the_rush_is_over_everything_comes_back(day):
    ladder, now, _ = course(day)
    assert rest(ladder, since=now, times=len(Step)) is Step.NORMAL
