"""A stage for one speaker's pipeline. Audio is drawn: '#' 20 ms of speech, '.' of silence.

`FakeEngine` decodes at once, or when the test says so.
"""

from __future__ import annotations

import asyncio
import fractions
from contextlib import asynccontextmanager
from dataclasses import replace

import av
import numpy as np

from pipeline import (
    WIRE_RATE,
    FinalTranscript,
    Kind,
    Language,
    PartialSettings,
    PartialTranscript,
    SegmenterSettings,
    SpeakerPipeline,
    SpeakerSettings,
    Totals,
)
from pipeline.audio import FRAME
from pipeline.decode import MAX_DELAY
from pipeline.overload import Ladder
from pipeline.request import Hypothesis

GUARD_S = 20.0
ENGLISH = Language(id="en_GB", code="en")
GERMAN = Language(id="de_AT", code="de")
AUTO = Language(id="auto", code="")
PTIME = WIRE_RATE // 50
SETTINGS = SpeakerSettings(intake_frames=10_000, partials=PartialSettings(interval_s=0.0, least_s=0.0))
ENDPOINTS = SegmenterSettings()
PATIENT = replace(SETTINGS, segmenter=replace(ENDPOINTS, stall_s=GUARD_S))  # nobody is cut off while a test waits
SPARE = MAX_DELAY // FRAME + 2  # frames: the resampler holds a little back
SILENCE = "." * 30
WORD = SILENCE + "#" * (SETTINGS.partials.first // FRAME - 5)  # too short for a partial
LONG_WORD = SILENCE + "#" * (SETTINGS.partials.first // FRAME + 15)  # long enough
PAUSE = "." * (ENDPOINTS.hangover.longest // FRAME + SPARE)  # it is an end
BREATH = "." * (ENDPOINTS.pause // FRAME + SPARE)  # it may be one


class FakeEngine:
    """Answers "Word 1", "Word 2" … in the order of the questions, or what `answer` gives or raises.

    A kind of decode on hold waits until it is let go.
    """

    def __init__(self):
        self.jobs = []
        self.asked = []  # (kind, audio)
        self.asked_at = {kind: [] for kind in Kind}
        self.given_up = []  # jobs whose asker did not wait for the answer
        self.forgotten = []
        self.ladder = Ladder()
        self.answer = lambda kind, pcm: f"Word {sum(each is kind for each, _ in self.asked)}"
        self._free = {kind: asyncio.Event() for kind in Kind}
        for free in self._free.values():
            free.set()

    def hold(self, kind):
        self._free[kind].clear()

    def let_go(self, kind):
        self._free[kind].set()

    def questions(self, kind):
        return [pcm for each, pcm in self.asked if each is kind]

    async def transcribe(self, job):
        pcm = job.cut()
        self.jobs.append(job)
        self.asked.append((job.kind, pcm))
        self.asked_at[job.kind].append(asyncio.get_running_loop().time())
        answer = self.answer(job.kind, pcm)
        try:
            await self._free[job.kind].wait()
        except asyncio.CancelledError:
            self.given_up.append(job)
            raise
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Hypothesis):
            return answer
        return Hypothesis(text=answer, language=job.language or "en", decode_s=0.0)

    def forget(self, speaker):
        self.forgotten.append(speaker)


class Loudness:
    """A voice detector that hears any sound as speech: the drawing decides."""

    def feed(self, frame):
        return [bool(np.abs(frame.astype(int)).max() > 1000)]

    def flush(self):
        return []


class Stage:
    """A pipeline, who speaks into it, and what came out."""

    def __init__(self, engine, settings=SETTINGS, detector=None, language=ENGLISH, **details):
        self.engine = engine
        self.totals = Totals()
        self.said = []
        self.said_at = []
        self.pts = 0
        self.pipeline = SpeakerPipeline(
            speaker="ada",
            language=language,
            engine=engine,
            emit=self.emit,
            settings=settings,
            totals=self.totals,
            detector=detector or Loudness(),
            **details,
        )

    async def emit(self, transcript):
        self.said.append(transcript)
        self.said_at.append(asyncio.get_running_loop().time())

    def speak(self, drawing):
        for each in drawing:
            pcm = np.full((1, PTIME), 8000 if each == "#" else 0, dtype=np.int16)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, self.pts, fractions.Fraction(1, WIRE_RATE)
            self.pipeline.feed(frame)
            self.pts += PTIME

    def skip(self, seconds):
        """Packets are lost, or the sender's clock jumps."""
        self.pts += round(seconds * WIRE_RATE)

    async def heard(self):
        """All that was spoken has been listened to; the loop time of that moment."""
        await until(lambda: not self.pipeline.intake.depth)
        return asyncio.get_running_loop().time()

    @property
    def finals(self):
        return [each for each in self.said if isinstance(each, FinalTranscript)]

    @property
    def partials(self):
        return [each for each in self.said if isinstance(each, PartialTranscript)]

    @property
    def texts(self):
        return [(each.utterance, each.text) for each in self.finals]


async def until(condition):
    while not condition():  # noqa: ASYNC110 — lists and counters have no event
        await asyncio.sleep(0.001)


@asynccontextmanager
async def listening(stage):
    """The pipeline works on; leaving waits until the last final is out."""
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.pipeline.run())
        yield stage
        stage.pipeline.finish()


async def spoken(drawing, *, settings=SETTINGS, engine=None):
    """All of it said, and all that followed."""
    stage = Stage(engine or FakeEngine(), settings)
    async with listening(stage):
        stage.speak(drawing)
    return stage
