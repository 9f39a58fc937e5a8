from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guards import (
    LOGPROB_BAD,
    LOGPROB_DOUBTFUL,
    LOGPROB_WORST,
    LOOP_TOKENS_PER_S,
    MAX_CHARACTERS_PER_S,
    MAX_COMPRESSION,
    MAX_WORDS_PER_S,
    NO_SPEECH_LIKELY,
    NO_SPEECH_SURE,
    PHRASE_LOGPROB,
    PHRASE_NO_SPEECH,
    SILENCE_PHRASES,
    Decoded,
    Rule,
    compression,
    judge,
    trim_repeats,
)
from pipeline.languages import NAMES

A_LITTLE = 0.01
CONFIDENT = max(LOGPROB_DOUBTFUL, PHRASE_LOGPROB) / 2
NO_SILENCE = min(PHRASE_NO_SPEECH, NO_SPEECH_LIKELY) / 2
LOOP_RATE = LOOP_TOKENS_PER_S * 1.5
TRUE_RATE = LOOP_TOKENS_PER_S * 0.75


def decoded(text, *, silence=NO_SILENCE, logprob=CONFIDENT, rate=TRUE_RATE, language="en"):
    """A decode with `rate` tokens a second, a token a word."""
    tokens = max(1, len(text.split()))
    return Decoded(
        text=text,
        language=language,
        tokens=tokens,
        duration_s=tokens / rate,
        no_speech_prob=silence,
        avg_logprob=logprob,
    )


def shown(text, **numbers):
    return judge(decoded(text, **numbers)).text


def rule(text, **numbers):
    return judge(decoded(text, **numbers)).rule


# What is withheld, and what is not

FENCE = "Tear down the fence, tear down the fence, and go home."
NEVER = "Never, never, never give up."


@pytest.mark.parametrize(
    "text",
    [
        "He might even have been made amiable himself.",
        "Yes.",
        "Thank you.",
        "You know what I mean, you know?",
        "We, we, we have to go, to go there.",
        "Ha ha ha.",
        "Call 555 555 0123.",
        FENCE,
        NEVER,
        "Row, row, row your boat.",
        "A",
        "4",
    ],
)
def test_speech_passes_as_it_is(text):
    assert shown(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "language"),
    [("Über den Wolken.", "de"), ("今日は雨です。", "ja"), ("我们今天回来了", "zh"), ("नमस्ते दुनिया", "hi")],
)
def test_speech_of_other_languages_passes_too(text, language):
    assert shown(text, language=language) == text


@pytest.mark.parametrize("text", [". . . .", "...", "♪♪", "¶", "-", "[!]"])
def test_what_has_neither_letter_nor_digit_is_no_speech(text):
    assert rule(text) is Rule.NO_LETTERS


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_is_nothing_and_no_rule_is_counted_for_it(text):
    verdict = judge(decoded(text))
    assert (verdict.text, verdict.rule, verdict.trimmed) == ("", None, False)


WORDS = "I was not there."


@pytest.mark.parametrize(
    ("silence", "logprob", "expected"),
    [
        (NO_SPEECH_SURE + A_LITTLE, CONFIDENT, None),
        (NO_SPEECH_SURE + A_LITTLE, LOGPROB_DOUBTFUL - A_LITTLE, Rule.NO_SPEECH),
        (NO_SPEECH_SURE, LOGPROB_DOUBTFUL - A_LITTLE, None),
        (NO_SPEECH_LIKELY + A_LITTLE, LOGPROB_BAD + A_LITTLE, None),
        (NO_SPEECH_LIKELY + A_LITTLE, LOGPROB_BAD - A_LITTLE, Rule.NO_SPEECH),
        (NO_SPEECH_LIKELY, LOGPROB_BAD - A_LITTLE, None),
        (NO_SILENCE, LOGPROB_WORST, None),
        (NO_SILENCE, LOGPROB_WORST - A_LITTLE, Rule.LOW_CONFIDENCE),
    ],
    ids=[
        "sure of silence, and of its words",
        "sure of silence, in doubt of its words",
        "not quite so sure of silence",
        "silence is likely, its words are doubtful",
        "silence is likely, its words are bad",
        "silence is not quite so likely",
        "speech, badly understood",
        "speech, hardly more than guessed",
    ],
)
def test_the_model_is_taken_at_its_own_word(silence, logprob, expected):
    assert rule(WORDS, silence=silence, logprob=logprob) is expected


@pytest.mark.parametrize(
    ("phrase", "language"), [(phrase, code) for code, phrases in SILENCE_PHRASES.items() for phrase in sorted(phrases)]
)
def test_what_the_model_says_to_silence_is_withheld_when_it_is_unsure_and_only_then(phrase, language):
    numbers = {"language": language, "rate": LOOP_TOKENS_PER_S / 4}
    assert shown(phrase, **numbers) == phrase
    assert rule(phrase, silence=PHRASE_NO_SPEECH + A_LITTLE, **numbers) is Rule.SILENCE_PHRASE
    assert rule(phrase, logprob=PHRASE_LOGPROB - A_LITTLE, **numbers) is Rule.SILENCE_PHRASE


