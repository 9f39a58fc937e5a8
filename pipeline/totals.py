"""Counters of everything that was heard, over the lives of all speakers: they never fall."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

RECENT: Final = 20.0  # the newest so many decodes make up most of a recent ratio


@dataclass(slots=True)
class QueueTotals:
    """What all queues of one name have seen, those that are gone included."""

    peak: int = 0  # items in the fullest of them
    dropped: int = 0  # items that were given up, or not taken in, for want of room

    def holds(self, depth: int) -> None:
        """One of them holds so many items."""
        self.peak = max(self.peak, depth)


@dataclass(slots=True)
class RecentRatio:
    """How much of one thing there was of late for each of another."""

    _much: float = 0.0
    _each: float = 0.0

    def add(self, much: float, each: float) -> None:
        self._much += much - self._much / RECENT
        self._each += each - self._each / RECENT

    @property
    def value(self) -> float:
        """0 before the first."""
        return self._much / self._each if self._each > 0 else 0.0


@dataclass(slots=True)
class Totals:
    """Seconds of audio, and counts. One for the process; each `SpeakerPipeline` adds to it."""

    audio_s: float = 0.0
    speech_s: float = 0.0  # … of which the voice detector took so much for speech
    filled_s: float = 0.0  # silence put in for lost packets
    intake_dropped_s: float = 0.0  # audio that came in faster than it was taken
    gaps: int = 0  # utterances heard but not transcribed, which captions mark; or whose end came before all had them
    gap_s: float = 0.0  # their audio
    final_words: int = 0
    committed_words: int = 0  # shown as stable before the final came
    committed_corrected: int = 0  # … of which the final changed so many
    tentative_changed: int = 0  # words shown as open that the next partial changed
    translated: int = 0  # utterances, for readers who wished for it
    untranslated: int = 0  # utterances that such readers got as they were said
    queues: dict[str, QueueTotals] = field(default_factory=dict)  # by name; as many as the program names

    def queue(self, name: str) -> QueueTotals:
        """For each queue of this name."""
        return self.queues.setdefault(name, QueueTotals())
