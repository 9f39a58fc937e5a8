"""What a room's books say of conversations: the words are few, so that what happens to them is plain to see."""

from __future__ import annotations

import pytest

from pipeline import GAP_MARK
from soak.world.ledger import (
    FORGET_S,
    OUTCOMES,
    PENDING,
    SETTLE_S,
    SPEAKERS,
    Caption,
    Counts,
    Fate,
    Ledger,
    Spoken,
    total,
)

ROSE, BLUE, DUKE, CLAY = (
    "wild roses by the door",
    "seven blue umbrellas",
    "dukes never eat soup",
    "potters need wet clay",
)
LONG = 1000.0  # after everything


@pytest.fixture
def ledger():
    return Ledger("attic")


def say(ledger, text, first, last=None, *, by="ada", delivered=1.0):
    ledger.said(Spoken(by, text, first, first + 2 if last is None else last, delivered))


def show(ledger, text, at, *, of="ada"):
    ledger.heard(Caption(of, text, at))


def books(ledger):
    """All counts that are not 0."""
    ledger.close(LONG)
    counts = {name: getattr(ledger.counts, name) for name in Counts.__slots__}
    return {name: count for name, count in counts.items() if count}


# What became of it


def test_a_caption_is_received_with_its_latency(ledger):
    say(ledger, "go forward ten meters", 0)
    show(ledger, "Go forward 10 meters.", 2.75)
    assert books(ledger) == {"received": 1}
    assert list(ledger.latencies) == [0.75]


def test_of_an_utterance_in_pieces_the_last_piece_ends_the_wait(ledger):
    say(ledger, ROSE, 0)
    show(ledger, "Wild roses", 1.5)
    show(ledger, "by the door.", 3)
    assert books(ledger) == {"received": 1}
    assert list(ledger.latencies) == [1]


def test_two_utterances_in_one_caption_are_both_received(ledger):
    say(ledger, ROSE, 0)
    say(ledger, BLUE, 2.5)
    show(ledger, f"{ROSE} {BLUE}", 5.25)
    assert books(ledger) == {"received": 2}
    assert list(ledger.latencies) == [3.25, 0.75]


def test_after_an_outage_late_captions_are_still_those_of_what_was_said(ledger):
    for index, text in enumerate((ROSE, BLUE, DUKE)):
        say(ledger, text, 4 * index)
    for index, text in enumerate((ROSE, BLUE, DUKE)):
        show(ledger, text, 40 + index)
    assert books(ledger) == {"received": 3}


def test_what_is_never_shown_is_lost_silently(ledger):
    say(ledger, ROSE, 0)
    say(ledger, BLUE, 4)
    show(ledger, BLUE, 6.7)
    assert books(ledger) == {"received": 1, "silent": 1}
    assert ledger.counts.expected == 2


def test_one_mark_tells_of_three_that_are_lost(ledger):
    for index, text in enumerate((ROSE, BLUE, DUKE, CLAY)):
        say(ledger, text, 3 * index)
    show(ledger, GAP_MARK, 11.5)
    show(ledger, CLAY, 11.6)
    assert books(ledger) == {"received": 1, "marked": 3}


def test_a_mark_for_a_part_of_what_was_received_is_spare(ledger):
    say(ledger, ROSE, 0)
    show(ledger, "wild roses", 1.5)
    show(ledger, GAP_MARK, 2.5)
    assert books(ledger) == {"received": 1, "spare_mark": 1}


def test_what_is_shown_again_after_a_resume_is_a_repetition(ledger):
    say(ledger, ROSE, 0)
    say(ledger, BLUE, 4)
    for text, at in ((ROSE, 2.7), (BLUE, 6.7), (ROSE, 9), (BLUE, 9)):
        show(ledger, text, at)
    assert books(ledger) == {"received": 2, "repeated": 2}


def test_a_piece_that_is_shown_again_is_a_repetition(ledger):
    say(ledger, ROSE, 0)
    for text, at in (("wild roses", 1.5), ("by the door", 2.5), ("by the door", 2.6)):
        show(ledger, text, at)
    assert books(ledger) == {"received": 1, "repeated": 1}


def test_a_repetition_is_known_long_after_its_utterance_was_judged(ledger):
    say(ledger, ROSE, 0)
    show(ledger, ROSE, 2.7)
    ledger.settle(60)
    show(ledger, ROSE, 61)
    assert books(ledger) == {"received": 1, "repeated": 1}


def test_a_repetition_does_not_stand_in_for_what_was_lost(ledger):
    say(ledger, ROSE, 0)
    show(ledger, ROSE, 2.7)
    say(ledger, BLUE, 4)
    show(ledger, ROSE, 6.7)
    assert books(ledger) == {"received": 1, "silent": 1, "repeated": 1}


def test_the_same_words_said_twice_may_be_shown_twice(ledger):
    for first in (0, 4):
        say(ledger, ROSE, first)
        show(ledger, ROSE, first + 2.7)
    assert books(ledger) == {"received": 2}


def test_the_same_words_said_twice_and_shown_once_are_once_lost_and_the_later_one_is_shown(ledger):
    say(ledger, ROSE, 0)
    say(ledger, ROSE, 10)
    show(ledger, ROSE, 12.5)
    assert books(ledger) == {"received": 1, "silent": 1}
    assert list(ledger.latencies) == [0.5]


def test_of_equal_words_each_caption_is_that_of_what_was_said_just_before(ledger):
    for first in (0, 10, 20, 30):
        say(ledger, ROSE, first)
    for at in (12.5, 32.5):
        show(ledger, ROSE, at)
    assert books(ledger) == {"received": 2, "silent": 2}
    assert list(ledger.latencies) == [0.5, 0.5]


