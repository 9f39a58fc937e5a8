from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.caption import CAPTION_CHARACTERS, ends_sentence, polish, split_caption
from pipeline.languages import NO_SPACES, belongs


def tidy(text, code="en", continues=False):
    return polish(text, code=code, continues=continues)


def split(text, limit, code="en"):
    return split_caption(text, code=code, limit=limit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  so\n we  meet\tagain ", "So we meet again"),
        ("“hello there”", "“Hello there”"),
        ("3 apples", "3 apples"),
        ("- well, then", "Well, then"),
        ("... and then", "And then"),
        ("...and then", "And then"),
        ("– – , yes", "Yes"),
        (">> good morning", "Good morning"),
        ("-5 degrees", "-5 degrees"),
        (".NET is old", ".NET is old"),
        ("iPhone users", "iPhone users"),
        ("[…] what now", "[…] What now"),
        ("...", ""),
        ("", ""),
    ],
)
def test_a_caption_begins_with_a_capital_and_without_stray_punctuation(text, expected):
    assert tidy(text) == expected


def test_what_goes_on_in_mid_sentence_keeps_its_small_letter():
    assert tidy(" ... of the  house.", continues=True) == "of the house."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so i said i'm here, i'll stay", "so I said I'm here, I'll stay"),
        ("i’ve heard i'd go", "I’ve heard I'd go"),
        ("as i, i- i mean (i) do i? yes, i.", "as I, I- I mean (I) do I? yes, I."),
        ("i.e. wi-fi, i/o, Henri i's, alibi", "i.e. wi-fi, i/o, Henri i's, alibi"),
    ],
)
def test_the_english_i_is_a_capital(text, expected):
    assert tidy(text, continues=True) == expected


def test_in_other_languages_i_is_a_word_like_any_other():
    assert tidy("marco i anna", code="ca") == "Marco i anna"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "über uns", "Über uns"),
        ("es", "¿qué pasa?", "¿Qué pasa?"),
        ("ru", "что это", "Что это"),
        ("tr", "istanbul büyük", "İstanbul büyük"),
        ("nl", "ijs is koud", "IJs is koud"),
    ],
)
def test_a_language_with_capitals_has_its_own(code, text, expected):
    assert tidy(text, code=code) == expected


@pytest.mark.parametrize(
    ("code", "text"),
    [("ja", "「今日は」と言った。"), ("ar", "، مرحبا بكم"), ("ka", "გამარჯობა"), ("hi", "नमस्ते।"), ("zh", "，你好")],
)
def test_a_script_without_capitals_stays_as_it_is(code, text):
    assert tidy(text, code=code) == text


@pytest.mark.parametrize(
    "text",
    [
        "We are done.",
        "Are we?",
        "Stop!",
        "“We must go home.”",
        '(He said: "Go.")',
        "It costs 3.50.",
        "今日は雨です。",
        "「行こう。」",
        "我们走吧！",
        "هل أنت هنا؟",
        "ہم جا رہے ہیں۔",
        "हम घर जा रहे हैं।",
        "Մենք գնում ենք։",
        "ကျေးဇူးတင်ပါတယ်။",
        "It was Smith .",
    ],
)
def test_a_text_looks_like_a_sentence_if_it_ends_in_a_sign_of_one(text):
    assert ends_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "We are",
        "We are done,",
        "I asked Dr.",
        "for fruit, E.G.",
        "And then...",
        "And then ...",
        "And then…",
        "3.50",
        "今日は、",
        "हम घर",
        "”",
        "«»",
    ],
)
def test_and_not_if_it_breaks_off(text):
    assert not ends_sentence(text)


def test_a_text_that_fits_is_one_piece():
    assert split("Good morning.", 13) == ["Good morning."]
    assert split("  Good \n morning. ", 13) == ["Good morning."]


def test_of_nothing_there_are_no_pieces():
    assert split("", 10) == split(" \n", 10) == []


@pytest.mark.parametrize(
    "pieces",
    [
        ["It was late. It rained,", "and nobody came to us."],
        ["It was a long day. It was", "raining and nobody, alas."],
        ["Nobody came to see us,", "so all of us went home then"],
        ["We all went home with no word", "because nobody came here"],
        ["The old house stands on", "the hill above the river"],
    ],
    ids=[
        "clause in the middle, sentence near the start",
        "nothing but a space near the middle",
        "clause before conjunction",
        "conjunction before space",
        "space",
    ],
)
def test_a_long_text_is_cut_where_it_reads_best_without_a_stump(pieces):
    assert split(" ".join(pieces), 30) == pieces


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("We did it. They came late, and we all went home then", "We did it. They came late,"),
        ("We have done it all. They came, and we went home", "We have done it all."),
        ("He asked Dr. Smith of it, and got an answer to that", "He asked Dr. Smith of it,"),
        ("I said “We must go home.” Then we all went to the car", "I said “We must go home.”"),
        ("It is what we know and that we all have seen before", "It is what we know"),
        ("What he meant – I think – was never clear to anyone", "What he meant – I think –"),
    ],
)
def test_sentence_ends_come_first_then_clauses_then_conjunctions(text, first):
    assert split(text, 40)[0] == first


def test_the_rest_is_never_one_word_after_a_full_piece():
    words = ["word"] * 33  # 164 characters
    assert [len(piece) for piece in split_caption(" ".join(words), code="en")] == [79, 84]


