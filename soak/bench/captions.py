"""Captions in real time: people read aloud into the real pipeline and the real engine, and every caption is timed.

Frames of 20 ms come in as a track delivers them; no network is in between. Each speaker reads clips, resting so that
it speaks for 72 % of the time. Latencies are taken from the clips' own samples, whatever our voice detector thinks.
"""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import av
import numpy as np

from pipeline import (
    GAP_MARK,
    WIRE_RATE,
    Engine,
    EngineSettings,
    FinalTranscript,
    Kind,
    Language,
    PartialSettings,
    PartialTranscript,
    SpeakerPipeline,
    SpeakerSettings,
    Step,
    Totals,
    Transcript,
    VoiceDetectors,
    make_backend,
    seconds,
)
from soak.clip import FRAME, Clip, Pcm, speech_bounds
from soak.crew import Crew
from soak.demo.score import error_rate

SPEECH_SHARE: Final = 0.72
HISS: Final = 6.0  # of a resting microphone, in units of 1/32768
FRAME_S: Final = FRAME / WIRE_RATE
LAST_WORDS_S: Final = 60.0
TIME_BASE: Final = fractions.Fraction(1, WIRE_RATE)
ENGLISH: Final = Language(id="en", code="en")


@dataclass(slots=True, kw_only=True)
class Line:
    """One clip in a speaker's script. Seconds since the speaker's first sample. Without a text, it is noise."""

    text: str = field(repr=False)
    begin: float
    end: float
    first: float
    last: float
    texts: list[str] = field(default_factory=list, repr=False)
    first_caption: float | None = None
    final: float | None = None
    gap: bool = False
    captions: int = 0


@dataclass(slots=True)
class Reader:
    """A speaker with a script, and what became of it."""

    pcm: Pcm
    lines: list[Line]
    pipeline: SpeakerPipeline | None = None
    began: float = 0.0  # loop time of the first sample
    partials: dict[int, PartialTranscript] = field(default_factory=dict)  # the newest of each open utterance
    committed_changed: int = 0

    async def heard(self, transcript: Transcript) -> None:
        at = asyncio.get_running_loop().time() - self.began
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
            if transcript.text == GAP_MARK:
                line.gap = True
            elif transcript.text:
                line.texts.append(transcript.text)
                line.final = at

    def _line(self, transcript: Transcript) -> Line | None:
        """The clip in which the middle of the utterance lies, or that comes nearest to it."""
        middle = seconds(transcript.start + transcript.end) / 2
        return min(self.lines, key=lambda line: max(line.begin - middle, middle - line.end, 0.0), default=None)


def script(clips: Sequence[Clip], *, speaker: int, share: float, rng: np.random.Generator) -> Reader:
    """Clips one after another, with rests in proportion to their length. `speaker` begins at its own moment."""
    pcms, lines, at = [], [], 0

    def rest(length_s: float) -> None:
        nonlocal at
        count = int(length_s * WIRE_RATE) // FRAME * FRAME
        pcms.append((rng.standard_normal(count) * HISS).astype(np.int16))
        at += count

    rest(0.5 + float(rng.uniform(0, 3)) * min(speaker, 1))
    for clip in clips:
        pcm = clip.decode()
        first, last = speech_bounds(pcm)
        lines.append(
            Line(
                text=clip.text,
                begin=at / WIRE_RATE,
                end=(at + len(pcm)) / WIRE_RATE,
                first=(at + first) / WIRE_RATE,
                last=(at + last) / WIRE_RATE,
            )
        )
        pcms.append(pcm)
        at += len(pcm)
        rest(max(1.0, len(pcm) / WIRE_RATE * (1 - share) / share * float(rng.uniform(0.7, 1.3))))
    rest(1.5)
    return Reader(pcm=np.concatenate(pcms), lines=lines)


