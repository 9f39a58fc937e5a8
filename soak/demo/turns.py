"""Who says which clip, and when: in turns, now and then overlapping. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from soak.clip import Clip

GAP_S: Final = 0.8  # between one speaker's last sample and the next speaker's first
OVERLAP_S: Final = 1.0  # how much earlier an interrupting turn begins than the other ends
OVERLAP_EVERY: Final = 4  # each fourth turn interrupts
OWN_PAUSE_S: Final = 2.5  # a speaker's own clips stay apart, so that a caption tells which clip it belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """`speaker` is an index. `overlaps`: begins before the turn before it has ended."""

    speaker: int
    clip: Clip
    overlaps: bool


def plan(clips: Sequence[Clip], speakers: int) -> list[Turn]:
    """Deal the clips to `speakers` voices, and let them alternate for as long as more than one has clips left.

    The clips of one human voice stay with one speaker where that is possible.
    """
    hands: list[list[Clip]] = [[] for _ in range(speakers)]
    voices: dict[str, list[Clip]] = {}
    for clip in clips:
        voices.setdefault(clip.voice, []).append(clip)
    for voice in sorted(voices.values(), key=len, reverse=True):
        min(hands, key=len).extend(voice)
    turns: list[Turn] = []
    while any(hands):
        last = turns[-1].speaker if turns else -1
        # Whoever has most left, but never the same one twice in a row while another can speak.
        candidates = [index for index, hand in enumerate(hands) if hand and index != last] or [last]
        speaker = max(candidates, key=lambda index: len(hands[index]))
        interrupts = len(turns) % OVERLAP_EVERY == OVERLAP_EVERY - 1 and speaker != last
        turns.append(Turn(speaker=speaker, clip=hands[speaker].pop(0), overlaps=interrupts))
    return turns
