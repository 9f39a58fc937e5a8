"""What the pipeline says about one utterance.

A partial may be replaced by any later revision of the same utterance. A final never changes, and comes exactly once for
each utterance in which words were heard; one that turned out empty comes too, if a partial of it was shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

GAP_MARK: Final = "[…]"  # stands for speech that was heard but could not be transcribed


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialTranscript:
    """`start` and `end` are media time; `heard_at` is when (in *now*) the newest sample of it came in.

    The first `stable` characters of `text` begin every later partial of the utterance too.
    """

    speaker: str
    utterance: int
    revision: int
    text: str = field(repr=False)
    stable: int = 0
    language_id: str
    start: int
    end: int
    heard_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTranscript:
    """As `PartialTranscript`; `heard_at` is when the last sample of speech came in. `text` may be empty."""

    speaker: str
    utterance: int
    text: str = field(repr=False)
    language_id: str
    start: int
    end: int
    heard_at: float


Transcript = PartialTranscript | FinalTranscript
