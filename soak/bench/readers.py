"""Who reads what into the pipeline, and what became of it. Pure, but for the clips' files.

Latencies and losses are taken from the clips' own samples, whatever our voice detector thinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipeline import GAP_MARK, WIRE_RATE, FinalTranscript, PartialTranscript, Transcript, seconds
from soak.clip import FRAME, Clip, Pcm, speech_bounds, speech_frames

REST_S: Final = 0.8  # at least, between the last word of a clip and the first of the next: they are told apart
HISS: Final = 6.0  # of a resting microphone, in units of 1/32768
FRAME_S: Final = FRAME / WIRE_RATE
MISSED_S: Final = 0.5  # more speech than this without a caption or a mark is a loss that nobody was told of


@dataclass(slots=True, kw_only=True)
class Line:
    """One clip in a speaker's script. Seconds since the speaker's first sample. Without a text, it is noise.

    `speech` says of each 20 ms from `begin` on whether somebody speaks; `final` is when the newest final came.
    """

    text: str = field(repr=False)
    begin: float
    end: float
    first: float
    last: float
    speech: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0, dtype=bool))
    texts: list[str] = field(default_factory=list, repr=False)
    covered: list[tuple[float, float]] = field(default_factory=list, repr=False)  # by finals and marks
    first_caption: float | None = None
    final: float | None = None
    gaps: int = 0
    captions: int = 0

    @property
    def uncovered_s(self) -> float:
        """Speech that neither a final nor a mark tells of."""
        at = self.begin + (np.arange(len(self.speech)) + 0.5) * FRAME_S
        told = np.zeros(len(self.speech), dtype=bool)
        for start, end in self.covered:
            told |= (start <= at) & (at <= end)
        return float(np.count_nonzero(self.speech & ~told)) * FRAME_S

    @property
    def missed(self) -> bool:
        return self.uncovered_s > MISSED_S


@dataclass(slots=True)
class Reader:
    """A speaker with a script, and what became of it. `now` gives the seconds since its first sample."""

    pcm: Pcm = field(repr=False)
    lines: list[Line]
    now: Callable[[], float] = field(default=lambda: 0.0, repr=False)
    partials: dict[int, PartialTranscript] = field(default_factory=dict)  # the newest of each open utterance
    committed_changed: int = 0

    @property
    def length_s(self) -> float:
        return len(self.pcm) / WIRE_RATE

    async def heard(self, transcript: Transcript) -> None:
        at = self.now()
        line = self._line(transcript)
        if isinstance(transcript, PartialTranscript):
            before = self.partials.get(transcript.utterance)
            if before is not None:
                self.committed_changed += not transcript.text.startswith(before.text[: before.stable])
            self.partials[transcript.utterance] = transcript
        if line is None:
            return
        line.captions += bool(transcript.text)
        if transcript.text and line.first_caption is None:
            line.first_caption = at
        if isinstance(transcript, FinalTranscript):
            self.partials.pop(transcript.utterance, None)
            if not transcript.text:
                return
            for each in self.lines:  # an utterance may reach from one clip into the next
                each.covered.append((seconds(transcript.start), seconds(transcript.end)))
            if transcript.text == GAP_MARK:
                line.gaps += 1
            else:
                line.texts.append(transcript.text)
                line.final = at

    def _line(self, transcript: Transcript) -> Line | None:
        """The clip in which the middle of the utterance lies, or that comes nearest to it."""
        middle = seconds(transcript.start + transcript.end) / 2
        return min(self.lines, key=lambda line: max(line.begin - middle, middle - line.end, 0.0), default=None)


@dataclass(slots=True)
class _Script:
    rng: np.random.Generator
    pcms: list[Pcm] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    at: int = 0
    silent: int = 0  # samples since the last speech

    def rest(self, length_s: float) -> None:
        count = max(0, round(length_s * WIRE_RATE)) // FRAME * FRAME
        self.pcms.append((self.rng.standard_normal(count) * HISS).astype(np.int16))
        self.at += count
        self.silent += count

    def read(self, clip: Clip, *, rest_s: float) -> None:
        """`rest_s` lies between the speech before and this one, the clip's own silence included."""
        pcm = clip.decode()
        first, last = speech_bounds(pcm)
        self.rest(rest_s - (self.silent + first) / WIRE_RATE)
        begin = self.at / WIRE_RATE
        self.lines.append(
            Line(
                text=clip.text,
                begin=begin,
                end=begin + len(pcm) / WIRE_RATE,
                first=begin + first / WIRE_RATE,
                last=begin + last / WIRE_RATE,
                speech=speech_frames(pcm),
            )
        )
        self.pcms.append(pcm)
        self.at += len(pcm)
        self.silent = len(pcm) - last


def script(clips: Sequence[Clip], *, late_s: float, least_s: float, share: float, rng: np.random.Generator) -> Reader:
    """Clips one after another, again and again until `least_s` have gone by, but each once at least where that is 0.

    Begins `late_s` after the others. Of the time from the first word of a clip to that of the next, it reads for
    `share`, on average, unless the clips are so short that the shortest rest is longer.
    """
    made, number = _Script(rng), 0
    made.rest(0.5 + late_s)
    rest_s = 0.0
    while number < len(clips) if not least_s else made.at < least_s * WIRE_RATE:
        made.read(clips[number % len(clips)], rest_s=rest_s)
        said = made.lines[-1]
        rest_s = max(REST_S, (said.last - said.first) * (1 - share) / share * float(rng.uniform(0.7, 1.3)))
        number += 1
    made.rest(1.5)
    return Reader(pcm=np.concatenate(made.pcms), lines=made.lines)


def deal(clips: Sequence[Clip], speakers: int) -> list[list[Clip]]:
    """All clips for each speaker, who begin at different ones."""
    turns = [round(speaker * len(clips) / speakers) % len(clips) for speaker in range(speakers)]
    return [[*clips[turn:], *clips[:turn]] for turn in turns]
