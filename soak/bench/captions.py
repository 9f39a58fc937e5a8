"""Captions in real time: people read aloud into the real pipeline and the real engine, and every caption is timed.

Frames of 20 ms come in as a track delivers them; no network is in between. One speaker reads each clip once; of many,
each reads clips for the same time, so that all read until the end. 72 % of the time is speech.
"""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import av
import numpy as np

from pipeline import (
    WIRE_RATE,
    Engine,
    EngineSettings,
    Kind,
    Language,
    SpeakerPipeline,
    SpeakerSettings,
    Step,
    Totals,
    VoiceDetectors,
    make_backend,
)
from soak.clip import FRAME, Clip
from soak.crew import Crew
from soak.demo.score import error_rate

from .readers import Line, Reader, deal, script

READING_SHARE: Final = 0.83  # pauses within clips included; without them, the voice detector finds 72 % speech
READING_S: Final = 90.0  # of each of many
LATEST_S: Final = 3.0  # after the first, the last of them begins
LAST_WORDS_S: Final = 60.0
SPEAKERS_A_ROOM: Final = 6
TIME_BASE: Final = fractions.Fraction(1, WIRE_RATE)
ENGLISH: Final = Language(id="en", code="en")


async def measure(
    clips: Sequence[Clip],
    engine_settings: EngineSettings,
    speaker_settings: SpeakerSettings,
    *,
    speakers: int,
    finals_only: bool,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """All figures of `roomscribe bench captions`. Raises `EngineFatal`."""
    if finals_only:
        speaker_settings = replace(speaker_settings, partials=replace(speaker_settings.partials, enabled=False))
    readers = cast(clips, speakers)
    engine = Engine(make_backend(engine_settings))
    totals, detectors = Totals(), VoiceDetectors()
    async with Crew() as crew:
        crew.start(engine.run())
        await engine.wait_ready()
        longest_s = max(reader.length_s for reader in readers)
        note(f"{speakers} speakers read {sum(len(each.lines) for each in readers)} clips: {longest_s:.0f} s")
        running, playing = [], []
        for number, reader in enumerate(readers):
            pipeline = SpeakerPipeline(
                speaker=f"reader/{number}",
                room=str(number // SPEAKERS_A_ROOM),
                language=ENGLISH,
                engine=engine,
                emit=reader.heard,
                settings=speaker_settings,
                totals=totals,
                detector=detectors.new(),
            )
            running.append(crew.start(pipeline.run()))
            playing.append(crew.start(_play(reader, pipeline)))
        await asyncio.wait(playing)
        await asyncio.wait(running, timeout=LAST_WORDS_S)  # who has not answered by then has missed it
    return figures(readers, totals, engine)


def cast(clips: Sequence[Clip], speakers: int) -> list[Reader]:
    """The readers, with their scripts."""
    rng = np.random.default_rng(7)
    alone = speakers == 1
    return [
        script(
            hand,
            late_s=0.0 if alone else float(rng.uniform(0, LATEST_S)),
            least_s=0.0 if alone else READING_S,
            share=READING_SHARE,
            rng=rng,
        )
        for hand in deal(clips, speakers)
    ]


async def _play(reader: Reader, pipeline: SpeakerPipeline) -> None:
    """One frame every 20 ms, delivered when its last sample was heard; late frames catch up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader.now = lambda: loop.time() - began
    for at in range(0, len(reader.pcm), FRAME):
        wait_s = began + (at + FRAME) / WIRE_RATE - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        frame = av.AudioFrame.from_ndarray(reader.pcm[at : at + FRAME].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, at, TIME_BASE
        pipeline.feed(frame)
    pipeline.finish()


def figures(readers: Sequence[Reader], totals: Totals, engine: Engine) -> dict[str, Any]:
    """Latencies are those of clips of which nothing was lost; what was lost is counted apart."""
    all_read_s = min(reader.length_s for reader in readers)
    played = [line for reader in readers for line in reader.lines if line.last <= all_read_s]
    lines = [line for line in played if line.text.strip()]
    whole = [line for line in lines if not line.gaps and not line.missed]
    firsts = [(line.first_caption - line.first) * 1000 for line in lines if line.first_caption is not None]
    finals = [(line.final - line.last) * 1000 for line in whole if line.final is not None]
    return {
        "wer": round(_error_rate(readers, lines), 4),
        "speakers": len(readers),
        "reading_share": _share(readers, all_read_s),
        "clips": len(lines),
        "first_partial_ms_p50": _percentile(firsts, 50),
        "first_partial_ms_p95": _percentile(firsts, 95),
        "final_ms_p50": _percentile(finals, 50),
        "final_ms_p95": _percentile(finals, 95),
        "without_caption": len(lines) - len(firsts),
        "noise_captions": sum(line.captions for line in played if not line.text.strip()),
        "committed_changed": sum(reader.committed_changed for reader in readers),
        "committed_corrected_per_100": _ratio(100 * totals.committed_corrected, totals.committed_words),
        "tentative_changed_per_word": _ratio(totals.tentative_changed, totals.final_words),
        "audio_lost_s": round(totals.intake_dropped_s + totals.gap_s, 2),
        "gaps": totals.gaps,
        "unmarked_losses": sum(line.missed for line in lines),
        "uncovered_speech_s": round(sum(line.uncovered_s for line in lines), 2),
        "partials": engine.decodes[Kind.PARTIAL],
        "suppressed": dict(engine.suppressed),
        "highest_step": max((step for step, count in engine.ladder.climbed.items() if count), default=Step.NORMAL).name,
        "engine_busy_share": _ratio(engine.busy_s, max(reader.length_s for reader in readers)),
    }


def _error_rate(readers: Sequence[Reader], lines: Sequence[Line]) -> float:
    """Of each reader's captions in a row: an utterance may hold the end of a clip and the begin of the next."""
    counted = set(map(id, lines))
    own = [[line for line in reader.lines if id(line) in counted] for reader in readers]
    said = [" ".join(line.text for line in each) for each in own]
    written = [" ".join(text for line in each for text in line.texts) for each in own]
    return error_rate(said, written)


def _share(readers: Sequence[Reader], until_s: float) -> float:
    """Of the time in which all read, how much a reader reads, the pauses within clips included."""
    spoken: list[Line] = [line for reader in readers for line in reader.lines if line.last <= until_s]
    began = sum(reader.lines[0].first for reader in readers)
    ended = sum(max((line.last for line in reader.lines if line.last <= until_s), default=0.0) for reader in readers)
    return _ratio(sum(line.last - line.first for line in spoken), ended - began)


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _percentile(values: list[float], percent: float) -> int | None:
    return round(float(np.percentile(values, percent))) if values else None
