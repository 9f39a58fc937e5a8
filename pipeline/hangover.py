"""How much silence ends an utterance: it follows the speaker's own pauses.

A pause after which the same speaker soon goes on was no end: who makes such pauses is given more time, up to
`longest`. Who really stops when silent is answered sooner, down to `shortest`. In an utterance that is already long,
a short pause will do: a cut there is better than one in mid-word. Pure; all in samples of media time.
"""

from __future__ import annotations

from dataclasses import dataclass

from .audio import samples


@dataclass(frozen=True, slots=True, kw_only=True)
class HangoverSettings:
    """`soon`: speech again within this long after the last word means that the sentence was not over."""

    shortest: int = samples(0.40)
    longest: int = samples(0.60)
    up: int = samples(0.08)
    down: int = samples(0.04)
    soon: int = samples(1.0)
    long_utterance: int = samples(9.0)
    in_long_utterance: int = samples(0.34)


class Hangover:
    """One per speaker."""

    def __init__(self, settings: HangoverSettings) -> None:
        self._settings = settings
        self._samples = settings.shortest
        self._ended: int | None = None  # end of speech of the last utterance that silence ended

    def samples(self, *, length: int) -> int:
        """For an utterance that has lasted `length` samples."""
        if length >= self._settings.long_utterance:
            return min(self._samples, self._settings.in_long_utterance)
        return self._samples

    def ended(self, *, at: int) -> None:
        """An utterance ended; its last speech ended at media time `at`."""
        self._ended = at

    def began(self, *, onset: int) -> None:
        """The next one begins with speech at media time `onset`."""
        if self._ended is None:
            return
        if onset - self._ended < self._settings.soon:
            self._samples = min(self._samples + self._settings.up, self._settings.longest)
        else:
            self._samples = max(self._samples - self._settings.down, self._settings.shortest)
