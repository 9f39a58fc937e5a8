"""The engine with its child process, and what becomes of it when that dies.

With children whose lives are told in advance: tests/pipeline/test_local_lives.py.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from pipeline import Engine, EngineFatal, EngineSettings, EngineState, Kind, ModelSettings, make_backend
from pipeline.engine import EXPIRED_S
from pipeline.errors import DecodeFailed, EngineDied
from pipeline.local import LONGEST_WATCHDOG_S, MAX_STILLBORN, WARM_UPS, LocalBackend, decode_limit_s
from pipeline.request import DecodeRequest
from soak.crew import Crew
from tests.pipeline import backend
from tests.pipeline.backend import SILENCE, Audio, ask, outcome, until
from tests.pipeline.voices import downsampled

LENGTHS, KEPT_LENGTHS = 64, 34  # it keeps 32
WINDOW = 320  # samples; what is as many windows long looks the same to the model
MOST_MB = 8.0  # 0.7 MB of each would be kept
AMIABLE = "He might even have been made amiable himself."


def running(settings):
    return backend.running(make_backend(settings))


def engine_process():
    (process,) = [
        each for each in psutil.Process().children() if "pipeline.engine_child" in each.cmdline() and each.is_running()
    ]
    return process


# With the model


@pytest.mark.model
async def test_a_ready_engine_turns_speech_into_words(engine_settings):
    async with running(engine_settings) as (engine, _):
        assert engine.state is EngineState.STARTING
        await engine.wait_ready()
        assert (engine.state, engine.languages, engine.translations) == (EngineState.READY, ("en",), ())
        assert engine.pid == engine_process().pid
        hypothesis = await ask(engine, Audio(downsampled("austen-0930")))
        assert hypothesis.text == AMIABLE
        assert engine.decodes == {Kind.FINAL: 1, Kind.PARTIAL: 0}
        assert engine.busy_s == hypothesis.decode_s > 0


@pytest.mark.model
async def test_the_child_does_not_keep_something_for_each_length_of_audio(engine_settings):
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        child = psutil.Process(engine.pid)
        megabytes = []
        for number in range(LENGTHS):
            await ask(engine, Audio(np.zeros(4_000 + WINDOW * number, dtype=np.int16)), kind=Kind.PARTIAL)
            megabytes.append(child.memory_info().rss / 1e6)
        assert megabytes[-1] - megabytes[KEPT_LENGTHS] < MOST_MB


@pytest.mark.model
async def test_what_is_decoded_together_is_told_apart(engine_settings):
    model = replace(engine_settings.model, workers=1, max_batch=3)
    async with running(replace(engine_settings, model=model)) as (engine, crew):
        clips = {"austen-0930": AMIABLE, "command-goforward": "Go forward", "austen-0880": "He was not"}
        asked = {name: crew.start(ask(engine, Audio(downsampled(name)), speaker=name)) for name in clips}
        for name, words in clips.items():
            assert words.lower() in (await asked[name]).text.lower()


@pytest.mark.model
async def test_a_final_that_the_killed_child_held_is_decoded_by_the_next_one(engine_settings):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        first, audio = engine_process(), Audio(downsampled("austen-0930"))
        final = crew.start(ask(engine, audio))
        await audio.taken.wait()
        first.kill()
        assert (await final).text == AMIABLE
        assert audio.times_taken == 2
        assert (engine.state, engine.restarts) == (EngineState.READY, 1)
        assert engine_process().pid != first.pid


@pytest.mark.model
async def test_nor_is_a_final_lost_that_was_only_half_sent_to_it(engine_settings, caplog):
    async with running(engine_settings) as (engine, crew):
        await engine.wait_ready()
        long = np.concatenate(
            (np.tile(SILENCE, 12), downsampled("austen-0930"))
        )  # more than a pipe and its buffer hold
        first, audio = engine_process(), Audio(long)
        first.suspend()
        final = crew.start(ask(engine, audio))
        await audio.taken.wait()
        first.kill()
        assert "amiable" in (await final).text
        assert audio.times_taken == 2
    gc.collect()
    assert "never retrieved" not in caplog.text  # of an answer that nobody waits for


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
async def test_a_decode_that_hangs_ends_the_child_and_is_tried_again(engine_settings, monkeypatch):
    monkeypatch.setattr("pipeline.local.WARM_UPS", 0.0)
    async with running(replace(engine_settings, watchdog_s=5.0)) as (engine, crew):
        await engine.wait_ready()
        engine_process().suspend()
        final = crew.start(ask(engine, Audio()))
        assert (await final).text == ""
        assert engine.restarts == 1


@pytest.mark.model
async def test_the_end_of_the_engine_ends_its_child(engine_settings):
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        process = engine_process()
    assert not process.is_running()
    assert engine.pid is None


@pytest.mark.model
async def test_an_engine_that_was_ready_once_is_started_again_however_often_it_dies(engine_settings):
    async with running(replace(engine_settings, restart_first_s=0.01)) as (engine, _):
        for _ in range(MAX_STILLBORN):
            await ask(engine)
            engine_process().kill()
        assert (await ask(engine)).text == ""
        assert (engine.state, engine.restarts) == (EngineState.READY, MAX_STILLBORN)


@pytest.mark.model
async def test_a_signal_for_the_whole_group_does_not_take_the_last_words_away(engine_settings):
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        engine_process().terminate()
        hypothesis = await ask(engine, Audio(downsampled("command-goforward")))
        assert "forward" in hypothesis.text.lower()
        assert engine.restarts == 0


@pytest.mark.model
async def test_the_childs_environment_has_no_secret_of_ours(engine_settings):
    environment = {**engine_settings.environment, "ROOMSCRIBE_HPB_SECRET": "s1", "ROOMSCRIBE_HTTP_SECRET_FILE": "s2"}
    async with running(replace(engine_settings, environment=environment)) as (engine, _):
        await engine.wait_ready()
        assert not [name for name in engine_process().environ() if "SECRET" in name]


@pytest.mark.model
async def test_what_no_frame_can_hold_is_refused_and_disturbs_nobody(engine_settings, monkeypatch):
    monkeypatch.setattr("pipeline.wire.MAX_PAYLOAD_BYTES", SILENCE.nbytes)
    async with running(engine_settings) as (engine, _):
        await engine.wait_ready()
        refused = await outcome(ask(engine, Audio(downsampled("austen-0930"))))
        assert isinstance(refused, DecodeFailed)
        assert "at most" in str(refused)
        assert (await ask(engine)).text == ""


# Without a model


@pytest.mark.parametrize(
    ("warm_up_s", "limit_s"),
    [(0.0, 20.0), (0.2, 20.0), (1.0, 1.0 * WARM_UPS), (5.0, 5.0 * WARM_UPS), (3600.0, LONGEST_WATCHDOG_S)],
)
def test_a_decode_may_take_as_long_as_a_model_that_is_slow_here_needs(warm_up_s, limit_s):
    assert decode_limit_s(20.0, warm_up_s=warm_up_s) == limit_s


def test_and_never_less_than_was_set():
    assert decode_limit_s(2 * LONGEST_WATCHDOG_S, warm_up_s=3600.0) == 2 * LONGEST_WATCHDOG_S


def test_a_final_over_which_two_decoders_hang_makes_nobody_elses_expire():
    settings = EngineSettings()
    restarts_s = 10.0  # both, the loading of a model of usual size included
    assert 2 * decode_limit_s(settings.watchdog_s, warm_up_s=0.3) + restarts_s < EXPIRED_S


async def test_without_a_child_nothing_is_decoded(engine_settings):
    request = DecodeRequest(kind=Kind.FINAL, language="en", pcm=SILENCE)
    with pytest.raises(EngineDied, match="not running"):
        await LocalBackend(engine_settings).decode([request])


@pytest.mark.parametrize(
    ("name", "tried"),
    [("no-such-model", "Invalid model size 'no-such-model'"), ("{empty}", "it lacks model.bin and config.json")],
    ids=["a wrong name", "an empty folder"],
)
async def test_a_model_that_cannot_be_had_fails_for_good_and_says_why(engine_settings, tmp_path, name, tried):
    model = ModelSettings(model=name.format(empty=tmp_path), cache_dir=str(tmp_path), download=False)
    engine = Engine(make_backend(replace(engine_settings, model=model)))
    async with asyncio.timeout(backend.GUARD_S), Crew() as crew:
        waiting = crew.start(outcome(ask(engine)))
        await until(lambda: engine.scheduler.waiting_finals)
        crew.start(engine.run())
        with pytest.raises(EngineFatal) as fatal:
            await engine.wait_ready()
        assert "Tried:" in str(fatal.value)
        assert tried in str(fatal.value)
        assert "ROOMSCRIBE_MODEL" in str(fatal.value)
        assert str(await waiting) == str(fatal.value)
    assert engine.state is EngineState.FAILED


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
    assert engine.restarts == MAX_STILLBORN - 1
