"""How much silence ends an utterance: it follows the speaker's own pauses.

A pause after which the same speaker soon goes on was no end: who makes such pauses is given more time, up to
`longest`. Who really stops when silent is answered sooner, down to `shortest`. After words that make a sentence, and in
an utterance that is already long, a shorter pause will do. Pure; all in samples of media time.
"""

from __future__ import annotations

from dataclasses import dataclass

from .audio import samples


@dataclass(frozen=True, slots=True, kw_only=True)
class HangoverSettings:
    """`soon`: speech again within this long after the last word means that the sentence was not over."""

    shortest: int = samples(0.42)
    longest: int = samples(0.58)
    up: int = samples(0.08)
    down: int = samples(0.04)
    soon: int = samples(1.0)
    after_sentence: int = samples(0.34)
    long_utterance: int = samples(9.0)
    in_long_utterance: int = samples(0.34)


class Hangover:
    """One per speaker."""

    def __init__(self, settings: HangoverSettings) -> None:
        self._settings = settings
        self._samples = settings.shortest
        self._ended: int | None = None  # end of speech of the last utterance, if silence ended it
        self._sentence = False  # its words made a sentence

    def samples(self, *, length: int, sentence: bool = False) -> int:
        """For an utterance that has lasted `length` samples; `sentence`: its words, so far, make one."""
        enough = self._samples
        if sentence:
            enough = min(enough, self._settings.after_sentence)
        if length >= self._settings.long_utterance:
            enough = min(enough, self._settings.in_long_utterance)
        return enough

    def ended(self, *, at: int, silence: int, sentence: bool = False) -> None:
        """An utterance ended, `silence` after its last speech, which ended at media time `at`.

        Where it was not the speaker's silence that ended it, nothing can be learnt from when the next one begins.
        """
        self._ended = at if sentence or silence >= self._samples else None
        self._sentence = sentence

    def began(self, *, onset: int) -> None:
        """The next one begins with speech at media time `onset`."""
        if self._ended is None:
            return
        if onset - self._ended >= self._settings.soon:
            self._samples = max(self._samples - self._settings.down, self._settings.shortest)
        elif not self._sentence:  # between sentences, nobody was interrupted
            self._samples = min(self._samples + self._settings.up, self._settings.longest)
