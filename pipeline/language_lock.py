"""Which language one speaker is decoded in. Pure.

A room has a language, or "auto": then each speaker's is detected, and kept once the model was sure of it. A language
that flips from sentence to sentence is worse than a wrong one, so it is looked at again only after finals in which the
model hardly believed its own words, or wrote what nobody says.
"""

from __future__ import annotations

from typing import Final

from .guards import Rule
from .languages import Language
from .request import Hypothesis

SURE: Final = 0.7  # probability at which a detection is kept at once
AGREE: Final = 2  # … or this many successive detections of the same language
DOUBTFUL_LOGPROB: Final = -0.9  # of a final in a wrong language; true speech in the right one has -0.75 in 99 of 100
#: What speech in a wrong language is withheld for. The other rules withhold what was no speech.
DOUBTFUL_RULES: Final = frozenset(rule.value for rule in (Rule.LOW_CONFIDENCE, Rule.COMPRESSION, Rule.TOO_FAST))
DOUBTS: Final = 2  # successive doubtful finals after which the language is detected again


class LanguageLock:
    """One per speaker; a language switch of the room makes a new one."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locked = language.code
        self._last = ""
        self._agreed = 0
        self._doubts = 0

    @property
    def code(self) -> str:
        """What the decoder is asked for; empty: detect."""
        return self._locked

    def heard(self, final: Hypothesis) -> None:
        """A final of this speaker was decoded."""
        withheld = final.suppressed in DOUBTFUL_RULES
        if self.language.code or not (final.text or (withheld and self._locked)):
            return  # the room decides, or there was nothing to go by
        if not self._locked:
            self._detected(final)
            return
        self._doubts = self._doubts + 1 if withheld or final.avg_logprob < DOUBTFUL_LOGPROB else 0
        if self._doubts >= DOUBTS:
            self._locked, self._last, self._agreed, self._doubts = "", "", 0, 0

    def _detected(self, final: Hypothesis) -> None:
        self._agreed = self._agreed + 1 if final.language == self._last else 1
        self._last = final.language
        if final.language_probability >= SURE or self._agreed >= AGREE:
            self._locked = final.language
