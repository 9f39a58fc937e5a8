"""What a recognition server answers: OpenAI's `verbose_json`, or its plain `json`. Pure.

It is a stranger's: its size, its types and its words are checked before anybody sees them.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .guards import Decoded
from .languages import NAMES

MAX_TEXT: Final = 4096  # characters; Whisper's 448 tokens stay far below
SANE: Final = 1e6  # no probability, nor its logarithm, is larger; JSON allows Infinity, NaN, and any number of digits
#: Embeddings, overrides and isolates of writing direction: they would turn around what readers see after them. The mere
#: marks (U+200E, U+200F, U+061C) stay: right-to-left languages are written with them.
BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

#: What Whisper's own code calls a language, where it is not the name in `languages`; and ISO's code for "jw".
_ALIASES: Final = {
    "burmese": "my", "castilian": "es", "flemish": "nl", "haitian": "ht", "jv": "jw", "letzeburgesch": "lb",
    "mandarin": "zh", "moldavian": "ro", "moldovan": "ro", "myanmar": "my", "nynorsk": "nn", "panjabi": "pa",
    "pushto": "ps", "sinhalese": "si", "valencian": "ca",
}  # fmt: skip
_CODES: Final = {name.lower(): code for code, name in NAMES.items()} | {code: code for code in NAMES} | _ALIASES


class Malformed(Exception):
    """Not an answer of the protocol; the message has none of its words."""

    component = "pipeline.remote_answer"


def read_answer(body: bytes, *, language: str, duration_s: float) -> Decoded:
    """Read `verbose_json`, or a plain `{"text": …}`, for `duration_s` of audio. `language` is what was asked for.

    Numbers that are not there are neutral: they make the guards neither trust nor doubt. The server's own
    `compression_ratio` is not read: the guards measure the words themselves, after repeats were cut off.
    Raises `Malformed`.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("an answer that is not JSON") from None
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise Malformed("an answer without a text")
    if len(text) > MAX_TEXT or any("\ud800" <= each <= "\udfff" for each in text):
        raise Malformed("an answer whose text nobody can have said")
    segments = answer.get("segments") or []
    if not isinstance(segments, list) or not all(isinstance(each, dict) for each in segments):
        raise Malformed("an answer with segments of another kind")
    tokens = [each["tokens"] for each in segments if isinstance(each.get("tokens"), list)]
    told = answer.get("language")
    return Decoded(
        text=_plain(text),
        language=language or (language_code(told) if isinstance(told, str) else ""),
        tokens=sum(len(each) for each in tokens),
        duration_s=duration_s,
        no_speech_prob=_average(segments, "no_speech_prob"),
        avg_logprob=_average(segments, "avg_logprob"),
    )


def language_code(told: str) -> str:
    """The Whisper code for what a server calls a language: a code, with a region or not, or its English name.

    Empty: unknown.
    """
    name = told.strip().lower()
    return _CODES.get(name) or _CODES.get(name.replace("_", "-").split("-", 1)[0], "")


def _plain(text: str) -> str:
    """On one line, without what is no text but steers terminals and readers' eyes."""
    return " ".join("".join(each for each in text if each.isspace() or not _steers(each)).split())


def _steers(character: str) -> bool:
    return character in BIDI_CONTROLS or unicodedata.category(character) == "Cc"


def _average(segments: Sequence[Mapping[str, Any]], name: str) -> float:
    """Over the segments that have it, longer ones counting for more; zero when none has."""
    total = weights = 0.0
    for segment in segments:
        value, tokens = segment.get(name), segment.get("tokens")
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < SANE:
            raise Malformed(f"an answer whose {name} is no number")
        weight = len(tokens) if isinstance(tokens, list) and tokens else 1
        total, weights = total + value * weight, weights + weight
    return total / weights if weights else 0.0
