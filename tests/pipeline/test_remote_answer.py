from __future__ import annotations

import json

import pytest

from pipeline.remote_answer import MAX_TEXT, Malformed, language_code, read_answer

WORDS = "the parrot is dead"


def read(text, *, asked="en", **more):
    return read_answer(json.dumps({"text": text, **more}).encode(), language=asked, duration_s=2.0)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("english", "en"), ("English", "en"), ("en", "en"), ("en-US", "en"), ("pt_BR", "pt"), ("yue", "yue"),
        ("haitian creole", "ht"), ("nynorsk", "nn"), ("myanmar", "my"), ("jv", "jw"), ("klingon", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_language_is_known_by_code_and_by_name(told, code):
    assert language_code(told) == code


def test_numbers_are_averaged_over_the_segments_by_length():
    segments = [
        {"avg_logprob": -0.2, "no_speech_prob": 0.1, "tokens": [1] * 9},
        {"avg_logprob": -1.2, "no_speech_prob": 0.6, "tokens": [1]},
    ]
    decoded = read(" one\n two ", asked="", language="english", segments=segments)
    assert (decoded.text, decoded.language, decoded.tokens) == ("one two", "en", 10)
    assert decoded.avg_logprob == pytest.approx(-0.3)
    assert decoded.no_speech_prob == pytest.approx(0.15)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"segments": []},
        {"segments": None, "language": None},
        {"segments": [{"avg_logprob": None, "tokens": None}]},
        {"segments": [{"text": "no numbers"}], "language": 7},
    ],
)
def test_numbers_that_are_not_there_are_neutral(more):
    decoded = read(WORDS, asked="de", **more)
    assert (decoded.text, decoded.language) == (WORDS, "de")
    assert (decoded.tokens, decoded.avg_logprob, decoded.no_speech_prob) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>nginx</html>",
        b'{"text": "half',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"null",
        b'"text"',
        b"[]",
        b"{}",
        b'{"text": null}',
        b'{"text": 7}',
        b'{"error": {"message": "loading"}}',
        b'{"text": "\\ud800"}',
        b'{"text": "%s"}' % (b"a" * (MAX_TEXT + 1)),
        b'{"text": "a", "segments": {"id": 1}}',
        b'{"text": "a", "segments": ["b"]}',
        b'{"text": "a", "segments": [{"avg_logprob": "low"}]}',
        b'{"text": "a", "segments": [{"avg_logprob": NaN}]}',
        b'{"text": "a", "segments": [{"avg_logprob": -Infinity}]}',
        b'{"text": "a", "segments": [{"no_speech_prob": true}]}',
        b'{"text": "a", "segments": [{"no_speech_prob": 1%s}]}' % (b"0" * 400),
    ],
)
def test_what_is_no_answer_is_told_without_its_words(body):
    with pytest.raises(Malformed) as raised:
        read_answer(body, language="en", duration_s=1.0)
    assert str(raised.value).startswith("an answer ")
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("one\ntwo\tthree\r\nfour\x0bfive\x85six\u2028seven", "one two three four five six seven"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\x00b\x07c\x7fd\x9be", "abcde"),
        ("a \x00 b", "a b"),
        ("\u202edaed\u202c \u2066x\u2069 \u202a\u202b\u202d\u2067\u2068y", "daed x y"),
        ("שלום\u200f, عالم\u061c!", "שלום\u200f, عالم\u061c!"),
        ("नमस्\u200dते 👩\u200d🚀", "नमस्\u200dते 👩\u200d🚀"),
    ],
    ids=["line breaks", "ANSI escapes", "control characters", "alone", "bidi overrides", "bidi marks", "joiners"],
)
def test_what_steers_a_terminal_or_the_eye_is_dropped_and_what_writing_needs_stays(sent, expected):
    assert read(sent).text == expected
