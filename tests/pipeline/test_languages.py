import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import UnknownLanguage
from pipeline.languages import (
    NAMES,
    NO_SPACES,
    OTHER_TOKENS,
    RIGHT_TO_LEFT,
    TOKENS,
    Language,
    belongs,
    catalogue,
    join_words,
    parse_language,
    split_words,
    token_density,
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
    assert words == ["我", "用", " Nextcloud", " Talk", " 3.5", " 开", "会"]
    assert join_words(words, "zh") == "我用 Nextcloud Talk 3.5 开会"


def test_words_of_different_origin_do_not_run_together():
    assert join_words(["用", "Nextcloud", "Talk", "开", "会"], "zh") == "用Nextcloud Talk开会"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("zh", "Studio, Git"),
        ("ja", "café au lait を 2 つ"),
        ("ja", "cafe\u0301 au lait"),
        ("th", "สวัสดีครับ วันนี้ ประชุม snake_case กัน"),
        ("lo", "ສະບາຍດີ ທຸກຄົນ"),
        ("km", "មនុស្ស ទាំងអស់ កើតមក"),
        ("zh", "в Москве 很冷"),
        ("yue", "don’t 好"),
    ],
)
def test_what_is_parted_and_joined_again_is_as_it_was(code, text):
    assert join_words(split_words(text, code), code) == text


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("ja", "café 2", ["café", " 2"]),
        ("th", "ที่นี่", ["ที่", "นี่"]),
        ("th", "เมื่อไร", ["เมื่", "อ", "ไร"]),
        ("lo", "ແລະ", ["ແລະ"]),
        ("km", "ស្រី", ["ស្រី"]),
        ("my", "သင်္ဘော", ["သ", "င်္ဘော"]),
        ("my", "မြန်မာ", ["မြ", "န်", "မာ"]),
        ("bo", "བཀྲ", ["བ", "ཀྲ"]),
        ("zh", "👩\u200d💻好", ["👩\u200d💻", "好"]),
    ],
    ids=[
        "accents",
        "marks above",
        "a vowel before its consonant",
        "vowels before and after their consonants",
        "a consonant below another",
        "a consonant below a silent one",
        "a silent consonant",
        "stacked consonants",
        "joined signs",
    ],
)
def test_what_belongs_to_a_character_is_never_parted_from_it(code, text, words):
    assert split_words(text, code) == words


def test_the_first_character_after_a_space_is_its_own():
    assert not belongs("เ ก", 1)
    assert not belongs("เ ก", 2)


def test_every_code_with_a_peculiarity_is_a_known_code():
    assert NAMES.keys() >= RIGHT_TO_LEFT
    assert NAMES.keys() >= NO_SPACES
    assert NAMES.keys() >= TOKENS.keys()


#: Tokens of article 1 of the Universal Declaration of Human Rights in Whisper's multilingual vocabulary.
MEASURED = (
    "en 34|de 42|ru 48|zh 50|pl 56|ar 63|ko 65|ja 81|el 99|th 126|mn 132|hy 181|hi 195|ta 200|te 294|bn 335|km 401|"
    "ka 425|pa 440|my 726"
)


@pytest.mark.parametrize("measured", MEASURED.split("|"))
def test_the_density_of_a_language_is_what_was_measured(measured):
    code, tokens = measured.split()
    assert 0.8 < token_density(code) / (int(tokens) / 34) < 1.3


def test_what_was_not_measured_is_taken_for_a_european_language():
    assert token_density("ht") == token_density("") == OTHER_TOKENS


def test_the_names_are_whispers_own_codes():
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(_LANGUAGE_CODES) == set(NAMES)


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("en", "  two\n words ", ["two", "words"]),
        ("ja", " 今日は  雨 ", ["今", "日", "は", " 雨"]),
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


@given(
    st.one_of(st.text(max_size=60), st.text("ab é.,'-_ \n漢字ที่เ្្ក\u1039\u200d", max_size=60)),
    st.sampled_from(sorted(NO_SPACES)),
)
def test_whatever_is_parted_and_joined_again_is_as_it_was_but_for_the_kind_of_spaces(text, code):
    assert join_words(split_words(text, code), code) == " ".join(text.split())