def test_a_word_longer_than_the_limit_is_left_whole():
    assert split("see https://example.org/a/long/address for more", 12) == [
        "see",
        "https://example.org/a/long/address",
        "for more",
    ]


def test_a_script_without_spaces_is_cut_after_its_own_marks():
    assert split("今日は雨です。明日は晴れるでしょう。", 12, code="ja") == ["今日は雨です。", "明日は晴れるでしょう。"]
    assert split("我们昨天去了北京，今天回来了", 10, code="zh") == ["我们昨天去了北京，", "今天回来了"]


def test_without_marks_such_a_script_is_cut_in_the_middle():
    assert split("あ" * 12, 10, code="ja") == ["あ" * 6, "あ" * 6]


def test_a_character_keeps_its_signs_and_a_foreign_word_its_letters():
    assert split("ที่นี่ที่นี่", 10, code="th") == ["ที่นี่", "ที่นี่"]
    assert split("我们使用kubernetes部署", 13, code="zh") == ["我们使用", "kubernetes部署"]
    assert split("我们在東京的カフェcaférestaurant", 16, code="zh")[-1] == "caférestaurant"


@pytest.mark.parametrize(
    ("code", "syllable"),
    [("km", "ស្រ្តី"), ("my", "င်္ဘော"), ("th", "เมื่"), ("lo", "ໄຫຼ້"), ("bo", "རྒྱུ"), ("zh", "क्षि")],
    ids=["Khmer", "Burmese", "Thai", "Lao", "Tibetan", "Hindi among others"],
)
def test_a_syllable_sign_is_never_cut_in_two(code, syllable):
    for limit in range(1, 4 * len(syllable)):
        assert all(not piece.replace(syllable, "") for piece in split(syllable * 6, limit, code))


def test_a_limit_that_fits_nothing_is_refused():
    with pytest.raises(ValueError, match="limit must be at least 1"):
        split("words", 0)


# Laws, for any text

CODES = st.sampled_from(["en", "de", "ar", "ka", "ja", "th"])
SPACED = st.sampled_from(["en", "de", "ar"])
PROSE = st.lists(
    st.sampled_from(["i", "I'm", "so", "and", "that", "word", "longer", "Dr.", "end.", "Why?", "well,", "–", "i'll"]),
    max_size=150,
).map(" ".join)
ANY = st.one_of(PROSE, st.text(max_size=200), st.text("aiB .,-–\n'。、ー漢字\u0e34\u0e40\u1039\u200d", max_size=250))
LIMITS = st.integers(1, 200)


def collapsed(text):
    return " ".join(text.split())


@given(ANY, CODES, st.booleans())
def test_polish_never_loses_a_word(text, code, continues):
    def words(of):
        return re.findall(r"\w+", of.upper())

    assert words(tidy(text, code, continues)) == words(text)


@given(ANY, CODES, st.booleans())
def test_polish_leaves_single_spaces_and_does_nothing_twice(text, code, continues):
    polished = tidy(text, code, continues)
    assert polished == collapsed(polished)
    assert tidy(polished, code, continues) == polished


@given(st.text("漢字かな。、「」กำที่ 0123", max_size=60), CODES, st.booleans())
def test_polish_only_collapses_the_space_of_scripts_without_case(text, code, continues):
    assert tidy(text, code, continues) == collapsed(text)


@given(st.text("abc d", max_size=40), CODES)
def test_the_first_letter_is_the_only_one_that_polish_changes(text, code):
    assume(text.strip())
    polished = tidy(text, code)
    assert polished[0].isupper()
    assert polished[1:] == collapsed(text)[1:] == tidy(text, code, continues=True)[1:]


@given(ANY, CODES, LIMITS)
def test_the_pieces_joined_are_the_text(text, code, limit):
    assert ("" if code in NO_SPACES else " ").join(split(text, limit, code)) == collapsed(text)


@given(ANY, CODES, LIMITS)
def test_no_piece_is_longer_than_the_limit_unless_it_cannot_be_cut(text, code, limit):
    for piece in split(text, limit, code):
        if len(piece) <= limit:
            continue
        if code not in NO_SPACES:
            assert " " not in piece
        else:  # one character, with all that belongs to it; and at most the space that follows
            for before, each in zip(piece, piece[1:].rstrip(), strict=False):
                assert belongs(before + each, 1)


@given(ANY, CODES, LIMITS)
def test_no_piece_is_empty(text, code, limit):
    assert all(piece.strip() for piece in split(text, limit, code))


@given(ANY, CODES)
def test_a_text_within_the_limit_is_one_piece(text, code):
    text = collapsed(text)
    assert split(text, max(1, len(text)), code) == ([text] if text else [])


@given(PROSE, CODES, st.integers(60, 200))
def test_of_ordinary_words_no_piece_is_shorter_than_a_quarter_of_the_limit(text, code, limit):
    pieces = split(text, limit, code)
    assert len(pieces) < 2 or all(4 * len(piece) >= limit for piece in pieces)


@given(PROSE, SPACED)
def test_there_are_about_as_many_pieces_as_are_needed(text, code):
    pieces = split(text, CAPTION_CHARACTERS, code)
    assert len(pieces) <= 1 + 2 * len(collapsed(text)) // CAPTION_CHARACTERS
