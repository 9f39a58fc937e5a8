from __future__ import annotations

import numpy as np
import pytest

from pipeline import Kind, Step
from pipeline.asking import Asker
from pipeline.errors import DecodeFailed, EngineDied, EngineFatal, Shed, Superseded
from pipeline.scheduler import SchedulerFull
from tests.pipeline.stage import PAUSE, WORD, FakeEngine, Stage, listening

PCM = np.zeros(320, dtype=np.int16)


def asker(engine, hints=str):
    return Asker(engine=engine, speaker="ada", room="one", hints=hints, allowed=("de", "en"))


def ask(asker, kind=Kind.FINAL):
    return asker.ask(kind, lambda: PCM, code="de", due=7.0)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
async def test_a_request_says_who_asks_and_what_for(kind):
    engine = FakeEngine()
    answer = await ask(asker(engine), kind)
    assert answer.text == "Word 1"
    (job,) = engine.jobs
    assert (job.kind, job.speaker, job.room, job.language, job.allowed, job.due) == (
        kind,
        "ada",
        "one",
        "de",
        ("de", "en"),
        7.0,
    )
    assert job.cut() is PCM


async def test_the_hints_are_those_of_the_moment():
    engine, names = FakeEngine(), ["Ada"]
    one = asker(engine, hints=lambda: ", ".join(names))
    await ask(one)
    names.append("Will")
    await ask(one)
    assert [job.hints for job in engine.jobs] == ["Ada", "Ada, Will"]


async def test_the_backlog_is_that_of_the_moment_too():
    one = asker(engine := FakeEngine())
    await ask(one)
    one.waiting_s = 12.0
    assert engine.jobs[0].backlog_s() == 12.0


@pytest.mark.parametrize("error", [DecodeFailed, EngineDied, EngineFatal, Shed, Superseded, SchedulerFull])
async def test_what_went_wrong_is_an_answer(error):
    engine, problem = FakeEngine(), error("no")
    engine.answer = lambda kind, pcm: problem
    assert await ask(asker(engine)) is problem


def test_the_step_is_the_engines():
    one = asker(engine := FakeEngine())
    engine.ladder.step = Step.SHED
    assert one.step is Step.SHED


async def test_a_speaker_tells_the_engine_its_room_and_what_is_likely_to_be_said_there():
    async with listening(Stage(FakeEngine(), room="one", hints=lambda: "Ada")) as stage:
        stage.speak(WORD + PAUSE)
    (job,) = stage.engine.jobs
    assert (job.speaker, job.room, job.hints) == ("ada", "one", "Ada")
