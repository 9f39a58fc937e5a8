"""A stage for one speaker's pipeline. Audio is drawn: '#' 20 ms of speech, '.' of silence.

`FakeEngine` decodes at once, or when the test says so.
"""

from __future__ import annotations

import asyncio
import fractions
from contextlib import asynccontextmanager

import av
import numpy as np

from pipeline import (
    WIRE_RATE,
    FinalTranscript,
    Kind,
    Language,
    PartialTranscript,
    SpeakerPipeline,
    SpeakerSettings,
    Totals,
)
from pipeline.transcript import Hypothesis

GUARD_S = 20.0
PTIME = WIRE_RATE // 50
WORD = "." * 20 + "#" * 20  # 400 ms of silence, 400 ms of speech
PAUSE = "." * 40  # longer than the hangover
LONG_WORD = "." * 20 + "#" * 45  # long enough for a partial
SETTINGS = SpeakerSettings(intake_frames=10_000, partial_interval_s=0.0)


class FakeEngine:
    """Answers "word 1", "word 2" … in the order of the questions, or what `answer` gives or raises.

    A kind of decode on hold waits until it is let go.
    """

    def __init__(self):
        self.asked = []  # (kind, audio)
        self.forgotten = []
        self.answer = lambda kind, pcm: f"word {sum(each is kind for each, _ in self.asked)}"
        self._free = {kind: asyncio.Event() for kind in Kind}
        for free in self._free.values():
            free.set()

    def hold(self, kind):
        self._free[kind].clear()

    def let_go(self, kind):
        self._free[kind].set()

    def questions(self, kind):
        return [pcm for each, pcm in self.asked if each is kind]

    async def transcribe(self, cut, *, kind, speaker, language, due):
        pcm = cut()
        self.asked.append((kind, pcm))
        text = self.answer(kind, pcm)
        await self._free[kind].wait()
        if isinstance(text, Exception):
            raise text
        return Hypothesis(text=text, language=language, decode_s=0.0)

    def forget(self, speaker):
        self.forgotten.append(speaker)


class Loudness:
    """A voice detector that hears any sound as speech: the drawing decides."""

    def is_speech(self, frame):
        return bool(np.abs(frame.astype(int)).max() > 1000)


class Stage:
    """A pipeline, who speaks into it, and what came out."""

    def __init__(self, engine, settings=SETTINGS, detector=None):
        self.engine = engine
        self.totals = Totals()
        self.said = []
        self.pts = 0
        self.pipeline = SpeakerPipeline(
            speaker="ada",
            language=Language(id="en_GB", code="en"),
            engine=engine,
            emit=self.emit,
            settings=settings,
            totals=self.totals,
            detector=detector or Loudness(),
        )

    async def emit(self, transcript):
        self.said.append(transcript)

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
