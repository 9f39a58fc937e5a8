"""How many words a later text changes of an earlier one, counted as an alignment with the fewest edits does it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agreement import changes, corrected

WORD_LISTS = st.lists(st.sampled_from("abc"), max_size=7)


@cache
def fewest(before, after):
    """Edits, and words of `before` lost by them, in the best alignment: by trying all."""
    if not before:
        return len(after), 0
    ways = [(fewest(before[1:], after), 1, 1)]
    if after:
        lost = int(before[0] != after[0])
        ways += [(fewest(before, after[1:]), 1, 0), (fewest(before[1:], after[1:]), lost, lost)]
    return min((edits + more, count + lost) for (edits, count), more, lost in ways)


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("", "a b", 0),
        ("a b", "", 2),
        ("a b c", "A, b. c!", 0),
        ("a b c", "a b c d e", 0),
        ("a b c", "a x b y c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c d", "b c d e", 1),
        ("a b", "x y z", 2),
    ],
)
def test_changes_are_the_words_that_are_not_kept(before, after, count):
    assert changes(before.split(), after.split()) == count


@pytest.mark.parametrize(
    ("committed", "final", "count"),
    [
        ("he can swim", "he can't swim and he can dive", 1),
        ("he can", "he can swim and can he dive", 0),
        ("my dog", "a cat is what I had before the dog", 2),
        ("he can swim", "he can", 1),
        ("", "he can", 0),
    ],
)
def test_corrected_are_the_committed_words_that_the_final_changed_whatever_it_says_after_them(committed, final, count):
    assert corrected(committed.split(), final.split()) == count


@given(WORD_LISTS, WORD_LISTS)
def test_changes_are_those_of_an_alignment_with_the_fewest_edits(before, after):
    assert changes(before, after) == fewest(tuple(before), tuple(after))[1]


@given(WORD_LISTS, WORD_LISTS)
def test_corrected_are_the_changes_against_the_best_matching_prefix(committed, final):
    prefixes = [tuple(final[:n]) for n in range(len(final) + 1)]
    assert corrected(committed, final) == min(fewest(tuple(committed), prefix) for prefix in prefixes)[1]


@given(WORD_LISTS, WORD_LISTS)
def test_a_final_that_goes_on_as_committed_corrects_nothing(committed, rest):
    assert corrected(committed, committed + rest) == changes(committed, committed + rest) == 0


@given(WORD_LISTS, WORD_LISTS)
def test_no_more_words_change_than_there_are(before, after):
    assert 0 <= changes(before, after) <= len(before)
    assert 0 <= corrected(before, after) <= len(before)