def deal(clips: Sequence[Clip], speakers: int) -> list[list[Clip]]:
    """Every clip once for one speaker; for many, as many each as there are, beginning at different ones."""
    if speakers == 1:
        return [list(clips)]
    each = max(6, -(-len(clips) // speakers))
    step = max(1, len(clips) // speakers)
    return [[clips[(speaker * step + n) % len(clips)] for n in range(each)] for speaker in range(speakers)]


async def measure(
    clips: Sequence[Clip],
    settings: EngineSettings,
    *,
    speakers: int,
    finals_only: bool,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """All figures of `roomscribe bench captions`. Raises `EngineFatal`."""
    rng = np.random.default_rng(7)
    hands = deal(clips, speakers)
    readers = [script(hand, speaker=n, share=SPEECH_SHARE, rng=rng) for n, hand in enumerate(hands)]
    engine = Engine(make_backend(settings))
    totals, detectors = Totals(), VoiceDetectors()
    async with Crew() as crew:
        crew.start(engine.run())
        await engine.wait_ready()
        longest_s = max(len(reader.pcm) for reader in readers) / WIRE_RATE
        note(f"{speakers} speakers read {sum(len(each.lines) for each in readers)} clips: {longest_s:.0f} s")
        settings_of_speakers = SpeakerSettings(partials=PartialSettings(enabled=not finals_only))
        running = []
        for number, reader in enumerate(readers):
            reader.pipeline = SpeakerPipeline(
                speaker=f"reader/{number}",
                room=str(number // 6),
                language=ENGLISH,
                engine=engine,
                emit=reader.heard,
                settings=settings_of_speakers,
                totals=totals,
                detector=detectors.new(),
            )
            running.append(crew.start(reader.pipeline.run()))
        playing = [crew.start(_play(reader)) for reader in readers]
        await asyncio.wait(playing)
        async with asyncio.timeout(LAST_WORDS_S):
            await asyncio.wait(running)
    return _figures(readers, totals, engine, speakers=speakers)


async def _play(reader: Reader) -> None:
    """One frame every 20 ms, delivered when its last sample was heard; late frames catch up."""
    loop = asyncio.get_running_loop()
    pipeline = reader.pipeline
    if pipeline is None:
        raise ValueError("nobody listens to this reader")
    reader.began = loop.time()
    for at in range(0, len(reader.pcm), FRAME):
        wait_s = reader.began + (at + FRAME) / WIRE_RATE - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        frame = av.AudioFrame.from_ndarray(reader.pcm[at : at + FRAME].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, at, TIME_BASE
        pipeline.feed(frame)
    pipeline.finish()


def _figures(readers: Sequence[Reader], totals: Totals, engine: Engine, *, speakers: int) -> dict[str, Any]:
    played = [line for reader in readers for line in reader.lines]
    lines = [line for line in played if line.text.strip()]
    invented = sum(line.captions for line in played if not line.text.strip())
    firsts = [(line.first_caption - line.first) * 1000 for line in lines if line.first_caption is not None]
    finals = [(line.final - line.last) * 1000 for line in lines if line.final is not None]
    silent = sum(1 for line in lines if line.final is None and not line.gap)
    return {
        "wer": round(error_rate([line.text for line in lines], [" ".join(line.texts) for line in lines]), 4),
        "speakers": speakers,
        "clips": len(lines),
        "first_partial_ms_p50": _percentile(firsts, 50),
        "first_partial_ms_p95": _percentile(firsts, 95),
        "final_ms_p50": _percentile(finals, 50),
        "final_ms_p95": _percentile(finals, 95),
        "noise_captions": invented,
        "committed_changed": sum(reader.committed_changed for reader in readers),
        "committed_corrected_per_100": _ratio(100 * totals.committed_corrected, totals.committed_words),
        "tentative_changed_per_word": _ratio(totals.tentative_changed, totals.final_words),
        "audio_lost_s": round(totals.intake_dropped_s + totals.gap_s, 2),
        "gaps": totals.gaps,
        "unmarked_losses": silent + (totals.intake_dropped_s > 0),
        "partials": engine.decodes[Kind.PARTIAL],
        "suppressed": dict(engine.suppressed),
        "highest_step": max((step for step, count in engine.ladder.climbed.items() if count), default=Step.NORMAL).name,
        "engine_busy_share": _ratio(engine.busy_s, max(len(reader.pcm) for reader in readers) / WIRE_RATE),
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _percentile(values: list[float], percent: float) -> int | None:
    return round(float(np.percentile(values, percent))) if values else None