def test_wrong_words_are_no_loss(ledger):
    say(ledger, "stop", 0, 0.5)
    show(ledger, "Thank you.", 1.2)
    assert books(ledger) == {"received": 1, "unlike": 1}


def test_words_that_nobody_said_are_strange(ledger):
    say(ledger, ROSE, 0)
    show(ledger, ROSE, 2.7)
    show(ledger, "Thank you.", 9)
    show(ledger, "Thank you.", 9, of="nobody")
    assert books(ledger) == {"received": 1, "strange": 2}


def test_what_the_network_did_not_deliver_is_not_expected(ledger):
    say(ledger, ROSE, 0, delivered=0.49)
    assert books(ledger) == {"unsent": 1}
    assert ledger.counts.expected == 0


def test_what_was_hardly_delivered_and_shown_all_the_same_is_received(ledger):
    say(ledger, ROSE, 0, delivered=0.1)
    show(ledger, "wild roses", 2.7)
    assert books(ledger) == {"received": 1}


def test_a_reconnect_leaves_a_mark_and_nothing_comes_twice(ledger):
    say(ledger, ROSE, 0)
    show(ledger, ROSE, 2.7)
    say(ledger, BLUE, 4)
    say(ledger, DUKE, 8)
    show(ledger, GAP_MARK, 12)
    show(ledger, DUKE, 12.1)
    assert books(ledger) == {"received": 2, "marked": 1}


def test_each_speaker_has_a_page_of_their_own(ledger):
    say(ledger, ROSE, 0, by="ada")
    say(ledger, ROSE, 1, by="will")
    show(ledger, ROSE, 2.7, of="will")
    (lost,) = (each for each in ledger.close(LONG) if each.fate is Fate.SILENT)
    assert (lost.room, lost.speaker) == ("attic", "ada")


def test_an_utterance_without_words_and_an_empty_final_are_nothing(ledger):
    say(ledger, "…", 0)
    show(ledger, " ", 1)
    assert books(ledger) == {}


def test_partials_are_counted_apart(ledger):
    ledger.interim("ada", 1.0)
    ledger.interim("ada", 1.5)
    assert books(ledger) == {"interims": 2}


# When it is judged


def test_nothing_is_judged_before_its_time(ledger):
    say(ledger, ROSE, 0, 2)
    assert ledger.settle(2 + SETTLE_S) == []
    assert ledger.pending == 1
    (lost,) = ledger.settle(2.1 + SETTLE_S)
    assert (lost.fate, lost.text, lost.at) == (Fate.SILENT, ROSE, None)
    assert ledger.pending == 0


def test_each_outcome_is_told_once(ledger):
    say(ledger, ROSE, 0)
    assert len(ledger.settle(60)) == 1
    assert ledger.settle(61) == ledger.close(62) == []


def test_a_caption_that_has_just_come_waits_for_further_pieces(ledger):
    say(ledger, ROSE, 0)
    show(ledger, "wild roses", 46)
    assert ledger.settle(47.5) == []
    show(ledger, "by the door", 46.9)
    assert books(ledger) == {"received": 1}


# Questions about a time


def test_what_was_said_between_two_moments_can_be_asked(ledger):
    for index, text in enumerate((ROSE, BLUE, DUKE)):
        say(ledger, text, 10 * index)
    show(ledger, GAP_MARK, 12.5)
    show(ledger, DUKE, 22.7)
    ledger.close(LONG)
    assert [each.text for each in ledger.outcomes(0, 30)] == [ROSE, BLUE, DUKE]
    assert [each.text for each in ledger.outcomes(11, 11.5)] == [BLUE]
    assert ledger.between(9, 30) == Counts(received=1, marked=1)


def test_rooms_add_up():
    assert total([Counts(received=2, interims=1), Counts(received=1, silent=1)]) == Counts(
        received=3, silent=1, interims=1
    )


# Bounds


def test_what_nobody_settles_is_judged_early_instead_of_piling_up(ledger):
    for index in range(3 * PENDING):
        say(ledger, f"{ROSE} {index}", 3 * index)
        show(ledger, f"{ROSE} {index}", 3 * index + 2.7)
        assert ledger.pending <= PENDING
    assert books(ledger) == {"received": 3 * PENDING}


def test_a_flood_of_captions_is_judged_early_too(ledger):
    say(ledger, ROSE, 0)
    for index in range(3 * PENDING):
        show(ledger, ROSE, 2.7 + index / 100)
    assert books(ledger) == {"received": 1, "repeated": 3 * PENDING - 1}


def test_the_books_have_pages_for_so_many_speakers_and_nothing_is_lost_of_the_others(ledger):
    for index in range(SPEAKERS + 10):
        say(ledger, ROSE, index, by=f"guest {index}")
    assert ledger.pending == SPEAKERS
    assert books(ledger) == {"silent": SPEAKERS + 10}


def test_who_has_been_quiet_for_long_is_forgotten_so_that_their_words_may_come_anew(ledger):
    say(ledger, ROSE, 0)
    show(ledger, ROSE, 2.7)
    ledger.settle(2.8 + FORGET_S)
    show(ledger, ROSE, 3 + FORGET_S)
    assert books(ledger) == {"received": 1, "strange": 1}


def test_outcomes_that_nobody_fetches_do_not_pile_up(ledger):
    for index in range(OUTCOMES + 100):
        show(ledger, "um", float(index), of=f"{index % 10}")
    assert len(ledger.close(1e9)) <= OUTCOMES
    assert ledger.counts.strange == OUTCOMES + 100
