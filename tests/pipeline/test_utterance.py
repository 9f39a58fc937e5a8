from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import Totals
from pipeline.agreement import Agreement
from pipeline.language_lock import LanguageLock
from pipeline.request import Hypothesis
from pipeline.utterance import AGREE, ENOUGH_WORDS, OpenUtterance, count_corrections, next_partial
from tests.pipeline.stage import ENGLISH

FEW = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


class Spoken:
    """An open utterance, and what readers see of it."""

    def __init__(self, agree=AGREE):
        self.totals = Totals()
        self.utterance = OpenUtterance(
            number=1,
            start=0,
            onset=0,
            continues=False,
            lock=LanguageLock(ENGLISH),
            agreement=Agreement("en", agree=agree),
        )

    def decoded(self, text, *, complete=True):
        hypothesis = Hypothesis(text=text, language="en", decode_s=0.0)
        return next_partial(self.utterance, hypothesis, self.totals, complete=complete)

    def ended(self, text):
        count_corrections(self.utterance, text, "en", self.totals)
        return self.totals


def words(count):
    return " ".join((FEW * 9)[:count])


def test_what_was_heard_first_is_shown_and_may_still_change():
    shown = Spoken().decoded("one two")
    assert (shown.text, shown.stable) == ("one two", 0)


def test_what_was_seen_before_is_not_shown_again():
    spoken = Spoken()
    assert spoken.decoded("one two") is not None
    assert spoken.decoded("one two") is None


def test_of_nothing_nothing_is_shown():
    assert Spoken().decoded("") is None


def test_what_enough_decodes_agree_on_is_stable():
    spoken = Spoken()
    for count in range(AGREE):
        assert not spoken.utterance.shown or not spoken.utterance.shown.stable
        shown = spoken.decoded(words(ENOUGH_WORDS + count))
    assert shown.committed == tuple(FEW[:ENOUGH_WORDS])


def test_a_last_word_that_may_be_cut_in_two_waits_for_the_next_partial():
    spoken = Spoken()
    assert spoken.decoded(words(ENOUGH_WORDS + 1), complete=False).text == words(ENOUGH_WORDS)
    assert spoken.decoded(words(ENOUGH_WORDS + 1), complete=True).text == words(ENOUGH_WORDS + 1)


def test_of_few_words_the_last_one_is_shown_too():
    assert Spoken().decoded(words(ENOUGH_WORDS - 1), complete=False).text == words(ENOUGH_WORDS - 1)


def test_a_final_of_what_nobody_saw_corrects_nothing():
    totals = Spoken().ended("one two three")
    assert (totals.final_words, totals.committed_words, totals.committed_corrected) == (3, 0, 0)


@pytest.mark.parametrize(
    ("final", "corrected"),
    [(words(ENOUGH_WORDS + 2), 0), ("one TWO, three four five six", 0), ("one too three four five six", 1)],
)
def test_a_final_that_changes_stable_words_is_counted(final, corrected):
    spoken = Spoken()
    for _ in range(AGREE + 1):
        spoken.decoded(words(ENOUGH_WORDS + 2))
    totals = spoken.ended(final)
    assert totals.committed_words > 2
    assert totals.committed_corrected == corrected


# Laws, for whatever is heard

texts = st.lists(st.sampled_from(["one", "two", "too", "three", "Three,", "four"]), min_size=1, max_size=8).map(
    " ".join
)
courses = st.lists(st.tuples(texts, st.booleans()), max_size=15)


@given(courses, st.integers(1, 4))
def test_stable_words_never_change(course, agree):
    spoken = Spoken(agree)
    seen = [shown for text, complete in course if (shown := spoken.decoded(text, complete=complete))]
    for earlier, later in itertools.pairwise(seen):
        assert later.text.startswith(earlier.text[: earlier.stable])
        assert earlier.text != later.text


@given(courses, texts, st.integers(1, 4))
def test_no_more_is_corrected_than_was_shown(course, final, agree):
    spoken = Spoken(agree)
    for text, complete in course:
        spoken.decoded(text, complete=complete)
    totals = spoken.ended(final)
    assert 0 <= totals.committed_corrected <= totals.committed_words
    assert totals.tentative_changed >= 0
    assert totals.final_words == len(final.split())
