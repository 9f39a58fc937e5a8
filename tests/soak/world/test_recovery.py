from __future__ import annotations

import pytest

from soak.world.ledger import Fate, Outcome
from soak.world.recovery import PATIENCE_S, Strike, comeback, recovery

KILL = Strike(fault="kill", struck_at=100.0)
CUT = Strike(fault="cut", struck_at=100.0, healed_at=110.0)


def outcome(fate, last, at=None, *, room="attic"):
    return Outcome(room=room, speaker="ada", fate=fate, text="words", first=last - 2, last=last, at=at)


def received(last, at, **where):
    return outcome(Fate.RECEIVED, last, at, **where)


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


# A server was away


def test_who_comes_back_is_waited_for_from_the_first_word_on_to_the_first_partial():
    unheard = outcome(Fate.UNSENT, 114.0)  # begun at 112
    assert comeback(CUT, [unheard, received(118.0, 119.0)], [("ada", 116.5)]) == (True, 4.5)


def test_a_final_that_comes_first_ends_the_wait_too():
    assert comeback(CUT, [outcome(Fate.UNSENT, 113.0), received(116.0, 116.5)], [("ada", 117.0)]) == (True, 5.5)


def test_who_speaks_only_later_waits_from_their_first_word_on():
    assert comeback(CUT, [received(118.0, 119.0)], [("ada", 117.0)]) == (True, 1.0)


def test_captions_of_what_was_begun_before_prove_nothing():
    before, spanning, after = received(105.0, 111.0), received(111.0, 111.5), received(114.0, 115.0)
    assert comeback(CUT, [before, spanning, after], [("ada", 110.1), ("ada", 111.2)]) == (True, 3.0)
    assert comeback(CUT, [before, spanning], [("ada", 110.5)]) == (False, None)


def test_a_partial_of_somebody_who_has_begun_nothing_since_proves_nothing():
    assert comeback(CUT, [received(114.0, 115.0)], [("will", 113.0)]) == (True, 3.0)


def test_what_nobody_said_waits_for_nothing():
    assert comeback(CUT, [outcome(Fate.STRANGE, 114.0, 114.0)], []) == (False, None)
    assert comeback(CUT, [received(110.0 + PATIENCE_S + 3, 175.0)], []) == (False, None)


def test_a_room_without_captions_to_the_end_waited_in_vain():
    assert comeback(CUT, [outcome(Fate.UNSENT, 112.0)], []) == (True, None)
    assert comeback(CUT, [outcome(Fate.SILENT, 112.0), received(175.0, 176.0)], []) == (True, None)
