"""A conversation is drawn as blocks: how many utterances, an arrow of what was found, how many captions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import GAP_MARK
from soak.world.alignment import Caption, Spoken, align, stretch
from soak.world.likeness import words_of

ROSE, BLUE, DUKE, CLAY = (
    "wild roses by the door",
    "seven blue umbrellas",
    "dukes never eat soup",
    "potters need wet clay",
)


def said(text, first, last, delivered=1.0):
    return Spoken("ada", text, first, last, delivered)


def came(text, at):
    return Caption("ada", text, at)


def drawn(spoken, heard, before=()):
    words = [words_of(text) for text in before]
    blocks = align(spoken, heard, words, late_s=45.0, enough=0.5)
    return " ".join(f"{block.spoken}-{block.how.value}-{block.heard}" for block in blocks)


def test_each_utterance_has_its_caption():
    spoken = [said(ROSE, 0, 2), said(BLUE, 4, 6)]
    assert drawn(spoken, [came("Wild roses by the door.", 2.7), came("7 blue umbrellas.", 6.7)]) == "1-like-1 1-like-1"


def test_nothing_said_and_nothing_shown_is_nothing():
    assert drawn([], []) == ""


def test_an_utterance_comes_out_in_pieces():
    assert drawn([said(ROSE, 0, 2)], [came("Wild roses", 1.4), came("by the door.", 2.6)]) == "1-like-2"


def test_a_few_of_many_words_are_a_caption_too():
    spoken = [said(f"{DUKE} where {CLAY} and {BLUE} hang over {ROSE}", 0, 8)]
    assert drawn(spoken, [came("Dukes never.", 2), came(GAP_MARK, 9)]) == "1-like-1 0-spare-1"


def test_a_part_of_what_the_network_tore_is_its_caption_though_the_same_words_were_shown_before():
    whole, again = f"{ROSE} and {BLUE}", came("Wild roses by the doors.", 2.7)
    assert drawn([said(whole, 0, 4, delivered=0.5)], [again], before=[whole, again.text]) == "1-like-1"
    assert drawn([said(whole, 0, 4, delivered=0.07)], [again], before=[whole, again.text]) == "1-like-1"
    assert drawn([said(whole, 0, 4, delivered=0.99)], [again], before=[whole, again.text]) == "0-spare-1 1-lost-0"
    assert drawn([said(DUKE, 0, 4, delivered=0.5)], [again], before=[whole, again.text]) == "0-spare-1 1-lost-0"


def test_what_follows_a_mark_is_the_rest_of_an_utterance_that_lost_its_beginning_behind_the_network():
    whole = f"{ROSE} {DUKE}"
    rest = came(DUKE, 5)
    told = [came(GAP_MARK, 4.9), rest]
    assert drawn([said(whole, 0, 4)], told, before=[whole, rest.text]) == "0-spare-1 1-like-1"
    assert drawn([said(whole, 0, 4)], [rest, came(GAP_MARK, 5.1)], before=[whole, rest.text]) == "0-spare-1 1-marked-1"
    assert (
        drawn([said(whole, 0, 4)], [came(GAP_MARK, -1), rest], before=[whole, rest.text])
        == "0-spare-1 1-lost-0 0-spare-1"
    )


def test_a_part_of_what_the_network_tore_is_no_repetition_though_wrong_words_follow_it():
    whole, part = f"{ROSE} and {BLUE}", came("Wild roses by the door.", 2.7)
    assert drawn([said(whole, 0, 4, delivered=0.8)], [part, came("Of you.", 5)], before=[whole]) == "1-like-1 0-spare-1"
    blocks = drawn([said(whole, 0, 4, delivered=0.8), said(DUKE, 6, 8)], [part, came(DUKE, 9)], before=[whole])
    assert blocks == "1-like-1 1-like-1"


@pytest.mark.parametrize("delivered", [1.0, 0.99, 0.8, 0.6])
def test_an_utterance_comes_out_in_pieces_over_a_bad_network_too(delivered):
    spoken = [said(f"{ROSE} and {BLUE} {DUKE}", 0, 6, delivered)]
    pieces = [
        came("Wild roses by the door.", 2),
        came("And seven blue umbrellas.", 4),
        came("Dukes never eat soup.", 7),
    ]
    assert drawn(spoken, pieces) == "1-like-3"
    assert drawn(spoken, pieces[:2]) == "1-like-2"
    assert drawn(spoken, pieces[1:]) == "1-like-2"


def test_two_utterances_come_out_as_one():
    spoken = [said(ROSE, 0, 2), said(BLUE, 2.4, 4)]
    assert drawn(spoken, [came("Wild roses by the door, seven blue umbrellas.", 4.7)]) == "2-like-1"


def test_what_was_said_long_after_is_not_in_the_same_caption():
    spoken = [said(ROSE, 0, 2), said(BLUE, 20, 22)]
    joined = came("Wild roses by the door, seven blue umbrellas.", 22.7)
    assert drawn(spoken, [joined]).count("like-1") == 1


def test_a_caption_of_the_first_of_two_does_not_hide_that_the_short_second_is_lost():
    spoken = [said(f"{ROSE} and {BLUE}", 0, 4), said("yes", 4.4, 4.8)]
    assert drawn(spoken, [came("Wild roses by the door and seven blue umbrellas.", 5.4)]) == "1-like-1 1-lost-0"


def test_a_caption_is_not_that_of_what_was_said_after_it_came():
    assert drawn([said(ROSE, 5, 7)], [came(ROSE, 4.9)]) == "0-spare-1 1-lost-0"


def test_a_caption_that_comes_too_late_is_nobodys():
    assert drawn([said(ROSE, 0, 2)], [came(ROSE, 47.1)]) == "1-lost-0 0-spare-1"


def test_one_mark_stands_for_all_in_a_row_that_have_no_caption():
    spoken = [said(ROSE, 0, 2), said(BLUE, 3, 5), said(DUKE, 6, 8), said(CLAY, 9, 11)]
    assert drawn(spoken, [came(GAP_MARK, 11.6), came(CLAY, 11.7)]) == "3-marked-1 1-like-1"


def test_a_mark_does_not_stand_for_what_was_said_after_it():
    assert drawn([said(ROSE, 0, 2), said(BLUE, 3, 5)], [came(GAP_MARK, 2.6)]) == "1-marked-1 1-lost-0"


def test_wrong_words_in_time_are_a_caption_all_the_same():
    assert drawn([said(ROSE, 0, 2)], [came("Thank you.", 2.7)]) == "1-unlike-1"
    assert drawn([said(ROSE, 0, 2)], [came("Thank you.", 12.1)]) == "1-lost-0 0-spare-1"


def test_the_words_of_what_was_said_before_are_no_wrong_words_but_come_again():
    assert drawn([said(BLUE, 5, 7)], [came(ROSE, 7.7)], before=[ROSE]) == "1-lost-0 0-spare-1"


def test_what_comes_again_is_no_caption_of_a_sentence_that_is_somewhat_like_it():
    kitchen = "go to the kitchen door"
    again = [came("Go to the kitchen door.", 7.7)]
    assert drawn([said("go to the garden door", 5, 7)], again, before=[kitchen]) == "1-lost-0 0-spare-1"
    assert drawn([said("go to the garden door", 5, 7)], again) == "1-like-1"


def test_a_mark_tells_nothing_of_what_was_lost_before_wrong_words():
    spoken = [said(ROSE, 0, 2), said(BLUE, 3, 5), said(DUKE, 6, 8), said(CLAY, 9, 11)]
    heard = [came("Thank you.", 8.7), came(GAP_MARK, 11.7)]
    assert drawn(spoken, heard) == "1-lost-0 1-lost-0 1-unlike-1 1-marked-1"


def test_a_caption_is_not_given_to_a_sentence_that_differs_in_one_word_when_another_has_all_its_words():
    spoken = [said("turn to page seven", 0, 2), said("turn to page nine", 4, 6)]
    assert drawn(spoken, [came("Turn to page 9.", 6.7)]) == "1-lost-0 1-like-1"


def test_what_can_be_understood_by_itself_ends_before_the_first_that_is_beyond_doubt():
    spoken = [said(ROSE, 0, 2), said(BLUE, 4, 6), said(DUKE, 8, 10)]
    assert stretch(spoken, [came(BLUE, 6.7), came(DUKE, 10.7)]) == (1, 0)
    assert stretch(spoken, [came(ROSE, 2.7), came(ROSE, 3), came(DUKE, 10.7)]) == (2, 2)


def test_what_could_be_confused_with_something_before_is_not_beyond_doubt():
    assert stretch([said(ROSE, 0, 2), said(ROSE, 4, 6)], [came(ROSE, 6.7)]) == (2, 1)
    assert stretch([said(ROSE, 0, 2), said(BLUE, 4, 6)], [came("seven blue", 6.2), came("umbrellas", 6.7)]) == (2, 2)


@given(
    st.lists(st.sampled_from([ROSE, BLUE, DUKE, CLAY]), max_size=8),
    st.lists(
        st.tuples(st.sampled_from([ROSE, BLUE, f"{DUKE} {CLAY}", GAP_MARK, "um"]), st.integers(0, 30)), max_size=8
    ),
)
def test_every_utterance_and_every_caption_is_in_exactly_one_block_and_no_caption_comes_before_its_utterance(
    saying, shown
):
    spoken = [said(text, 3 * index, 3 * index + 2) for index, text in enumerate(saying)]
    heard = [came(text, at) for text, at in sorted(shown, key=lambda each: each[1])]
    blocks = align(spoken, heard, [], late_s=45.0, enough=0.5)
    i = j = 0
    for block in blocks:
        own, captions = spoken[i : i + block.spoken], heard[j : j + block.heard]
        assert all(each.first <= caption.at for each in own for caption in captions)
        i, j = i + block.spoken, j + block.heard
    assert (i, j) == (len(spoken), len(heard))
