"""The languages that Whisper knows, under the ids that chat servers use.

An id is a Whisper code ("en", "zh") or that code with a region ("pt_BR", "pt-BR"): regions are accepted and kept,
because the id that came in is the id that goes out.
"""

from __future__ import annotations

import re
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
_CHARACTER_OR_LATIN: Final = re.compile(r"[A-Za-z0-9]+(?:['.,:-][A-Za-z0-9]+)*|\S")
NO_SPACES: Final = frozenset({"bo", "ja", "km", "lo", "my", "th", "yue", "zh"})


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


def split_words(text: str, code: str) -> list[str]:
    """The words of `text`; of a script without spaces, its characters, and the Latin words and numbers among them."""
    return _CHARACTER_OR_LATIN.findall(text) if code in NO_SPACES else text.split()


def join_words(words: Iterable[str], code: str) -> str:
    """The inverse of `split_words`: in a script without spaces, there is one between Latin words only."""
    if code not in NO_SPACES:
        return " ".join(words)
    text = ""
    for word in words:
        latin = text[-1:].isascii() and word[:1].isascii() and text[-1:].isalnum() and word[:1].isalnum()
        text += f" {word}" if latin else word
    return text
