"""What a report must not hide: who was not heard at all, faults that never struck, strikes of days ago."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from soak.faults.catalogue import FAULTS
from soak.faults.fault import Happened
from soak.faults.promises import Kept, together
from soak.run.book import Book
from soak.run.chaos import RIPE_S, Chaos, _Seen
from soak.run.journal import Story
from soak.run.options import Options
from soak.run.result import BROKEN, PASSED, UNKNOWN, result
from soak.run.sampler import EACH_S, MOST, Sampler
from soak.verdict.sample import LOAD, Sample
from soak.world.profile import PROFILES, Goal

CALM = replace(PROFILES["chaos"], faults="none")
TALLY = {"received": 99, "marked": 0, "silent": 0, "repeated": 0, "expected": 99, "unheard": 2}


def told(profile=CALM, *, faults=(), real=False, **tally):
    options = Options(profile=profile, command="", real_stack=real)
    return result(options, Story(options={}, tallies={0: {**TALLY, **tally}}, faults=list(faults)))


def promise(report, fault):
    return next((each for each in report["promises"] if each["fault"] == fault), None)


def strike(name, kept=True, **more):
    return {"fault": name, "promise": "", "measured": "", "kept": kept, "recovery_ms": [], **more}


# Who speaks to nobody


@pytest.mark.parametrize(("unsent", "status"), [(0, PASSED), (1, PASSED), (2, BROKEN), (5000, BROKEN)])
def test_a_service_that_receives_nobody_does_not_pass_because_it_owes_nobody_a_caption(unsent, status):
    report = told(unsent=unsent)
    assert report["status"] == status
    assert report["captions_not_expected"] == unsent
    assert f"{unsent} of {99 + unsent} utterances; 2 speakers" in promise(report, "receiving")["measured"]


def test_what_a_fault_kept_from_being_heard_is_not_its_speaker_s_loss():
    chaos = replace(CALM, faults="loss_20")
    assert promise(told(chaos, faults=[strike("loss_20", unsent=40)], unsent=40), "receiving")["kept"] is True
    assert promise(told(chaos, faults=[strike("loss_20", unsent=4)], unsent=40), "receiving")["kept"] is False
    assert promise(told(chaos, faults=[strike("loss_20")], real=True, unsent=40), "receiving") is None


def test_where_nobody_spoke_the_run_cannot_tell():
    assert told(expected=0, received=0)["status"] == UNKNOWN


# Leaks


def warming_up(*, base):
    """Under load, what is taken once and then kept."""
    return [
        Sample(leg=0, at_s=5.0 * at, phase=LOAD, joins=at, utterances=3 * at, reconnects=0, values={"rss_kb": base(at)})
        for at in range(40)
    ]


@pytest.mark.parametrize(("trend", "verdict", "status"), [(True, "leak", BROKEN), (False, "unknown", PASSED)])
def test_what_grows_under_load_is_no_leak_where_nobody_asked(trend, verdict, status):
    options = Options(profile=replace(CALM, trend=trend), command="")
    samples = warming_up(base=lambda at: 100_000.0 + 400.0 * at)
    report = result(options, Story(options={}, samples=samples, tallies={0: TALLY}))
    assert (report["verdict"], report["status"]) == (verdict, status)


# Faults


def test_a_fault_for_which_there_was_no_time_is_in_the_report():
    report = told(replace(CALM, faults="socket_cut,loss_5"), faults=[strike("loss_5")])
    assert promise(report, "socket_cut")["measured"] == "not struck: there was no time for it"
    assert report["status"] == PASSED


@pytest.mark.parametrize("faults", [[], [strike("socket_cut", kept=None)]])
def test_faults_of_which_none_told_anything_are_an_open_question(faults):
    assert told(replace(CALM, faults="socket_cut"), faults=faults)["status"] == UNKNOWN


def test_recoveries_are_of_faults_that_interrupt_and_those_in_vain_are_counted():
    faults = [
        strike("blackout_2s", recovers=True, recovery_ms=[3000, None]),
        strike("clock_back", recovers=False, recovery_ms=[5, None]),
    ]
    report = told(replace(CALM, faults="blackout_2s,clock_back"), faults=faults)
    assert (report["recovery_ms_p50"], report["recovery_ms_p95"], report["never_recovered"]) == (3000, 3000, 1)


def test_of_many_strikes_one_that_could_not_be_judged_leaves_nothing_open():
    kept, open_one = (Kept(fault="a", promise="", measured=str(each), kept=each) for each in (True, None))
    [found] = together([open_one, kept, open_one])
    assert (found.kept, found.measured) == (True, "kept 1 of 3 times; the worst: True")
    assert together([open_one])[0].kept is None


def test_a_volume_is_not_missed_by_who_was_stopped():
    goal = replace(CALM, goal=Goal(utterances=1000))
    assert promise(told(goal, interrupted=True), "volume")["kept"] is None
    assert promise(told(goal, interrupted=False), "volume")["kept"] is False


async def test_a_strike_is_told_once_and_as_soon_as_the_books_have_all_of_it():
    service = SimpleNamespace(is_running=True)
    chaos = Chaos(SimpleNamespace(service=service, pid=1), None, None, Options(profile=CALM, command=""))
    for struck_at in (100.0, 200.0):
        happened = Happened(fault=FAULTS["socket_cut"], struck_at=struck_at, healed_at=struck_at)
        chaos._seen.append(
            _Seen(
                happened=happened,
                watched_until=struck_at + 15,
                before=0,
                after=0,
                survived=None,
                calm_from=0.0,
            )
        )
    book = Book(1)
    assert list(chaos.observed(book, 115.0)) == []
    [first] = chaos.observed(book, 115.0 + RIPE_S)
    assert first["fault"] == "socket_cut"
    assert "cannot be seen from here" in first["measured"]
    assert len(list(chaos.observed(book, math.inf))) == 1
    assert list(chaos.observed(book)) == []


# Runs of days


@pytest.mark.parametrize(("hours", "each_s"), [(1, EACH_S), (168, 168 * 3600 / MOST), (1000, 180.0)])
async def test_a_run_of_days_has_no_more_samples_than_anybody_needs(hours, each_s):
    sampler = Sampler(None, None, None, leg=0, before=None, warm_up_s=0.0, seconds=hours * 3600.0)
    assert sampler._each_s == each_s
