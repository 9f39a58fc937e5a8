from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.faults.fault import Fault, Limits
from soak.faults.promises import LOST_MS, Observed, check, not_struck, together, with_others
from soak.verdict import slowdown
from soak.verdict.slowdown import ENOUGH


def fault(name="a fault", **limits):
    return Fault(name=name, promise="It is borne.", limits=Limits(**limits), act=lambda *_: None)


def seen(**changed):
    return Observed(**{"expected": 10, **changed})


KILLED = fault("engine_killed", recovery_s=5.0, since="strike", marked=0, restarts=1)
RESTARTED = {"restarts_before": 3, "restarts_after": 4}


def test_a_promise_that_was_kept_says_what_was_seen():
    kept = check(KILLED, seen(recovery_ms=[1200.0, 4400.0], **RESTARTED))
    assert kept.kept is True
    assert (kept.fault, kept.promise) == ("engine_killed", "It is borne.")
    assert "10 captions expected: 0 lost silently" in kept.measured
    assert "captions back after 4.4 s at most" in kept.measured


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"silent": 1}, "1 lost silently"),
        ({"repeated": 2}, "2 repeated"),
        ({"marked": 1}, "1 with a mark"),
        ({"recovery_ms": [1000.0, 5001.0]}, "back after 5.0 s"),
        ({"recovery_ms": [1000.0, None]}, "did not come back in 1 of 2 rooms"),
        ({"restarts_after": 3}, "started again 0 times, not 1"),
        ({"restarts_after": 5}, "started again 2 times, not 1"),
        ({"still_running": False}, "did not survive"),
        ({"left": {"open files": 2}}, "left behind: 2 open files"),
    ],
)
def test_each_limit_breaks_the_promise_by_itself(changed, told):
    kept = check(KILLED, seen(**{"recovery_ms": [1000.0], **RESTARTED, **changed}))
    assert kept.kept is False
    assert told in kept.measured


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"expected": 0}, "nobody spoke"),
        ({"recovery_ms": []}, "no room had a caption to come back"),
        ({"restarts_before": None}, "not known"),
        ({"still_running": None}, "cannot be seen"),
    ],
)
def test_what_could_not_be_seen_leaves_it_open_and_says_why(changed, told):
    kept = check(KILLED, seen(**{"recovery_ms": [1000.0], **RESTARTED, **changed}))
    assert kept.kept is None
    assert told in kept.measured


def test_what_is_broken_is_broken_whatever_else_could_not_be_seen():
    assert check(KILLED, seen(silent=1)).kept is False


def test_marks_are_allowed_where_nothing_is_promised_of_them():
    assert check(fault(), seen(marked=3)).kept is True


def test_a_recogniser_that_starts_again_though_nothing_was_done_to_it_breaks_the_promise():
    assert check(fault(), seen(restarts_before=0, restarts_after=1)).kept is False


def test_less_than_before_is_nothing_left_behind():
    assert check(fault(), seen(left={"open files": -2, "threads": 0})).kept is True


