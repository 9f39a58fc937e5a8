"""Where a model says the same again: a loop is cut where it begins, and what people do say twice is kept."""

from __future__ import annotations

import pytest

from pipeline.guards import MAX_WORDS_PER_S, Decoded, Rule, Verdict, judge, trim_repeats
from pipeline.languages import NO_SPACES, split_words
from tests.support.decodes import (
    ARTICLE,
    ARTICLE_S,
    CONFIDENT,
    LOOP_RATE,
    NEVER,
    TRUE_RATE,
    WORDS,
    article,
    decoded,
    rule,
    shown,
)


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
        "I don't think, mister. I don't think, mister hell. You have done quite right in this.",
        "No, no, no, no, don't delete the production database!",
        "What we need is what we need is more time before the release.",
        "Because we didn't we didn't we didn't get the approval in time.",
        "My number is 5 5 5 5 1 2 3 4.",
        "you you you you you you you you all right",
    ],
)
def test_what_follows_a_repeat_is_never_lost(text):
    assert trim_repeats(text) == (text, False)
    assert judge(decoded(text, rate=MAX_WORDS_PER_S * 0.95)).text == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("First this. Then it was done. Then it was", "First this. Then it was done."),
        ("It was done, and I know that it was done", None),
        ("You know it. You know", "You know it."),
        ("It is, as you know it is", None),
    ],
    ids=["after a pause", "in mid-sentence", "the first words after a sentence", "the first words within it"],
)
def test_a_repeat_that_breaks_off_is_one_only_where_speech_can_begin(text, kept):
    assert trim_repeats(text) == ((kept, True) if kept else (text, False))


@pytest.mark.parametrize(
    ("language", "text", "kept"),
    [
        ("zh", "今天天气很好我们去公园吧。今天天气很好我们去公园吧。", "今天天气很好我们去公园吧。"),
        ("ja", "今日は雨ですね。今日は雨ですね。今日は", "今日は雨ですね。"),
        ("zh", "好的好的好的好的", "好的"),
        ("th", "สวัสดีครับทุกคน สวัสดีครับทุกคน", "สวัสดีครับทุกคน"),
        ("hi", "नदी के किनारे चलते हैं। नदी के किनारे चलते हैं।", "नदी के किनारे चलते हैं।"),
        ("hi", "नदी के किनारे चलते हैं। नदी के", "नदी के किनारे चलते हैं।"),
        ("ar", "هل أنت هنا الآن؟ هل أنت", "هل أنت هنا الآن؟"),
    ],
)
def test_a_loop_is_one_in_any_script(language, text, kept):
    assert trim_repeats(text, language) == (kept, True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("hi", "नदी के किनारे किनारे"),
        ("hi", "नदी के किनारे किनारे चलते हुए हम गाँव पहुँचे।"),
        ("hi", "की का कि के"),
        ("zh", "看看"),
        ("zh", "研究研究"),
        ("th", "เร็ว ๆ เร็ว ๆ"),
    ],
)
def test_reduplication_is_no_loop(language, text):
    assert trim_repeats(text, language) == (text, False)


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


def test_one_word_may_be_said_four_times_but_not_in_no_time():
    assert shown("Be Be Be Be", rate=TRUE_RATE) == "Be Be Be Be"
    assert shown("Be Be Be Be", rate=LOOP_RATE) == "Be"


@pytest.mark.parametrize("language", ARTICLE)
def test_how_dense_speech_can_be_depends_on_the_language(language):
    _, text = ARTICLE[language]
    words = split_words(text, language)[:6]
    once = ("" if language in NO_SPACES else " ").join(words)
    twice = f"{once} {once}"
    assert judge(article(language, text=twice)).text == twice
    assert judge(article(language, text=twice, times=3, duration_s=ARTICLE_S * 0.9)).trimmed


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [("zh", "今天天气很好我们去公园吧。", 12), ("ja", "本日はお忙しい中ありがとうございます。", 17)],
)
def test_an_utterance_that_is_written_twice_is_shown_once_without_spaces_too(language, text, tokens):
    twice = Decoded(
        text=text * 2,
        language=language,
        tokens=tokens * 2,
        duration_s=len(text) / 5,
        no_speech_prob=0.0,
        avg_logprob=CONFIDENT,
    )
    assert judge(twice) == Verdict(text=text, trimmed=True)


def test_what_is_trimmed_is_judged_without_its_loop():
    text = " ".join([WORDS] * 12)
    assert rule(text, rate=TRUE_RATE) is Rule.COMPRESSION
    assert shown(text, rate=LOOP_RATE) == WORDS
