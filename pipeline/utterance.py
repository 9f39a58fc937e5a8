"""One utterance on its way to text: open while it is spoken, closed until its final is out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from .agreement import Agreement, Shown, changes, corrected
from .audio import AudioChunk, seconds
from .errors import EngineError
from .language_lock import LanguageLock
from .languages import join_words, split_words
from .request import Hypothesis
from .totals import Totals
from .transcript import NO_WISHES, Wishes

AGREE: Final = 4  # successive decodes: of what two agree on, finals (a wider search) correct one word in twenty
ENOUGH_WORDS: Final = 4  # with fewer, the last one is shown too: something is better than nothing


@dataclass(slots=True, kw_only=True, eq=False)
class OpenUtterance:
    """The utterance being spoken. `revision` counts the partials sent; `wishes` are those of its beginning."""

    number: int
    start: int
    onset: int
    continues: bool
    lock: LanguageLock
    agreement: Agreement
    revision: int = 0
    shown: Shown | None = field(default=None, repr=False)
    wishes: Wishes = field(default_factory=lambda: NO_WISHES, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EarlyFinal:
    """A decode of the open utterance up to a pause, which began at media time `speech_end`."""

    speech_end: int
    decoding: asyncio.Task[Hypothesis | EngineError]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosedUtterance:
    """What was heard. `due`: when its final is wanted; `shown`: readers saw a partial of it."""

    spoken: OpenUtterance = field(repr=False)
    audio: AudioChunk
    heard_at: float
    due: float
    early: EarlyFinal | None = None
    shown: bool = False

    @property
    def number(self) -> int:
        return self.spoken.number

    @property
    def length_s(self) -> float:
        return seconds(len(self.audio.pcm))


def next_partial(spoken: OpenUtterance, hypothesis: Hypothesis, totals: Totals, *, complete: bool) -> Shown | None:
    """What the newest hypothesis makes of the partial; None: nothing that readers have not seen.

    Unless its audio is `complete`, the last word may have been cut in two: it waits for the next partial.
    """
    words = split_words(hypothesis.text, hypothesis.language)
    if not complete and len(words) >= ENOUGH_WORDS:
        words.pop()
    text = join_words(words, hypothesis.language)
    shown = spoken.agreement.update(text)
    before, spoken.shown = spoken.shown, shown
    if before is not None:
        after = (*shown.committed[len(before.committed) :], *shown.tentative)
        totals.tentative_changed += changes(before.tentative, after)
        if before.text == shown.text:
            return None
    return shown if shown.text else None


def count_corrections(spoken: OpenUtterance, final: str, code: str, totals: Totals) -> None:
    """The final stands: how much of what readers saw before did it change?"""
    words = split_words(final, code)
    totals.final_words += len(words)
    if spoken.shown is None:
        return
    of_committed = corrected(spoken.shown.committed, words)
    of_all = corrected((*spoken.shown.committed, *spoken.shown.tentative), words)
    totals.committed_words += len(spoken.shown.committed)
    totals.committed_corrected += of_committed
    totals.tentative_changed += max(0, of_all - of_committed)
