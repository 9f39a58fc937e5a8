from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import psutil
import pytest

from pipeline import Engine, EngineFatal, EngineSettings, EngineState, Kind, ModelSettings
from pipeline.engine import MAX_STILLBORN
from pipeline.errors import EngineDied, Superseded
from pipeline.scheduler import SchedulerFull
from soak.crew import Crew
from tests.pipeline.voices import downsampled

GUARD_S = 30.0
SILENCE = np.zeros(16_000, dtype=np.int16)


class Audio:
    """What a request is cut from, and word of each time that a worker took it."""

    def __init__(self, pcm=SILENCE):
        self.pcm = pcm
        self.times_taken = 0
        self.taken = asyncio.Event()

    def cut(self):
        self.times_taken += 1
        self.taken.set()
        return self.pcm


@asynccontextmanager
async def running(settings):
    """A supervised engine, not yet ready, and a crew for who asks it."""
    engine = Engine(settings)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(engine.run())
        yield engine, crew


def ask(engine, audio, *, kind=Kind.FINAL, speaker="ada", due=0.0):
    return engine.transcribe(audio.cut, kind=kind, speaker=speaker, language="en", due=due)


async def outcome(asking):
    """The hypothesis, or what went wrong: an expected failure must not end the crew."""
    try:
        return await asking
    except (EngineDied, EngineFatal, Superseded) as error:
        return error


async def until(condition):
    while not condition():  # noqa: ASYNC110 — counters have no event
        await asyncio.sleep(0.001)


def engine_process():
    (process,) = [
        each for each in psutil.Process().children() if "pipeline.engine_child" in each.cmdline() and each.is_running()
    ]
    return process


# With the model


@pytest.mark.model
async def test_a_ready_engine_knows_its_languages_and_turns_speech_into_words(engine_settings):
    async with running(engine_settings) as (engine, _):
        assert engine.state is EngineState.STARTING
        await engine.wait_ready()
        assert (engine.state, engine.languages) == (EngineState.READY, ("en",))
        hypothesis = await ask(engine, Audio(downsampled("austen-0930")))
        assert hypothesis.text == "He might even have been made amiable himself."
        assert engine.decodes == {Kind.FINAL: 1, Kind.PARTIAL: 0}
        assert engine.busy_s == hypothesis.decode_s > 0


@pytest.mark.model
async def test_what_was_asked_before_the_model_was_loaded_is_answered(engine_settings):
    async with running(engine_settings) as (engine, crew):
        asked = [crew.start(ask(engine, Audio(), speaker=name)) for name in ("ada", "will", "cleo")]
        assert [(await each).text for each in asked] == ["", "", ""]


@pytest.mark.model
async def test_a_final_that_the_killed_child_held_is_decoded_by_the_next_one(engine_settings):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        first, audio = engine_process(), Audio(downsampled("austen-0930"))
        final = crew.start(ask(engine, audio))
        await audio.taken.wait()
        first.kill()
        assert (await final).text == "He might even have been made amiable himself."
        assert audio.times_taken == 2
        assert (engine.state, engine.restarts) == (EngineState.READY, 1)
        assert engine_process().pid != first.pid


@pytest.mark.model
async def test_a_partial_in_the_hands_of_a_killed_child_is_given_up(engine_settings):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        audio = Audio()
        partial = crew.start(outcome(ask(engine, audio, kind=Kind.PARTIAL)))
        await audio.taken.wait()
        engine_process().kill()
        assert isinstance(await partial, EngineDied)
        assert engine.state is EngineState.RESTARTING
        assert engine.scheduler.running == 0


@pytest.mark.model
async def test_a_final_over_which_two_children_died_is_given_up(engine_settings):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        audio = Audio()
        final = crew.start(outcome(ask(engine, audio)))
        for _ in range(2):
            await audio.taken.wait()
            audio.taken.clear()
            engine_process().kill()
        assert isinstance(await final, EngineDied)
        assert audio.times_taken == 2


@pytest.mark.model
async def test_a_decode_that_hangs_ends_the_child_and_is_tried_again(engine_settings):
    async with running(replace(engine_settings, watchdog_s=2.0)) as (engine, crew):
        await engine.wait_ready()
        engine_process().suspend()
        final = crew.start(ask(engine, Audio()))
        assert (await final).text == ""
        assert engine.restarts == 1


@pytest.mark.model
async def test_a_cancelled_request_that_is_being_decoded_disturbs_nobody(engine_settings):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        audio = Audio()
        given_up = crew.start(ask(engine, audio))
        await audio.taken.wait()
        given_up.cancel()
        assert (await ask(engine, Audio(), speaker="will")).text == ""
        await until(lambda: engine.scheduler.running == 0)


@pytest.mark.model
async def test_the_end_of_the_engine_ends_its_child(engine_settings):
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        process = engine_process()
    assert not process.is_running()


# Without a model


