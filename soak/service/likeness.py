"""Which of a few known sounds a stretch of audio holds: their loudness over time and frequency, laid over one another.

Cheap, and sure for a closed set: a sound is known by how its bands rise and fall, whatever was cut off at its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from pipeline import SAMPLE_RATE

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

STEP: Final = SAMPLE_RATE // 50  # 20 ms
WINDOW: Final = 2 * STEP  # windows overlap: where in a step a sound begins makes little difference
LOWEST_HZ: Final = 100.0
HIGHEST_HZ: Final = 6000.0
BANDS: Final = 12
FLOOR: Final = 1e-8  # of the power of full scale: what is fainter is silence
FULL_SCALE: Final = 32_768.0
ENOUGH: Final = 0.5  # of a sound's steps: more must be there, so that of one that was torn in two, one part is known
LEAST: Final = 25  # steps: anything is like something for a moment
LIKE: Final = 0.8  # 1 is the same; of other speech, half a second may come to 0.77
MOST: Final = 0.8  # of a sound's steps: where fewer are there …
SURE: Final = 0.9  # … they must be more alike
TOUCHING: Final = 4  # steps that may be of two sounds
MAX_MATCHES: Final = 64  # in one stretch of audio
EVEN: Final = 1e-3  # variance of levels: silence is like nothing

_EDGES: Final = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1) * WINDOW / SAMPLE_RATE).astype(int)
_TAPER: Final = np.hanning(WINDOW).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Match:
    """Sound `number`, from step `start` of the audio (before 0: its beginning is missing) to `end`."""

    number: int
    start: int
    end: int
    likeness: float


@dataclass(frozen=True, slots=True)
class _Laid:
    """A sound, laid over the audio at every place: how alike they are there, and what that is worth."""

    number: int
    first: int  # the step of the audio that the first place is at
    steps: int
    likeness: Floats = field(repr=False)
    worth: Floats = field(repr=False)


class Likeness:
    """Knows `sounds`, each 16 kHz mono and begun and ended by speech, by their numbers in this order."""

    def __init__(self, sounds: Sequence[Pcm]) -> None:
        self._sounds = [levels(pcm) for pcm in sounds]

    def matches(self, pcm: Pcm) -> list[Match]:
        """What is in `pcm`, in the order of time. The surest is found first, and then the others beside it."""
        heard = levels(pcm)
        if not len(heard):
            return []
        laid = [_lay(number, sound, heard) for number, sound in enumerate(self._sounds) if len(sound)]
        found: list[Match] = []
        while len(found) < MAX_MATCHES:
            best = max(laid, key=lambda each: float(each.worth.max(initial=0.0)), default=None)
            if best is None or not best.worth.any():
                break
            at = int(best.worth.argmax())
            start = best.first + at
            match = Match(best.number, start, start + best.steps, float(best.likeness[at]))
            found.append(match)
            for each in laid:  # nothing else is where this one is
                low = match.start + TOUCHING - each.steps - each.first + 1
                high = match.end - TOUCHING - each.first
                each.worth[max(low, 0) : max(high, 0)] = 0.0
        return sorted(found, key=lambda match: match.start)


def levels(pcm: Pcm) -> Floats:
    """The level of each band in each step, shape `(steps, BANDS)`."""
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), dtype=np.float32)
    windows = sliding_window_view(pcm.astype(np.float32) / FULL_SCALE, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(windows * _TAPER, axis=1)) ** 2 / WINDOW**2
    summed = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1)
    level: Floats = np.log10(summed + FLOOR).astype(np.float32)
    return level


def _lay(number: int, sound: Floats, heard: Floats) -> _Laid:
    """At each place, the correlation of what overlaps, the mean of each band taken out: loudness and colour of a
    microphone count for nothing.
    """
    steps = len(sound)
    enough = max(LEAST, int(ENOUGH * steps) + 1)
    outside = max(0, steps - enough)  # that may be missing at either end
    padded = np.pad(heard, ((outside, outside), (0, 0)))
    places = len(padded) - steps + 1
    if places < 1:
        return _Laid(number, 0, steps, *(np.zeros(0, dtype=np.float32),) * 2)
    windows = sliding_window_view(padded, steps, axis=0)  # (places, BANDS, steps)
    product = np.einsum("pbs,sb->pb", windows, sound, optimize=True)
    # Of the sound, the steps that lie over audio: from `low` to `high` at each place.
    at = np.arange(places) - outside
    low, high = np.maximum(-at, 0), np.minimum(len(heard) - at, steps)
    count = np.maximum(high - low, 1)[:, None]
    of_sound, of_sound2 = _between(sound, low, high), _between(sound**2, low, high)
    of_heard, of_heard2 = (_between(each, np.maximum(at, 0), at + high) for each in (heard, heard**2))
    together = (product - of_sound * of_heard / count).sum(axis=1)
    own = (of_sound2 - of_sound**2 / count).sum(axis=1)
    theirs = (of_heard2 - of_heard**2 / count).sum(axis=1)
    even = EVEN * count[:, 0] * BANDS
    scale = np.sqrt(np.maximum(own, even) * np.maximum(theirs, even))
    likeness = (together / scale).astype(np.float32)
    bar = np.where(high - low >= MOST * steps, LIKE, SURE)
    known = (likeness >= bar) & (high - low >= enough)
    worth = np.where(known, likeness * np.sqrt(count[:, 0]), 0.0).astype(np.float32)
    return _Laid(number, -outside, steps, likeness, worth)


def _between(values: Floats, low: npt.NDArray[np.int_], high: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """The sum of the steps from `low` to `high`, of each band."""
    summed = np.concatenate((np.zeros((1, BANDS)), np.cumsum(values, axis=0, dtype=np.float64)))
    total: npt.NDArray[np.float64] = summed[high] - summed[low]
    return total
