"""A recogniser that knows the phrases of a soak and nothing else, in place of the model: the child's other program.

What the engine's child does around its recogniser is the product's own (`pipeline.engine_child`): the frames, the
threads, the niceness, the end. A decode takes milliseconds, so that a week's speech fits into an hour of two cores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import soxr

from pipeline import SAMPLE_RATE, WIRE_RATE
from pipeline.engine_child import Loaded, main
from pipeline.request import ENGLISH, DecodeRequest, Hypothesis, Kind
from soak.world.phrases import Phrase, phrase_set

from .likeness import Likeness, Pcm

SOURCE: Final = "stand-in"


class StandIn:
    """Says the texts of the phrases that it hears, one after another; of anything else, nothing."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self.languages = [ENGLISH]
        self._texts = [phrase.text for phrase in phrases]
        self._likeness = Likeness([_speech(phrase) for phrase in phrases])

    def transcribe(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        return [self._transcribe(request) for request in requests]

    def _transcribe(self, request: DecodeRequest) -> Hypothesis:
        began = time.perf_counter()
        matches = self._likeness.matches(request.pcm)
        text = " ".join(self._texts[match.number] for match in matches)
        return Hypothesis(text=text, language=ENGLISH, decode_s=time.perf_counter() - began)


def load(_: dict[str, Any]) -> Loaded:
    """Nothing is asked of the settings."""
    stand_in = StandIn(phrase_set(shortened=True))
    began = time.monotonic()
    silence = np.zeros(SAMPLE_RATE, dtype=np.int16)
    stand_in.transcribe([DecodeRequest(kind=Kind.PARTIAL, language=ENGLISH, pcm=silence)])
    return Loaded(
        recogniser=stand_in,
        source=SOURCE,
        warm_up_s=time.monotonic() - began,
        short_inputs=True,
        translations=[],
    )


def _speech(phrase: Phrase) -> Pcm:
    """As it arrives at a recogniser."""
    first, last = round(phrase.first_s * WIRE_RATE), round(phrase.last_s * WIRE_RATE)
    pcm: Pcm = soxr.resample(phrase.pcm[first:last], WIRE_RATE, SAMPLE_RATE)
    return pcm


if __name__ == "__main__":
    main(load)
