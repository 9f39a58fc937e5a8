from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.faults.fault import Fault, Limits
from soak.faults.schedule import plan

BREAK = {"calm_s": 20.0, "watch_s": 10.0}


def fault(name, lasts_s=0.0, calm_s=0.0):
    return Fault(name=name, promise="", limits=Limits(), act=lambda *_: None, lasts_s=lasts_s, calm_s=calm_s)


def drawn(planned):
    return " ".join(f"{each.fault.name}@{each.at_s:g}" for each in planned)


def test_a_calm_comes_first_and_then_fault_and_calm_in_turn():
    planned = plan([fault("a", 5.0)], begin_s=100.0, end_s=200.0, seed=1, **BREAK)
    assert drawn(planned) == "a@120 a@155"  # 5 s of fault, 10 s of watch, 20 s of calm


def test_a_fault_that_needs_a_longer_calm_before_it_has_it():
    planned = plan([fault("a", 5.0, calm_s=50.0)], begin_s=100.0, end_s=250.0, seed=1, **BREAK)
    assert drawn(planned) == "a@150 a@215"
    assert plan([fault("a", 5.0, calm_s=50.0)], begin_s=0.0, end_s=64.0, seed=1, **BREAK) == []


def test_where_the_time_is_too_short_for_its_calm_another_one_strikes_instead():
    planned = plan([fault("a", 5.0, calm_s=50.0), fault("b")], begin_s=0.0, end_s=64.0, seed=1, **BREAK)
    assert drawn(planned) == "b@20 b@50"


def test_a_kill_each_minute_comes_each_minute():
    planned = plan([fault("a")], begin_s=0.0, end_s=190.0, seed=1, every_s=60.0, calm_s=0.0, watch_s=10.0)
    assert drawn(planned) == "a@0 a@60 a@120 a@180"


def test_each_minute_does_not_mean_before_the_one_before_is_healed_and_watched():
    planned = plan([fault("a", 75.0)], begin_s=0.0, end_s=200.0, seed=1, every_s=60.0, calm_s=5.0, watch_s=10.0)
    assert drawn(planned) == "a@5 a@95"


def test_what_would_not_be_healed_and_watched_in_time_is_left_out_and_a_shorter_one_comes_instead():
    planned = plan([fault("a", 40.0), fault("b")], begin_s=0.0, end_s=40.0, seed=1, **BREAK)
    assert drawn(planned) == "b@20"


def test_without_faults_or_without_time_there_is_nothing_to_plan():
    assert plan([], begin_s=0.0, end_s=1000.0, seed=1, **BREAK) == []
    assert plan([fault("a")], begin_s=0.0, end_s=29.0, seed=1, **BREAK) == []


def test_a_shorter_run_has_shorter_faults():
    planned = plan([fault("a", 100.0)], begin_s=0.0, end_s=100.0, seed=1, scale=0.1, **BREAK)
    assert drawn(planned) == "a@20 a@60"


def test_faults_without_any_time_between_them_are_refused():
    with pytest.raises(ValueError, match="some time"):
        plan([fault("a")], begin_s=0.0, end_s=10.0, calm_s=0.0, watch_s=0.0, seed=1)


def test_the_order_is_that_of_the_seed():
    faults = [fault(name) for name in "abcdefgh"]
    orders = {drawn(plan(faults, begin_s=0.0, end_s=260.0, seed=seed, **BREAK)) for seed in (1, 1, 2, 3)}
    assert len(orders) == 3


LENGTHS = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 90)), min_size=1, max_size=6)


@given(LENGTHS, st.floats(0, 2000), st.integers(0, 100), st.floats(0.1, 3))
def test_no_fault_comes_into_the_time_of_another_and_all_are_over_in_time(lengths, end_s, seed, scale):
    faults = [fault(str(number), length, calm) for number, (length, calm) in enumerate(lengths)]
    planned = plan(faults, begin_s=0.0, end_s=end_s, seed=seed, scale=scale, **BREAK)
    for one, other in itertools.pairwise(planned):
        needed_s = one.fault.seconds(scale) + 10.0 + max(20.0, other.fault.calm_s)
        assert other.at_s >= one.at_s + needed_s - 1e-6
    assert all(each.at_s >= 20.0 and each.at_s + each.fault.seconds(scale) + 10.0 <= end_s for each in planned)


@given(st.integers(1, 6), st.floats(0, 2000), st.integers(0, 100))
def test_all_have_their_turn_before_any_has_another(number, end_s, seed):
    faults = [fault(str(each)) for each in range(number)]
    names = [each.fault.name for each in plan(faults, begin_s=0.0, end_s=end_s, seed=seed, **BREAK)]
    for begin in range(0, len(names), number):
        assert max(Counter(names[begin : begin + number]).values()) == 1
    assert number == 1 or all(one != other for one, other in itertools.pairwise(names))
