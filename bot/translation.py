"""Which translations readers may ask for: into what the loaded model translates into, and not into what is spoken."""

from __future__ import annotations

from collections.abc import Collection

from pipeline import Language, UnknownLanguage, parse_language
from pipeline.languages import NAMES

from .errors import BadLanguagePair, TranslationUnsupported


def parse_target(language_id: str, translations: Collection[str]) -> Language:
    """Read the id of a language to translate into. `translations` are the codes that can be had.

    Raises `BadLanguagePair` for what is no language, and `TranslationUnsupported`.
    """
    try:
        target = parse_language(language_id, NAMES)
    except UnknownLanguage:
        raise BadLanguagePair(f"{language_id!r} is not a known language id") from None
    if not target.code:
        raise BadLanguagePair(f"{language_id!r} is no language to translate into")
    if target.code in translations:
        return target
    if translations:
        raise TranslationUnsupported(f"the model that is loaded translates into {', '.join(translations)} only")
    raise TranslationUnsupported(
        "the model that is loaded does not translate. Have the operator set ROOMSCRIBE_MODEL to a multilingual model "
        "that translates into English, such as small or large-v3."
    )


def check_pair(spoken: Language, target: Language | None) -> None:
    """Raises `BadLanguagePair` where the translation would be what is spoken anyway."""
    if target is not None and target.code == spoken.code:
        raise BadLanguagePair(f"{target.id!r} is what is spoken in this room: its captions need no translation")
