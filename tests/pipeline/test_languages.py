import pytest

from pipeline import UnknownLanguage
from pipeline.languages import NAMES, NO_SPACES, RIGHT_TO_LEFT, Language, catalogue, parse_language

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
    assert languages.keys() == NAMES.keys()


def test_every_code_with_a_peculiarity_is_a_known_code():
    assert NAMES.keys() >= RIGHT_TO_LEFT
    assert NAMES.keys() >= NO_SPACES


def test_the_names_are_whispers_own_codes():
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(_LANGUAGE_CODES) == set(NAMES)