STRUCK = fault("one_room_suffers", others_slower=1.2)
USUAL = [("1", 1, 900.0), ("1", 2, 480.0), ("2", 1, 900.0), ("2", 2, 480.0)] * (ENOUGH // 2)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(slowdown, "DRAWS", 100)


def slower(times, rooms="12", waits=USUAL):
    return [(room, words, times * ms if room in rooms else ms) for room, words, ms in waits]


@pytest.mark.parametrize(("times", "kept"), [(0.8, True), (1.1, True), (1.3, False)])
def test_other_rooms_may_be_slower_by_a_fifth(times, kept):
    found = with_others(check(STRUCK, seen()), 1.2, USUAL, slower(times))
    assert found.kept is kept
    assert f"p95 of the other rooms {times * 900:.0f} ms, 900 ms in calm" in found.measured
    assert f"({times - 1:+.0%}, 95 %: {times - 1:+.0%} to {times - 1:+.0%};" in found.measured
    assert found.measured.startswith("10 captions expected")


MANY = [(str(room), words, ms) for room in range(30) for _, words, ms in USUAL[:ENOUGH]]


def test_one_of_many_rooms_that_is_slower_breaks_it_though_together_they_hide_it():
    found = with_others(check(STRUCK, seen()), 1.2, MANY, slower(2.0, ["7"], MANY))
    assert found.kept is False
    assert "900 ms, 900 ms in calm" in found.measured
    assert "that of room 7 changed most (+100%" in found.measured


def test_a_single_room_that_looks_slower_by_chance_leaves_it_open():
    seldom = [
        (room, words, ms * (3.0 if room == "7" and at % 14 < 2 else 1.0)) for at, (room, words, ms) in enumerate(MANY)
    ]
    found = with_others(check(STRUCK, seen()), 1.2, MANY, seldom)
    assert found.kept is None
    assert "that of room 7 changed most" in found.measured


def test_rooms_with_few_captions_count_together_only():
    few = [(str(number % 5), words, ms) for number, (_, words, ms) in enumerate(USUAL)]
    found = with_others(check(STRUCK, seen()), 1.2, few, few)
    assert found.kept is True
    assert "changed most" not in found.measured


def test_where_captions_are_lost_in_calm_nobody_knows_what_is_usual():
    lossy = [*USUAL, *[("1", words, LOST_MS) for words in (1, 2)] * 20]
    found = with_others(check(STRUCK, seen()), 1.2, lossy, lossy)
    assert found.kept is None
    assert "in calm, one in twenty captions of the other rooms was lost" in found.measured


def test_what_chance_may_have_done_to_other_rooms_is_neither_kept_nor_broken():
    found = with_others(check(STRUCK, seen()), 1.2, USUAL, [*USUAL, *slower(1.5, waits=USUAL[: ENOUGH // 5])])
    assert found.kept is None


@pytest.mark.parametrize(("calm", "during"), [(ENOUGH - 1, ENOUGH), (ENOUGH, ENOUGH - 1), (0, 0)])
def test_with_few_captions_in_other_rooms_nothing_can_be_said_of_them(calm, during):
    found = with_others(check(STRUCK, seen()), 1.2, USUAL[:calm], USUAL[:during])
    assert found.kept is None
    assert f"{during} captions of other rooms, {calm} in calm: too few" in found.measured


def test_other_rooms_that_do_not_mind_mend_no_broken_promise():
    found = with_others(check(STRUCK, seen(silent=1)), 1.2, USUAL, USUAL)
    assert found.kept is False


def test_a_fault_that_could_not_be_brought_about_says_nothing_of_the_promise():
    found = not_struck(KILLED, "the recogniser has no process now")
    assert found.kept is None
    assert found.measured == "not struck: the recogniser has no process now"


def test_of_many_strikes_the_worst_is_told_once_for_each_fault():
    good = check(KILLED, seen(recovery_ms=[1000.0], **RESTARTED))
    bad = check(KILLED, seen(recovery_ms=[9000.0], **RESTARTED))
    other = check(fault("b"), seen())
    one, two = together([good, bad, not_struck(KILLED, "x"), other, good])
    assert (one.fault, one.kept) == ("engine_killed", False)
    assert one.measured.startswith("kept 2 of 4 times; the worst: ")
    assert "9.0 s" in one.measured
    assert two == other


@given(
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.booleans(), st.lists(st.floats(0, 10_000) | st.none())
)
def test_a_promise_is_kept_only_if_nothing_was_lost_and_all_came_back(silent, repeated, marked, running, recovery):
    observed = seen(
        silent=silent, repeated=repeated, marked=marked, still_running=running, recovery_ms=recovery, **RESTARTED
    )
    found = check(KILLED, observed)
    harmless = not (silent or repeated or marked) and running
    back = [each for each in recovery if each is not None and each <= 5000]
    assert (found.kept is True) == (harmless and bool(recovery) and len(back) == len(recovery))
    assert found.measured