@pytest.mark.parametrize(
    ("name", "tried"),
    [("no-such-model", "Invalid model size 'no-such-model'"), ("{empty}", "it lacks model.bin and config.json")],
    ids=["a wrong name", "an empty folder"],
)
async def test_a_model_that_cannot_be_had_fails_for_good_and_says_why(engine_settings, tmp_path, name, tried):
    model = ModelSettings(model=name.format(empty=tmp_path), cache_dir=str(tmp_path), download=False)
    async with running(replace(engine_settings, model=model)) as (engine, crew):
        waiting = crew.start(outcome(ask(engine, Audio())))
        with pytest.raises(EngineFatal) as fatal:
            await engine.wait_ready()
        assert "Tried:" in str(fatal.value)
        assert tried in str(fatal.value)
        assert "ROOMSCRIBE_MODEL" in str(fatal.value)
        assert str(await waiting) == str(fatal.value)
        assert engine.state is EngineState.FAILED
        assert engine.failed.is_set()
        with pytest.raises(EngineFatal, match="Tried:"):
            await ask(engine, Audio())


@pytest.mark.parametrize(
    ("startup", "end"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "by SIGKILL"),
        ("import os; os._exit(7)", "with status 7"),
    ],
)
async def test_a_child_that_never_comes_to_life_is_given_up_with_how_it_ended(engine_settings, tmp_path, startup, end):
    (tmp_path / "sitecustomize.py").write_text(startup)
    environment = {**engine_settings.environment, "PYTHONPATH": str(tmp_path)}
    stillborn = replace(engine_settings, environment=environment, restart_first_s=0.01)
    async with running(stillborn) as (engine, _):
        with pytest.raises(EngineFatal, match=rf"three times {end} .*ROOMSCRIBE_MODEL.*memory"):
            await engine.wait_ready()

    assert engine.state is EngineState.FAILED
    assert engine.restarts == 2


async def test_a_cancelled_request_is_withdrawn_from_the_line():
    engine = Engine(EngineSettings())  # nobody works
    async with Crew() as crew:
        requests = [crew.start(ask(engine, Audio(), kind=kind, speaker=kind.value)) for kind in Kind]
        await until(lambda: engine.scheduler.waiting_finals and engine.scheduler.waiting_partials)
        for request in requests:
            request.cancel()
        await asyncio.wait(requests)
    assert (engine.scheduler.waiting_finals, engine.scheduler.waiting_partials) == (0, 0)


async def test_a_final_supersedes_the_waiting_partial_of_its_speaker():
    engine = Engine(EngineSettings())
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        ada = crew.start(outcome(ask(engine, Audio(), kind=Kind.PARTIAL)))
        will = crew.start(outcome(ask(engine, Audio(), kind=Kind.PARTIAL, speaker="will")))
        await until(lambda: engine.scheduler.waiting_partials == 2)
        crew.start(ask(engine, Audio()))
        assert isinstance(await ada, Superseded)
        assert not will.done()


async def test_a_final_too_many_is_refused_and_leaves_nothing_behind():
    engine = Engine(EngineSettings())
    engine.scheduler.max_finals = 1
    async with Crew() as crew:
        crew.start(ask(engine, Audio()))
        await until(lambda: engine.scheduler.waiting_finals == 1)
        with pytest.raises(SchedulerFull):
            await ask(engine, Audio(), speaker="will")
    assert engine.scheduler.waiting_finals == 0


async def test_who_waits_for_a_partial_of_a_speaker_who_is_forgotten_is_told(engine_settings):
    async with running(engine_settings) as (engine, crew):  # not ready yet: requests wait
        asking = crew.start(outcome(ask(engine, Audio(), kind=Kind.PARTIAL)))
        await until(lambda: engine.scheduler.waiting_partials)

        engine.forget("ada")

        assert isinstance(await asking, Superseded)


async def test_the_childs_environment_has_no_secret_of_ours(engine_settings):
    environment = {**engine_settings.environment, "ROOMSCRIBE_HPB_SECRET": "s1", "ROOMSCRIBE_HTTP_SECRET_FILE": "s2"}
    async with running(replace(engine_settings, environment=environment)) as (engine, _):
        await engine.wait_ready()
        (child,) = psutil.Process().children()

        assert not [name for name in child.environ() if "SECRET" in name]


async def test_a_signal_for_the_whole_group_does_not_take_the_last_words_away(engine_settings):
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        (child,) = psutil.Process().children()

        child.terminate()
        hypothesis = await ask(engine, Audio(downsampled("command-goforward")))

        assert "forward" in hypothesis.text.lower()
        assert engine.restarts == 0


@pytest.mark.model
async def test_bad_audio_of_a_request_that_was_just_cancelled_disturbs_nobody(engine_settings):
    async with running(engine_settings) as (engine, crew):

        def cut():
            given_up.cancel()
            raise ValueError("no such samples")

        given_up = crew.start(engine.transcribe(cut, kind=Kind.FINAL, speaker="ada", language="en", due=0.0))
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        assert (await ask(engine, Audio(), speaker="will")).text == ""
        assert engine.restarts == 0


@pytest.mark.model
async def test_an_engine_that_was_ready_once_is_started_again_however_often_it_dies(engine_settings):
    async with running(replace(engine_settings, restart_first_s=0.01)) as (engine, _):
        for _ in range(MAX_STILLBORN):
            await ask(engine, Audio())
            engine_process().kill()
        assert (await ask(engine, Audio())).text == ""
        assert (engine.state, engine.restarts) == (EngineState.READY, MAX_STILLBORN)
