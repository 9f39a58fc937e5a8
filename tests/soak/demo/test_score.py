from __future__ import annotations

import sys

import pytest

from soak.demo.score import (
    Heard,
    Result,
    ScoringUnavailable,
    Spoken,
    check_available,
    edges_present,
    match,
    summary,
    word_error_rate,
)


def said(clip, *, by=0, first, last, text="some words"):
    return Spoken(clip=clip, speaker=by, text=text, first=first, last=last)


def partial(at, text="some", *, of=0):
    return Heard(at=at, speaker=of, text=text, final=False)


def final(at, text="some words", *, of=0):
    return Heard(at=at, speaker=of, text=text, final=True)


def result(reference, hypothesis, *, first_partial_ms=None, final_ms=None):
    return Result(
        clip="clip",
        reference=reference,
        hypothesis=hypothesis,
        first_partial_ms=first_partial_ms,
        final_ms=final_ms,
    )


# Whose caption is it


def test_latency_runs_from_the_first_and_the_last_speech_sample():
    (one,) = match([said("a", first=10, last=12)], [partial(11), partial(11.5), final(12.5)])
    assert (one.first_partial_ms, one.final_ms) == (1000, 500)
    assert (one.clip, one.reference, one.hypothesis) == ("a", "some words", "some words")


def test_a_caption_belongs_to_the_clip_its_speaker_began_last():
    spoken = [said("a", first=10, last=12), said("b", first=15, last=16)]
    one, two = match(spoken, [final(14.9, "one"), final(15, "two")])
    assert (one.hypothesis, two.hypothesis) == ("one", "two")


def test_a_final_that_is_late_belongs_to_the_clip_that_waits_for_its_words():
    spoken = [said("a", first=10, last=12, text="go forward"), said("b", first=13, last=16, text="then do something")]
    one, two = match(spoken, [final(14, "Go forward"), partial(15, "then do"), final(17, "then do something")])
    assert (one.hypothesis, two.hypothesis) == ("Go forward", "then do something")
    assert (one.final_ms, two.first_partial_ms) == (2000, 2000)


def test_captions_of_others_do_not_count():
    spoken = [said("a", first=10, last=12), said("b", by=1, first=11, last=13)]
    one, two = match(spoken, [final(12.5, "two", of=1), final(13, "one")])
    assert (one.hypothesis, two.hypothesis) == ("one", "two")


def test_what_came_before_a_clip_began_is_nobodys():
    (one,) = match([said("a", first=10, last=12)], [final(9)])
    assert (one.hypothesis, one.first_partial_ms, one.final_ms) == ("", None, None)


def test_the_finals_of_a_clip_in_pieces_are_joined_in_time_and_the_last_one_counts():
    (one,) = match([said("a", first=10, last=12)], [final(13, "words"), final(11, "some")])
    assert (one.hypothesis, one.final_ms) == ("some words", 1000)


def test_an_empty_final_is_no_caption():
    (one,) = match([said("a", first=10, last=12)], [partial(11), final(12, "")])
    assert (one.first_partial_ms, one.final_ms) == (1000, None)


# How well


def test_scoring_is_available_here():
    check_available()


def test_scoring_without_its_libraries_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ScoringUnavailable, match=r"pip install 'roomscribe\[demo\]'"):
        check_available()


@pytest.mark.parametrize(
    ("hypothesis", "rate"),
    [
        ("go forward ten meters", 0.0),
        ("Go forward 10 metres.", 0.0),
        ("go forward ten", 0.25),
        ("", 1.0),
    ],
    ids=["the words", "the same words in other clothes", "a word is missing", "all words are missing"],
)
def test_the_error_rate_counts_words_not_spelling(hypothesis, rate):
    assert word_error_rate([result("go forward ten meters", hypothesis)]) == rate


def test_the_error_rate_is_one_over_all_clips_together():
    assert word_error_rate([result("bright and early", "bright and early"), result("hello", "")]) == 0.25


# The summary


def test_the_summary_counts_what_was_captioned_and_how_long_it_took():
    results = [
        result("one", "one", first_partial_ms=1000.4, final_ms=500),
        result("two", "two", first_partial_ms=2000.4, final_ms=700),
        result("three", ""),
    ]
    assert summary(results, captions=7) == {
        "wer": 0.3333,
        "clips": 3,
        "clips_captioned": 2,
        "first_partial_ms_p50": 1500,
        "first_partial_ms_p95": 1950,
        "final_ms_p50": 600,
        "final_ms_p95": 690,
        "captions": 7,
    }


def test_a_summary_of_nothing_claims_nothing():
    empty = summary([], captions=0)
    assert {name for name, value in empty.items() if value is not None} == {"clips", "clips_captioned", "captions"}


def test_a_first_or_last_word_that_was_recognised_wrongly_is_still_present():
    assert edges_present(["one two three", "four five"], ["won two tree", "four hive"]) == 1.0


def test_a_first_or_last_word_that_nothing_was_written_for_is_missing():
    assert edges_present(["alpha beta gamma", "delta epsilon"], ["beta gamma", "delta epsilon"]) == 0.75
    assert edges_present(["alpha beta gamma"], ["alpha beta"]) == 0.5
    assert edges_present(["alpha beta gamma"], [""]) == 0.0


def test_two_words_heard_as_one_lose_neither_edge():
    assert edges_present(["give it to them so"], ["give it to dusso"]) == 1.0
