"""The languages that Whisper knows, under the ids that chat servers use.

An id is a Whisper code ("en", "zh") or that code with a region ("pt_BR", "pt-BR"): regions are accepted and kept,
because the id that came in is the id that goes out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from .errors import UnknownLanguage

_NAMES: Final = (
    "af Afrikaans|am Amharic|ar Arabic|as Assamese|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bn Bengali|"
    "bo Tibetan|br Breton|bs Bosnian|ca Catalan|cs Czech|cy Welsh|da Danish|de German|el Greek|en English|es Spanish|"
    "et Estonian|eu Basque|fa Persian|fi Finnish|fo Faroese|fr French|gl Galician|gu Gujarati|ha Hausa|haw Hawaiian|"
    "he Hebrew|hi Hindi|hr Croatian|ht Haitian Creole|hu Hungarian|hy Armenian|id Indonesian|is Icelandic|it Italian|"
    "ja Japanese|jw Javanese|ka Georgian|kk Kazakh|km Khmer|kn Kannada|ko Korean|la Latin|lb Luxembourgish|ln Lingala|"
    "lo Lao|lt Lithuanian|lv Latvian|mg Malagasy|mi Maori|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|"
    "mt Maltese|my Burmese|ne Nepali|nl Dutch|nn Norwegian Nynorsk|no Norwegian|oc Occitan|pa Punjabi|pl Polish|"
    "ps Pashto|pt Portuguese|ro Romanian|ru Russian|sa Sanskrit|sd Sindhi|si Sinhala|sk Slovak|sl Slovenian|sn Shona|"
    "so Somali|sq Albanian|sr Serbian|su Sundanese|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|"
    "tk Turkmen|tl Tagalog|tr Turkish|tt Tatar|uk Ukrainian|ur Urdu|uz Uzbek|vi Vietnamese|yi Yiddish|yo Yoruba|"
    "yue Cantonese|zh Chinese"
)
NAMES: Final[dict[str, str]] = dict(entry.split(" ", 1) for entry in _NAMES.split("|"))
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ps", "sd", "ur", "yi"})
NO_SPACES: Final = frozenset({"bo", "ja", "km", "lo", "my", "th", "yue", "zh"})

# How many tokens of Whisper's multilingual vocabulary the same words take, in those of English. Measured on article 1
# of the Universal Declaration of Human Rights and rounded; a language that was not measured is put with its kin.
_TOKENS: Final = (
    "1 en|1.5 de es pt ru sw sv fr tr it nl zh yue|3 el fa lv mt ps sd sq sr ur|4 ba kk mn tg th tt yi yo|"
    "6 hi hy mr ne sa ta|10 am as bn kn te|13 gu ka km lo ml pa si|22 bo my"
)
TOKENS: Final[dict[str, float]] = {
    code: float(tokens) for tokens, *codes in map(str.split, _TOKENS.split("|")) for code in codes
}
OTHER_TOKENS: Final = 2.0

# A word of a script with spaces, among characters of one without: Thai to Tibetan, Burmese, Khmer, Chinese, Japanese.
_SPACED: Final = (
    r"[^\W\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3190-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff"
    r"\uff00-\uff9f\U00020000-\U0003ffff]"
)
_CHARACTER_OR_WORD: Final = re.compile(rf"(\s*)({_SPACED}+(?:['’.,:-]{_SPACED}+)*|\S)")
_SPACED_LETTER: Final = re.compile(_SPACED)
_JOINER: Final = "\u200d"
_VIRAMA: Final = 9  # the combining class of signs that tie the next consonant to the one before …
_KILLERS: Final = "\u0e3a\u0eba\u0f84\u103a"  # … and those of them that only silence the one before
#: Of Thai and Lao, which write some vowels as letters, before or after the consonant that they follow in speech.
_LEADING_VOWELS: Final = "\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4"
_TRAILING_VOWELS: Final = "\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3"

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`id` as the chat server wrote it; `code` as Whisper takes it, empty if each speaker's is to be detected."""

    id: str
    code: str


def parse_language(language_id: str, known: Collection[str]) -> Language:
    """Read a language id. `known` are the loaded model's codes. Raises `UnknownLanguage` with what to do."""
    code = language_id.replace("-", "_").split("_", 1)[0].lower()
    if code == AUTO:  # a model of one language has nothing to detect
        return Language(id=language_id, code="" if len(known) > 1 else next(iter(known), ""))
    if code in NAMES and code in known:
        return Language(id=language_id, code=code)
    if code in NAMES:
        raise UnknownLanguage(
            f"{language_id!r} needs a multilingual model; the loaded one knows {_listing(known)}. "
            "Choose one of these, or have the operator set ROOMSCRIBE_MODEL to a multilingual model."
        )
    raise UnknownLanguage(f"{language_id!r} is not a known language id; known: {_listing(known)}")


def _listing(known: Collection[str]) -> str:
    return ", ".join(sorted(known))


def catalogue(known: Collection[str]) -> dict[str, dict[str, object]]:
    """What `GET /api/v1/languages` answers. Talk's client needs `metadata` in each entry, and reads that of the id in a
    caption: so "auto" has one too, if the model can detect languages.
    """
    detected: dict[str, dict[str, object]] = {}
    if len(known) > 1:
        detected = {AUTO: {"name": "Automatic", "metadata": {"separator": " ", "rtl": False}}}
    return detected | {
        code: {
            "name": name,
            "metadata": {"separator": "" if code in NO_SPACES else " ", "rtl": code in RIGHT_TO_LEFT},
        }
        for code, name in NAMES.items()
        if code in known
    }


def token_density(code: str) -> float:
    """How many tokens the words of a language take, in those of the same words in English."""
    return TOKENS.get(code, OTHER_TOKENS)


def is_mark(character: str) -> bool:
    """Whether it is drawn on, or written into, the character before it."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def belongs(text: str, at: int) -> bool:
    """Whether nobody may part `text[at]` from the character before it: a sign of it, or a part of one syllable sign."""
    left = text[at - 1]
    ties = left == _JOINER or (unicodedata.combining(left) == _VIRAMA and left not in _KILLERS)
    vowel = left in _LEADING_VOWELS or text[at] in _TRAILING_VOWELS
    return is_mark(text[at]) or (text[at] != " " and left != " " and (ties or vowel))


def one_word(left: str, right: str) -> bool:
    """Whether two characters, side by side, are of one word of a script with spaces."""
    return bool(_SPACED_LETTER.match(left) and _SPACED_LETTER.match(right))


def split_words(text: str, code: str) -> list[str]:
    """The words of `text`; of a script without spaces, its characters, and the words of other scripts among them.

    There, a word that follows a space has it in front.
    """
    if code not in NO_SPACES:
        return text.split()
    words: list[str] = []
    for match in _CHARACTER_OR_WORD.finditer(text):
        space, word = match.groups()
        if words and not space and belongs(text, match.start()):
            words[-1] += word
        else:
            words.append(f" {word}" if words and space else word)
    return words


def join_words(words: Iterable[str], code: str) -> str:
    """The inverse of `split_words`, but for the kind of whitespace; words of different origin do not run together."""
    if code not in NO_SPACES:
        return " ".join(words)
    text = ""
    for word in words:
        text += f" {word}" if one_word(text[-1:], word[:1]) else word
    return text
