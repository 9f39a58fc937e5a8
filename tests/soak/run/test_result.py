"""What a run comes to, and the exit status that says so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.faults.promises import OTHERS_CALM, OTHERS_FAULT
from soak.run.journal import Journal, Story, read
from soak.run.options import Options
from soak.run.result import BROKEN, NOT_ASKED, PASSED, UNKNOWN, result
from soak.world.profile import PROFILES, Goal
from tests.soak.verdict.runs import Run

SMOKE = PROFILES["smoke"]
TALLY = {
    "expected": 10, "received": 10, "marked": 0, "silent": 0, "repeated": 0, "final_ms_p50": 200, "final_ms_p95": 400,
    "not_emptied": 0, "crashed": False, "interrupted": False, "held_up_s": 2.0,
}  # fmt: skip


def journalled(**run):
    """Samples as they are read from a journal."""
    samples = Run(**run).samples()
    return [replace(each, values={name: float(value) for name, value in each.values.items()}) for each in samples]


SUFFER = replace(SMOKE, faults="one_room_suffers")
FLAT = journalled(rests=30)
LEAKING = journalled(rests=30, per_join={"heap_kb": 2.0})
TOO_SHORT = journalled(rests=2)


def strike(fault="socket_cut", kept=True, recovery_ms=()):
    return {
        "fault": fault, "promise": "Captions go on.", "measured": "10 captions expected", "kept": kept,
        "recovery_ms": list(recovery_ms), "seconds": 1.0,
    }  # fmt: skip


def not_struck(fault="one_room_suffers"):
    told_of = strike(fault, kept=None)
    del told_of["seconds"]
    return told_of


def told(samples=FLAT, *, tallies=None, faults=(), profile=SMOKE, **tally):
    tallies = {0: {**TALLY, **tally}} if tallies is None else tallies
    story = Story(options={}, samples=list(samples), tallies=tallies, faults=list(faults))
    return result(Options(profile=profile, command="roomscribe soak --profile smoke"), story)


def promise(report, fault):
    return next(each for each in report["promises"] if each["fault"] == fault)


# The verdict, and the status


def test_a_flat_run_without_a_loss_passes():
    report = told()
    assert (report["verdict"], report["status"]) == ("flat", PASSED)
    assert (report["silent_losses"], report["repeats"]) == (0, 0)
    assert all(each["kept"] for each in report["promises"])
    assert report["rss_slope_kb_per_subscription"].keys() >= {"slope", "low", "high"}


def test_a_leak_fails_the_run():
    report = told(LEAKING)
    assert (report["verdict"], report["status"]) == ("leak", BROKEN)


def test_a_run_that_is_too_short_cannot_tell():
    report = told(TOO_SHORT)
    assert (report["verdict"], report["status"]) == ("unknown", UNKNOWN)


def test_a_run_in_which_nothing_was_seen_cannot_tell_and_does_not_fail():
    report = told([], tallies={})
    assert (report["verdict"], report["status"], report["legs"], report["seconds"]) == ("unknown", UNKNOWN, 0, 0)
    assert promise(report, "captions")["kept"] is None


def test_a_profile_that_does_not_ask_for_a_trend_passes_without_one():
    report = told(TOO_SHORT, profile=replace(SMOKE, trend=False))
    assert (report["verdict"], report["status"], report["reasons"]) == ("unknown", PASSED, [NOT_ASKED])


def test_a_leak_is_a_leak_even_where_nobody_asked():
    report = told(LEAKING, profile=replace(SMOKE, trend=False))
    assert (report["verdict"], report["status"]) == ("leak", BROKEN)


@pytest.mark.parametrize(("slack", "verdict"), [(1.0, "unknown"), (1000.0, "flat")])
def test_what_passes_for_flat_is_the_profile_s_to_say_and_is_told(slack, verdict):
    noisy = journalled(rests=6, rss_noise_kb=2000.0)
    report = told(noisy, profile=replace(SMOKE, slack=slack))
    assert (report["verdict"], report["flat_below_kb_per_subscription"]) == (verdict, slack)


# The promises


@pytest.mark.parametrize(
    ("tally", "broken"),
    [
        ({"silent": 1}, "captions"),
        ({"repeated": 1}, "captions"),
        ({"crashed": True}, "service"),
        ({"not_emptied": 2}, "leaving"),
    ],
)
def test_a_promise_that_was_broken_fails_a_flat_run(tally, broken):
    report = told(**tally)
    assert (report["verdict"], report["status"]) == ("flat", BROKEN)
    assert [each["fault"] for each in report["promises"] if not each["kept"]] == [broken]


def test_a_loss_with_a_mark_breaks_no_promise():
    report = told(marked=3, received=7)
    assert (report["status"], report["captions_marked"]) == (PASSED, 3)
    assert "3 lost with a mark" in promise(report, "captions")["measured"]


def test_where_nobody_spoke_the_promise_of_captions_stays_open():
    assert promise(told(expected=0, received=0), "captions")["kept"] is None


@pytest.mark.parametrize(("tree_rss_kb", "kept"), [(1_953_000.0, True), (1_954_000.0, False)])  # 2000 MB is in between
def test_the_whole_tree_has_its_limit(tree_rss_kb, kept):
    samples = [replace(each, values={**each.values, "tree_rss_kb": 700_000.0}) for each in FLAT]
    samples[7] = replace(samples[7], values={**samples[7].values, "tree_rss_kb": tree_rss_kb})
    report = told(samples)
    assert promise(report, "memory")["kept"] is kept
    assert report["tree_mb_peak"] == pytest.approx(tree_rss_kb * 1024 / 1e6, abs=0.1)


def test_memory_that_could_not_be_measured_is_not_promised():
    report = told([replace(each, values={"tasks": 3.0}) for each in FLAT])
    assert "memory" not in {each["fault"] for each in report["promises"]}
    assert report["tree_mb_peak"] is None


@pytest.mark.parametrize(("wanted", "status"), [(4_800, PASSED), (4_801, BROKEN)])
def test_a_fast_forward_has_to_get_its_volume_done(wanted, status):
    assert FLAT[-1].joins == 4_800
    report = told(profile=replace(SMOKE, goal=Goal(subscriptions=wanted)))
    assert report["status"] == status
    assert promise(report, "volume")["promise"] == f"It has been through {wanted:,} subscriptions."
    assert "4,800" in promise(report, "volume")["measured"]


def test_what_was_missed_of_the_volume_is_said():
    goal = Goal(subscriptions=1, reconnects=9_999, utterances=99_999)
    measured = promise(told(profile=replace(SMOKE, goal=goal)), "volume")["measured"]
    assert measured == f"{FLAT[-1].reconnects} of 9,999 reconnects; {FLAT[-1].utterances:,} of 99,999 utterances"


def test_a_volume_of_nothing_was_missed_where_nothing_was_seen():
    report = told([], tallies={}, profile=replace(SMOKE, goal=Goal(reconnects=1)))
    assert (promise(report, "volume")["kept"], report["status"]) == (False, BROKEN)


def test_without_a_goal_there_is_no_promise_of_volume():
    assert "volume" not in {each["fault"] for each in told()["promises"]}


# Faults


def test_strikes_of_one_fault_are_judged_together_and_the_worst_counts():
    faults = [strike(), strike(kept=False), strike("loss_5")]
    report = told(faults=faults)
    assert report["status"] == BROKEN
    assert promise(report, "socket_cut")["measured"].startswith("kept 1 of 2 times; the worst: ")
    assert promise(report, "loss_5")["kept"] is True
    assert report["strikes"] == faults


WAITS = [("1", 7, 1000.0)] * 100


def suffering(calm_ms, fault_ms, *, captions=40, **more):
    waits = {OTHERS_CALM: [["1", 7, calm_ms]] * captions, OTHERS_FAULT: [["1", 7, fault_ms]] * captions}
    return {**strike("one_room_suffers", **more), **waits}


@pytest.mark.parametrize(("fault_ms", "kept", "status"), [(1100, True, PASSED), (1300, False, BROKEN)])
def test_what_one_room_s_fault_does_to_others_is_seen_in_all_strikes_together(fault_ms, kept, status):
    report = told(faults=[suffering(1000, fault_ms)] * 3, profile=SUFFER)
    told_of = promise(report, "one_room_suffers")
    assert (told_of["kept"], report["status"]) == (kept, status)
    assert "120 captions, 120 in calm" in told_of["measured"]
    assert told_of["measured"].startswith("kept 3 of 3 times")


def test_where_other_rooms_had_too_few_captions_it_cannot_be_told():
    report = told(faults=[suffering(1000, 2000, captions=20)] * 2, profile=SUFFER)
    assert (promise(report, "one_room_suffers")["kept"], report["status"]) == (None, UNKNOWN)


def test_strikes_that_were_not_looked_at_for_other_rooms_stand_beside_those_that_were():
    report = told(faults=[not_struck(), suffering(1000, 1100, captions=60), suffering(1000, 1100)], profile=SUFFER)
    told_of = promise(report, "one_room_suffers")
    assert (told_of["kept"], report["status"]) == (True, PASSED)
    assert "100 captions, 100 in calm" in told_of["measured"]


def test_a_room_that_could_not_suffer_says_nothing_of_the_others():
    report = told(faults=[not_struck()], profile=SUFFER)
    assert promise(report, "one_room_suffers")["measured"] == "10 captions expected"


def test_the_waits_themselves_are_in_the_journal_and_not_in_the_report(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin({})
        journal.fault({**strike("one_room_suffers"), OTHERS_CALM: WAITS, OTHERS_FAULT: WAITS})
    report = told(faults=read(tmp_path).faults, profile=SUFFER)
    assert report["strikes"] == [strike("one_room_suffers")]
    assert "100 captions, 100 in calm" in promise(report, "one_room_suffers")["measured"]


def test_a_fault_that_could_not_strike_is_told_and_does_not_fail_the_run():
    report = told(faults=[not_struck("socket_cut"), strike("loss_5")])
    assert (promise(report, "socket_cut")["kept"], report["status"]) == (None, PASSED)


def test_recoveries_are_of_all_strikes_without_those_that_never_came():
    report = told(faults=[strike(recovery_ms=[100, None]), strike("loss_5", recovery_ms=[300, 200])])
    assert (report["recovery_ms_p50"], report["recovery_ms_p95"]) == (200, 290)
    assert told()["recovery_ms_p95"] is None


# Legs


def test_legs_are_added_up_and_latencies_are_those_of_the_newest():
    tallies = {0: {**TALLY, "final_ms_p95": 900}, 1: {**TALLY, "received": 8, "marked": 2}}
    report = told(journalled(rests=12, legs=2), tallies=tallies)
    assert (report["legs"], report["captions_expected"], report["captions_received"]) == (2, 20, 18)
    assert (report["captions_marked"], report["final_ms_p95"]) == (2, 400)
    assert report["counts"]["held_up_s"] == 4


def test_a_crash_in_any_leg_breaks_the_promise_for_good():
    assert told(tallies={0: {**TALLY, "crashed": True}, 1: TALLY})["status"] == BROKEN


@pytest.mark.parametrize(("first", "second", "interrupted"), [(True, False, False), (False, True, True)])
def test_whether_a_run_was_interrupted_is_for_its_newest_leg_to_say(first, second, interrupted):
    tallies = {0: {**TALLY, "interrupted": first}, 1: {**TALLY, "interrupted": second}}
    assert told(tallies=tallies)["interrupted"] is interrupted


@given(st.lists(st.fixed_dictionaries({name: st.integers(0, 99) for name in ("silent", "repeated", "not_emptied")})))
def test_no_loss_of_any_leg_is_forgotten(losses):
    report = told(TOO_SHORT, tallies={leg: {**TALLY, **each} for leg, each in enumerate(losses)})
    for name in ("silent", "repeated", "not_emptied"):
        assert report["counts"].get(name, 0) == sum(each[name] for each in losses)
    assert (report["status"] == BROKEN) == any(sum(each.values()) for each in losses)


# The object


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_it_is_json_as_it_is(profile):
    report = told(profile=profile, faults=[strike(recovery_ms=[1, None])])
    assert json.loads(json.dumps(report)) == report
    assert report["profile"] == profile.name


def test_it_says_what_was_run():
    report = told()
    assert report["command"] == "roomscribe soak --profile smoke"
    assert report["recogniser"].startswith("stand-in")
    assert report["signaling"] == "embedded"
    assert told(profile=replace(SMOKE, stand_in=False))["recogniser"] == "the model"
    assert (report["rooms"], report["speakers"]) == (SMOKE.rooms, SMOKE.speakers)
    assert report["utterances"] == FLAT[-1].utterances
