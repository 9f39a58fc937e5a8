"""What the pipeline says about one utterance.

A partial may be replaced by any later revision of the same utterance. A final never changes, and comes exactly once for
each utterance in which words were heard; one that turned out empty comes too, if a partial of it was shown. Where
readers wish for a translation, another final comes after it: each reader gets one of the two, never both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .languages import Language

GAP_MARK: Final = "[…]"  # stands for speech that was heard but could not be transcribed

#: Who wants to read a translation, and in which language. The keys mean something to whoever gave them.
Wishes = Mapping[str, Language]
NO_WISHES: Final[Wishes] = MappingProxyType({})


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
    """As `PartialTranscript`; `heard_at` is when the last sample of speech came in. `text` may be empty.

    `wishes` are those of the moment at which the utterance was transcribed; once a reader among them has got it, those
    of the others. `instead`: it is for the readers that they name; otherwise for all others. `translated`: its words
    are in the language that each of them wished for; where no translation could be had, they get what was said.
    """

    speaker: str
    utterance: int
    text: str = field(repr=False)
    language_id: str
    start: int
    end: int
    heard_at: float
    wishes: Wishes = field(default_factory=lambda: NO_WISHES, repr=False)
    instead: bool = False
    translated: bool = False

    def is_for(self, reader: str) -> bool:
        return (reader in self.wishes) is self.instead

    def language_for(self, reader: str) -> str:
        """The id of the language that `reader`, for whom it is, gets it in."""
        return self.wishes[reader].id if self.translated else self.language_id


Transcript = PartialTranscript | FinalTranscript
