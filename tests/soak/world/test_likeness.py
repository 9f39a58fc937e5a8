from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.world.likeness import likeness, share, together, without, words_of

texts = st.lists(st.sampled_from(["go", "forward", "ten", "10", "meters", "and", "stop"]), max_size=8).map(" ".join)


def alike(one, other):
    return likeness(words_of(one), words_of(other))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("go forward ten meters", "Go forward 10 meters."),
        ("beauty's rose", "Beauty’s rose"),
        ("thirty nine", "30, nine!"),
        ("größe zählt", "Größe zählt"),
    ],
)
def test_case_punctuation_and_the_writing_of_numbers_do_not_count(said, written):
    assert alike(said, written) == 1.0


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("go forward ten metres", 0.7, 0.95),
        ("go for ten meters", 0.7, 0.95),
        ("go forward", 0.6, 0.8),
        ("he was not an ill disposed young man", 0.0, 0.2),
    ],
    ids=["another spelling", "a wrong word", "half of it", "something else"],
)
def test_the_more_words_are_wrong_the_less_two_texts_are_alike(written, low, high):
    assert low <= alike("go forward ten meters", written) <= high


def test_a_text_without_words_is_like_nothing():
    assert alike("…", "…") == alike("", "go") == 0.0
    assert share(words_of(""), words_of("go")) == 0.0


def test_a_word_said_twice_is_more_than_the_word():
    assert alike("no no no", "no") < 1.0


def test_pieces_together_are_the_whole():
    pieces = [words_of("Go forward"), words_of("ten meters.")]
    assert likeness(together(pieces), words_of("go forward 10 meters")) == 1.0


def test_what_is_left_without_one_piece_is_the_other():
    rest = without(words_of("go forward ten meters"), [words_of("go forward")])
    assert likeness(rest, words_of("ten meters")) == 1.0
    assert share(words_of("go forward"), rest) < 0.1


@given(texts, texts)
def test_likeness_has_no_direction_and_is_never_more_than_one(one, other):
    assert alike(one, other) == alike(other, one)
    assert 0.0 <= alike(one, other) <= 1.0


@given(texts, texts)
def test_a_text_is_wholly_in_every_text_that_begins_with_it(one, other):
    part = words_of(one)
    assert not part or share(part, words_of(f"{one} {other}")) == 1.0
