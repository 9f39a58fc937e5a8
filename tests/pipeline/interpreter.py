"""A speaker whose finals are translated, and the readers who wish for it."""

from __future__ import annotations

import asyncio

from pipeline import Language, Step
from pipeline.request import Hypothesis
from tests.pipeline.stage import GERMAN, FakeEngine, Stage, until

RITA = {"rita": Language(id="en_GB", code="en")}


class Interpreter(FakeEngine):
    """Hears "Satz 1", "Satz 2" …, and translates them into "Sentence 1", "Sentence 2" …, or as `translated` says.

    On hold, translations wait until they are let go.
    """

    def __init__(self, spoken="de"):
        super().__init__()
        self.transcripts = self.translations = 0
        self.translated = lambda number: f"Sentence {number}"
        self.answer = self._answer
        self.spoken = spoken
        self.free = asyncio.Event()
        self.free.set()

    async def transcribe(self, job):
        if job.translate:
            await self.free.wait()
        return await super().transcribe(job)

    def _answer(self, kind, pcm):
        if not self.jobs[-1].translate:
            self.transcripts += 1
            return Hypothesis(text=f"Satz {self.transcripts}", language=self.spoken, decode_s=0.0)
        self.translations += 1
        answer = self.translated(self.translations)
        return answer if isinstance(answer, Exception) else Hypothesis(text=answer, language="en", decode_s=0.0)


class Wishes:
    """What readers wish for, as they come and go."""

    def __init__(self, wishes):
        self.now = wishes

    def __call__(self):
        return self.now


def stage_for(wishes=RITA, *, engine=None, language=GERMAN):
    asked = Wishes(wishes)
    stage = Stage(engine or Interpreter(), language=language, wishes=asked)
    stage.wishes = asked
    stage.engine.ladder.step = Step.SPARSE  # so that nothing is decoded before its end
    return stage


def read_by(reader, said):
    """What this reader gets of all that was said."""
    return [each.text for each in said if each.is_for(reader)]


async def after(stage, drawing, finals):
    stage.speak(drawing)
    await until(lambda: len(stage.finals) >= finals)
