"""What is withheld of what a model writes, and what is not. Loops: test_guards_loops.py; laws: test_guards_laws.py."""

from __future__ import annotations

import zlib

import pytest

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
)
from tests.support.decodes import (
    ARTICLE,
    ARTICLE_S,
    CONFIDENT,
    LOOP_RATE,
    NEVER,
    NO_SILENCE,
    WORDS,
    article,
    decoded,
    rule,
    shown,
)

A_LITTLE = 0.01
FENCE = "Tear down the fence, tear down the fence, and go home."


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


@pytest.mark.parametrize("text", ["Merci d'avoir regardé.", "Merci d’avoir regardé !", "merci d avoir regardé"])
def test_an_apostrophe_is_one_however_it_is_written(text):
    assert rule(text, language="fr", silence=0.5) is Rule.SILENCE_PHRASE


def test_spaces_do_not_save_a_silence_phrase_of_a_script_without():
    assert (
        rule("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", language="zh", silence=0.5, rate=1) is Rule.SILENCE_PHRASE
    )


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


def test_the_signs_of_a_character_are_not_counted_for_it():
    _, text = ARTICLE["th"]
    assert len(text) > 2 + MAX_CHARACTERS_PER_S * ARTICLE_S * 0.6
    assert judge(article("th", duration_s=ARTICLE_S * 0.6)).text == text


@pytest.mark.parametrize("language", ARTICLE)
def test_a_text_in_any_script_passes_as_it_is(language):
    verdict = judge(article(language))
    assert (verdict.text, verdict.trimmed) == (ARTICLE[language][1], False)


@pytest.mark.parametrize("language", ARTICLE)
def test_true_speech_is_far_from_a_loop_in_any_script_and_a_loop_is_one_in_any(language):
    _, text = ARTICLE[language]
    assert compression(text) < MAX_COMPRESSION * 0.7
    assert compression(text[:40] * 5) > MAX_COMPRESSION * 1.4


def test_english_is_compressed_as_whisper_does_it():
    _, text = ARTICLE["en"]
    assert compression(text) == len(text) / len(zlib.compress(text.encode()))


def test_a_short_word_may_take_no_time():
    assert judge(
        Decoded(text="Oh no", language="en", tokens=2, duration_s=0.0, no_speech_prob=0.0, avg_logprob=CONFIDENT)
    ).text
