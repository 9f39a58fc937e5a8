"""What people in a soak can say: the shipped clips, whole with their own texts, or as short pieces.

A piece is real speech between two quiet places. What is really said in it is of no use to tell captions apart, so it
stands for three plain words that no other piece has: a recogniser that knows the pieces answers with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline import WIRE_RATE
from soak.bench.readers import HISS
from soak.bench.voices import Voice, encoded
from soak.clip import FRAME, Pcm, shipped_clips, speech_bounds, speech_frames

SHORTEST: Final = 35  # frames of 20 ms from the first speech of a piece to its last: 0.7 s …
LONGEST: Final = 110  # … and 2.2 s
QUIET: Final = 3  # frames without speech between two pieces, at least
REST: Final = 14  # frames without speech within a piece, at most: after 0.34 s, a sentence may be over
MARGIN: Final = 2  # frames kept around the speech of a piece: a word is heard a little before it is loud
EDGE: Final = 5  # frames of a resting microphone before and after
#: Plain nouns, each once: no number that might be written in digits, no name, no abbreviation.
TEXTS: Final = (
    "river candle garden",
    "pepper marble lantern",
    "bridge copper meadow",
    "saddle thunder velvet",
    "window basket anchor",
    "blanket carpet dolphin",
    "engine feather glacier",
    "hammer island jacket",
    "kettle ladder mirror",
    "needle orchard pencil",
    "quarry ribbon shovel",
    "teapot umbrella village",
    "walnut tulip zebra",
    "almond butter castle",
    "donkey elbow forest",
    "guitar harbour insect",
    "jungle kitchen lemon",
    "monkey napkin ocean",
    "parrot quiver rabbit",
    "sugar tunnel uncle",
    "violin wagon barley",
    "cactus desert emerald",
    "finger goblin helmet",
    "iron jelly knuckle",
    "locket mustard nutmeg",
    "olive pillow rocket",
    "spider turtle vinegar",
    "whistle yogurt acorn",
    "bucket cherry dragon",
    "eagle falcon ginger",
    "hotel igloo journal",
    "kitten lobster magnet",
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """`voice` is `pcm`, 48 kHz mono, as packets of 20 ms. Speech in it begins at `first_s` and ends at `last_s`."""

    number: int
    text: str = field(repr=False)
    pcm: Pcm = field(repr=False)
    voice: Voice = field(repr=False)
    first_s: float
    last_s: float

    @property
    def length_s(self) -> float:
        return self.voice.length_s


@cache
def phrase_set(shortened: bool) -> tuple[Phrase, ...]:
    """All of them, encoded; always the same. Raises `BadManifest`."""
    clips = [clip for clip in shipped_clips() if clip.text.strip()]
    if not shortened:
        return tuple(_phrase(number, clip.text, clip.decode()) for number, clip in enumerate(clips))
    rng = np.random.default_rng(0)
    cut = [piece for clip in clips for piece in pieces(clip.decode())]
    return tuple(_phrase(number, TEXTS[number], _at_rest(piece, rng)) for number, piece in enumerate(cut))


def pieces(pcm: Pcm) -> Iterator[Pcm]:
    """Cut at quiet places: each piece is as long as it may be, and the next begins with the speech after it.

    What has no quiet place near enough is left out.
    """
    loud = speech_frames(pcm)
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    stretches: list[tuple[int, int]] = []
    for first, last in _runs(loud):
        if stretches and first - stretches[-1][1] <= REST and last - stretches[-1][0] <= LONGEST:
            stretches[-1] = (stretches[-1][0], last)
        else:
            stretches.append((first, last))
    for first, last in stretches:
        if SHORTEST <= last - first <= LONGEST:
            yield frames[max(0, first - MARGIN) : last + MARGIN].reshape(-1)


def _runs(loud: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame of each stretch of speech, and the one after it. What is nearer to each other than `QUIET` is one."""
    runs: list[tuple[int, int]] = []
    edges = np.flatnonzero(np.diff(loud.astype(np.int8), prepend=0, append=0))
    for first, last in edges.reshape(-1, 2).tolist():
        if runs and first - runs[-1][1] < QUIET:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs


def _at_rest(piece: Pcm, rng: np.random.Generator) -> Pcm:
    """Faded in and out, so that it begins and ends without a click, between moments of a resting microphone."""
    fade = np.linspace(0.0, 1.0, MARGIN * FRAME)
    faded = piece.astype(np.float64)
    faded[: len(fade)] *= fade
    faded[-len(fade) :] *= fade[::-1]
    whole = np.pad(faded, EDGE * FRAME)
    whole += rng.standard_normal(len(whole)) * HISS
    return np.clip(np.round(whole), -32_768, 32_767).astype(np.int16)


def _phrase(number: int, text: str, pcm: Pcm) -> Phrase:
    first, last = speech_bounds(pcm)
    return Phrase(number, text, pcm, encoded(pcm), first_s=first / WIRE_RATE, last_s=last / WIRE_RATE)