@pytest.mark.parametrize("text", ["Thank you.", " thank you! ", "THANK YOU", "Thanks for watching!", "Bye.", "You"])
def test_case_and_punctuation_do_not_save_a_silence_phrase(text):
    assert rule(text, silence=0.5) is Rule.SILENCE_PHRASE


def test_a_silence_phrase_within_a_sentence_is_speech():
    assert shown("Thank you for the soup.", silence=0.5) == "Thank you for the soup."


def test_a_silence_phrase_of_another_language_is_speech():
    assert shown("Merci.", silence=0.5) == "Merci."


@pytest.mark.parametrize("times", [4, 6, 8])
@pytest.mark.parametrize("text", ["Beep", "Thank you", "you"])
def test_a_silence_phrase_that_loops_is_withheld_too(text, times):
    assert rule(" ".join([text] * times), silence=0.5, rate=LOOP_RATE) is not None


def test_a_text_that_compresses_like_a_loop_is_withheld():
    text = "one two three four " * 12 + "five"
    assert compression(text) > MAX_COMPRESSION
    assert rule(text) is Rule.COMPRESSION


def test_a_loop_over_silence_is_no_speech_before_it_is_anything_else():
    text = "a word or two " * 12
    assert compression(text) > MAX_COMPRESSION
    assert rule(text, silence=NO_SPEECH_LIKELY + A_LITTLE, rate=LOOP_RATE) is Rule.NO_SPEECH


def test_nobody_speaks_so_many_words_in_the_time():
    text = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike"
    assert rule(text, rate=MAX_WORDS_PER_S * 0.9) is None
    assert rule(text, rate=MAX_WORDS_PER_S * 1.5) is Rule.TOO_FAST


def test_a_script_without_spaces_is_measured_by_its_characters():
    text = "我们昨天去了北京今天回来了"

    def said_in(duration_s):
        return judge(
            Decoded(
                text=text, language="zh", tokens=9, duration_s=duration_s, no_speech_prob=0.0, avg_logprob=CONFIDENT
            )
        )

    assert said_in(len(text) / MAX_CHARACTERS_PER_S).text == text
    assert said_in(len(text) / MAX_CHARACTERS_PER_S / 3).rule is Rule.TOO_FAST


def test_a_short_word_may_take_no_time():
    assert judge(
        Decoded(text="Oh no", language="en", tokens=2, duration_s=0.0, no_speech_prob=0.0, avg_logprob=CONFIDENT)
    ).text


# Loops


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"{WORDS} {WORDS}", WORDS),
        (f"{WORDS} {WORDS} {WORDS}", WORDS),
        (f"{WORDS} I was not", WORDS),
        ("You thought me so silly. You thought", "You thought me so silly."),
        ("He said so, and then he left, and then he left", "He said so, and then he left,"),
        ("you you you you you", "you"),
        ("go home go home go home go home", "go home"),
        ("The end. The end. The end. The end.", "The end."),
        ("well I-I I-I I-I I-I", "well I-I"),
    ],
)
def test_a_loop_is_cut_where_it_begins_again(text, kept):
    assert trim_repeats(text) == (kept, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "one",
        "no no no",
        NEVER,
        "go home go home go home",
        "one two, one two",
        "It is what it is.",
        "to be or not to be",
        "a b c d a b",
    ],
)
def test_what_people_say_twice_is_no_loop(text):
    assert trim_repeats(text) == (text, False)


def test_a_repeat_is_trimmed_only_when_it_comes_faster_than_speech():
    text = f"{WORDS} {WORDS}"
    slow, fast = judge(decoded(text, rate=TRUE_RATE)), judge(decoded(text, rate=LOOP_RATE))
    assert (slow.text, slow.trimmed) == (text, False)
    assert (fast.text, fast.trimmed) == (WORDS, True)


def test_what_is_trimmed_is_judged_without_its_loop():
    text = " ".join([WORDS] * 12)
    assert rule(text, rate=TRUE_RATE) is Rule.COMPRESSION
    assert shown(text, rate=LOOP_RATE) == WORDS


# Laws, for whatever a model may write

texts = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(["you", "Beep", "so,", "it", "is", "I'm", "...", "end."]), max_size=40).map(" ".join),
)
anything = st.builds(
    Decoded,
    text=texts,
    language=st.sampled_from(sorted(NAMES)),
    tokens=st.integers(0, 448),
    duration_s=st.floats(0.0, 30.0),
    no_speech_prob=st.floats(0.0, 1.0),
    avg_logprob=st.floats(-20.0, 0.0),
)


@given(anything)
def test_no_word_is_shown_that_the_model_did_not_write(written):
    verdict = judge(written)
    assert written.text.strip().startswith(verdict.text)
    assert verdict.trimmed or verdict.rule or verdict.text == written.text.strip()


@given(anything)
def test_nothing_is_withheld_without_a_rule_and_nothing_is_shown_against_one(written):
    verdict = judge(written)
    assert bool(verdict.text) == (verdict.rule is None and bool(written.text.strip()))


@given(texts)
def test_trimming_cuts_at_the_end_of_a_word_and_leaves_some(text):
    kept, trimmed = trim_repeats(text)
    assert text.startswith(kept)
    assert trimmed == (kept != text)
    assert not trimmed or any(each.isalnum() or each in "_'’-" for each in kept)
