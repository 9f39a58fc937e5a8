"""What the engine is asked, and what it answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from .audio import Pcm

ENGLISH: Final = "en"  # what Whisper translates into, if anything


class Kind(enum.Enum):
    FINAL = "final"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """At most 30 s of 16 kHz mono int16. `language` is a Whisper code; empty: detect it, among `allowed` if given.

    `hints` are words that are likely to be said, such as names. `translate`: into English, from `language`.
    """

    kind: Kind
    language: str
    pcm: Pcm = field(repr=False)
    beam: int = 1
    hints: str = field(default="", repr=False)
    allowed: tuple[str, ...] = ()
    translate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One decode of one stretch of audio. Empty text: the model, or its guards, heard no words.

    `language` is that of the text. `suppressed` names the guard that withheld what the model wrote; `trimmed`: a repeat
    at the end was cut off; `full_window`: it took a second decode in the 30 s window. `avg_logprob` is per token.
    """

    text: str = field(repr=False)
    language: str
    decode_s: float
    language_probability: float = 1.0
    avg_logprob: float = 0.0
    suppressed: str = ""
    trimmed: bool = False
    full_window: bool = False
