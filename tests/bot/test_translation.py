"""Which translations can be asked for, and what is said of the others."""

import pytest

from bot import BadLanguagePair, TranslationUnsupported
from bot.translation import check_pair, parse_target
from pipeline import Language

GERMAN, AUTO = Language(id="de", code="de"), Language(id="auto", code="")


@pytest.mark.parametrize("language_id", ["en", "en_GB", "en-US"])
def test_the_id_that_came_in_is_kept(language_id):
    assert parse_target(language_id, ("en",)) == Language(id=language_id, code="en")


@pytest.mark.parametrize("language_id", ["xx", "", "english please", "auto"])
def test_what_is_no_language_cannot_be_translated_into(language_id):
    with pytest.raises(BadLanguagePair):
        parse_target(language_id, ("en",))


@pytest.mark.parametrize(
    ("translations", "what_there_is"), [((), "does not translate.*ROOMSCRIBE_MODEL"), (("en",), "into en only")]
)
def test_a_language_that_the_model_does_not_translate_into_is_refused_with_what_it_can_do(translations, what_there_is):
    with pytest.raises(TranslationUnsupported, match=what_there_is):
        parse_target("de", translations)


def test_what_is_spoken_is_no_translation():
    with pytest.raises(BadLanguagePair, match="'de_AT' is what is spoken"):
        check_pair(GERMAN, Language(id="de_AT", code="de"))


@pytest.mark.parametrize("spoken", [GERMAN, AUTO])
def test_any_other_language_is_and_so_is_none(spoken):
    check_pair(spoken, Language(id="en", code="en"))
    check_pair(spoken, None)
