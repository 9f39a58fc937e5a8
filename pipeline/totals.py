"""Counters of everything that was heard, over the lives of all speakers: they never fall."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Totals:
    """Seconds of audio, and counts. One for the process; each `SpeakerPipeline` adds to it."""

    audio_s: float = 0.0
    filled_s: float = 0.0  # silence put in for lost packets
    intake_dropped_s: float = 0.0  # audio that came in faster than it was taken
    gaps: int = 0  # utterances heard but not transcribed; each was marked in the captions
    gap_s: float = 0.0  # their audio
    final_words: int = 0
    committed_words: int = 0  # shown as stable before the final came
    committed_corrected: int = 0  # … of which the final changed so many
    tentative_changed: int = 0  # words shown as open that the next partial changed
