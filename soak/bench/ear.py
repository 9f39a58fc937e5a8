"""A live listening without clocks: what a pipeline would cut into utterances, early decodes in the pauses included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pipeline import SegmenterSettings, Totals, VoiceDetectors
from pipeline.audio import AudioChunk, Pcm, samples
from pipeline.hearing import Hearing, HearingEvent, PauseHeard, UtteranceHeard
from pipeline.opus_stream import Decoded, Heard, SourceEnded

RING_S: Final = 30.0
EARLY_S: Final = 0.1  # how long a decode in a pause takes, about


class Ear:
    """One recording's. `is_sentence` decodes what was said up to a pause, and says whether it makes a sentence."""

    def __init__(self, detectors: VoiceDetectors, is_sentence: Callable[[Pcm], bool]) -> None:
        self.hearing = Hearing(
            settings=SegmenterSettings(), detector=detectors.new(), ring_samples=samples(RING_S), totals=Totals()
        )
        self.utterances: list[AudioChunk] = []
        self.totals = Decoded()  # without `heard`
        self._is_sentence = is_sentence
        self._sentence: tuple[int, int] | None = None  # when it is known that there is one, and which

    def chunk(self, chunk: AudioChunk) -> None:
        """Plain samples came in."""
        self._before(chunk)
        self._react(self.hearing.chunk(chunk, now=0.0))

    def hear(self, decoded: Decoded) -> None:
        """What came out of a receiver."""
        self.totals.add(decoded)
        for item in decoded.heard:
            if isinstance(item, Heard):
                self._before(item.chunk)
                self._react(self.hearing.judged(item.chunk, item.judged, heard_at=0.0))
            elif isinstance(item, SourceEnded):
                self._react(self.hearing.source_ended(item.judged))

    def missed(self, length_s: float) -> None:
        """Nothing is given up where no clock runs."""

    def failed(self, error: Exception) -> None:
        raise error

    def finish(self) -> None:
        """Nobody waits for it."""

    def end(self) -> list[AudioChunk]:
        """Nothing more comes; all utterances."""
        self._react(self.hearing.break_off())
        return self.utterances

    def _before(self, chunk: AudioChunk) -> None:
        if self._sentence is not None and chunk.start >= self._sentence[0]:
            self.hearing.sentence_over(speech_end=self._sentence[1])
            self._sentence = None

    def _react(self, events: Sequence[HearingEvent]) -> None:
        for event in events:
            if isinstance(event, PauseHeard):
                said = self._is_sentence(event.audio.pcm)
                self._sentence = (self.hearing.end + samples(EARLY_S), event.paused.speech_end) if said else None
            elif isinstance(event, UtteranceHeard):
                self.utterances.append(event.audio)
