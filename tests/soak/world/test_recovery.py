from __future__ import annotations

import pytest

from soak.world.ledger import SETTLE_S, Fate, Outcome
from soak.world.recovery import PATIENCE_S, ROOMS, STRIKES, Recoveries, RecoveryFigures, Strike, recovery

KILL = Strike(fault="kill", struck_at=100.0)
CUT = Strike(fault="cut", struck_at=100.0, healed_at=110.0)
OLD = 2 * PATIENCE_S + SETTLE_S


def outcome(fate, last, at=None, *, room="attic"):
    return Outcome(room=room, speaker="ada", fate=fate, text="words", first=last - 2, last=last, at=at)


def received(last, at, **where):
    return outcome(Fate.RECEIVED, last, at, **where)


# One room


def test_who_was_waiting_at_a_kill_waits_from_the_kill_on():
    assert recovery(KILL, [received(99.5, 103.0)]) == (True, 3.0)


def test_who_finishes_speaking_after_the_kill_waits_from_then_on():
    assert recovery(KILL, [received(104.0, 105.5)]) == (True, 1.5)


def test_the_clock_of_a_fault_that_is_healed_starts_when_it_is():
    assert recovery(CUT, [received(103.0, 112.0), received(108.0, 112.5)]) == (True, 2.0)


def test_the_first_final_ends_the_wait():
    assert recovery(KILL, [received(102.0, 107.0), received(99.0, 104.0), received(110.0, 111.0)]) == (True, 4.0)


@pytest.mark.parametrize("fate", [Fate.MARKED, Fate.SILENT])
def test_a_caption_that_was_lost_was_waited_for_too(fate):
    marked_at = 104.0 if fate is Fate.MARKED else None
    assert recovery(KILL, [outcome(fate, 99.0, marked_at), received(107.0, 108.0)]) == (True, 8.0)


def test_a_loss_that_was_marked_before_or_lies_far_back_is_not_waited_for():
    before = [outcome(Fate.MARKED, 97.0, 98.0), outcome(Fate.SILENT, 60.0)]
    assert recovery(KILL, [*before, received(107.0, 108.0)]) == (True, 1.0)


def test_what_was_under_way_when_the_process_was_killed_proves_nothing():
    assert recovery(KILL, [received(99.0, 100.05), received(102.0, 104.0)]) == (True, 2.0)


def test_what_comes_as_soon_as_a_fault_is_healed_does():
    waited, seconds = recovery(CUT, [received(105.0, 110.05)])
    assert waited
    assert seconds == pytest.approx(0.05)


def test_a_room_in_which_nobody_speaks_waits_for_nothing():
    assert recovery(KILL, []) == (False, None)
    assert recovery(KILL, [received(95.0, 96.0), received(100.0 + PATIENCE_S + 1, 162.0)]) == (False, None)
    assert recovery(KILL, [outcome(Fate.UNSENT, 101.0), outcome(Fate.STRANGE, 101.0, 101.0)]) == (False, None)


def test_a_room_that_never_has_a_caption_again_waited_in_vain():
    assert recovery(KILL, [outcome(Fate.SILENT, 102.0)]) == (True, None)
    assert recovery(KILL, [outcome(Fate.SILENT, 102.0), received(170.0, 171.0)]) == (True, None)


# All rooms


def test_figures_are_over_rooms_and_strikes_by_fault():
    recoveries = Recoveries()
    for strike in (KILL, CUT, Strike(fault="kill", struck_at=200.0)):
        recoveries.struck(strike)
    recoveries.judged([received(99.0, 101.0), received(199.0, 203.0), outcome(Fate.SILENT, 201.0, room="cellar")])
    assert len(recoveries.settle(200.0 + OLD)) == 3
    assert recoveries.figures("kill") == RecoveryFigures(count=2, never=1, p50=2.0, p95=2.9, worst=3.0)
    assert recoveries.figures("cut").count == 0
    assert recoveries.figures().never == 1


def test_a_strike_is_judged_once_and_only_when_all_ledgers_have_told():
    recoveries = Recoveries()
    recoveries.struck(KILL)
    recoveries.judged([received(99.0, 101.0)])
    assert recoveries.settle(99.0 + OLD) == []
    (found,) = recoveries.settle(100.0 + OLD)
    assert (found.fault, found.room, found.moment, found.seconds) == ("kill", "attic", 100.0, 1.0)
    assert recoveries.close() == []


def test_at_the_end_all_strikes_are_judged():
    recoveries = Recoveries()
    recoveries.struck(KILL)
    recoveries.judged([received(99.0, 101.0)])
    assert len(recoveries.close()) == 1


def test_rooms_that_a_fault_does_not_touch_are_left_out():
    recoveries = Recoveries()
    recoveries.struck(Strike(fault="cut", struck_at=100.0, rooms=frozenset({"cellar"})))
    recoveries.judged([received(99.0, 101.0), received(99.0, 102.0, room="cellar")])
    assert [each.room for each in recoveries.close()] == ["cellar"]


def test_without_strikes_there_are_no_figures():
    assert Recoveries().figures() == RecoveryFigures(count=0, never=0, p50=None, p95=None, worst=None)


def test_more_strikes_than_can_wait_are_judged_at_once():
    recoveries = Recoveries()
    recoveries.judged([received(99.0, 101.0)])
    for _ in range(STRIKES + 3):
        recoveries.struck(KILL)
    assert recoveries.figures().count == 3


def test_of_more_rooms_than_there_is_place_for_the_first_ones_go():
    recoveries = Recoveries()
    recoveries.struck(KILL)
    recoveries.judged(received(99.0, 101.0, room=str(number)) for number in range(ROOMS + 5))
    assert [each.room for each in recoveries.close()][:2] == ["5", "6"]
