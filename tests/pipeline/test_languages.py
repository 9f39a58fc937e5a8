import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import UnknownLanguage
from pipeline.languages import (
    NAMES,
    NO_SPACES,
    RIGHT_TO_LEFT,
    Language,
    catalogue,
    join_words,
    parse_language,
    split_words,
)

MULTILINGUAL = frozenset(NAMES)
ENGLISH_ONLY = ("en",)


@pytest.mark.parametrize(
    ("language_id", "code"),
    [("en", "en"), ("pt_BR", "pt"), ("pt-BR", "pt"), ("EN", "en"), ("zh_Hant_TW", "zh"), ("yue", "yue")],
)
def test_the_id_that_came_in_is_kept_and_whisper_gets_its_code(language_id, code):
    assert parse_language(language_id, MULTILINGUAL) == Language(id=language_id, code=code)


@pytest.mark.parametrize("language_id", ["", "_", "xx", "english", "e n", "_en"])
def test_an_unknown_id_is_refused_with_the_known_ones(language_id):
    with pytest.raises(UnknownLanguage, match=r"not a known language id; known: en$"):
        parse_language(language_id, ENGLISH_ONLY)


def test_a_language_the_loaded_model_lacks_is_refused_with_what_to_do():
    with pytest.raises(UnknownLanguage, match=r"'de_AT' needs a multilingual model.*knows en.*ROOMSCRIBE_MODEL"):
        parse_language("de_AT", ENGLISH_ONLY)


def test_the_catalogue_lists_what_the_model_knows_and_no_more():
    assert catalogue(ENGLISH_ONLY) == {"en": {"name": "English", "metadata": {"separator": " ", "rtl": False}}}
    assert catalogue(["tlh"]) == {}


def test_the_catalogue_tells_how_a_language_is_written():
    languages = catalogue(MULTILINGUAL)
    assert languages["ja"]["metadata"] == {"separator": "", "rtl": False}
    assert languages["ar"]["metadata"] == {"separator": " ", "rtl": True}
    assert languages.keys() == {*NAMES, "auto"}


def test_only_a_model_that_can_detect_languages_offers_to():
    assert catalogue(["en"]).keys() == {"en"}
    assert parse_language("auto", ["en"]) == Language(id="auto", code="en")
    assert parse_language("auto", MULTILINGUAL) == Language(id="auto", code="")


def test_latin_words_among_characters_stay_whole_and_apart():
    words = split_words("我用 Nextcloud Talk 3.5 开会", "zh")
    assert words == ["我", "用", "Nextcloud", "Talk", "3.5", "开", "会"]
    assert join_words(words, "zh") == "我用Nextcloud Talk 3.5开会"


def test_every_code_with_a_peculiarity_is_a_known_code():
    assert NAMES.keys() >= RIGHT_TO_LEFT
    assert NAMES.keys() >= NO_SPACES


def test_the_names_are_whispers_own_codes():
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(_LANGUAGE_CODES) == set(NAMES)


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("en", "  two\n words ", ["two", "words"]),
        ("ja", "今日は 雨", ["今", "日", "は", "雨"]),
        ("en", "", []),
        ("zh", " ", []),
    ],
)
def test_words_are_parted_by_spaces_or_are_characters(code, text, words):
    assert split_words(text, code) == words


@given(st.lists(st.text("abcÄß漢字'-.", min_size=1)), st.sampled_from(sorted(NAMES.keys() - NO_SPACES)))
def test_words_that_were_joined_are_parted_again(words, code):
    assert split_words(join_words(words, code), code) == words


@given(st.lists(st.sampled_from("漢字かな")), st.sampled_from(sorted(NO_SPACES)))
def test_characters_that_were_joined_are_parted_again(characters, code):
    joined = join_words(characters, code)
    assert " " not in joined
    assert split_words(joined, code) == characters
