"""Most of these tests put a second server in the place of the local model: it is up and down as the test says."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager

import numpy as np
import pytest

from pipeline import Engine, EngineFatal, Kind
from pipeline.errors import DecodeFailed, EngineDied, EngineError
from pipeline.fallback import FallbackBackend
from pipeline.local import LocalBackend
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import FALLBACK_AFTER_S, TRIP_AFTER, RemoteSettings
from pipeline.request import DecodeRequest
from pipeline.scheduler import Job
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness, serving
from tests.pipeline.voices import downsampled

GUARD_S = 30.0
SECOND = np.arange(16_000, dtype=np.int16)
FAR, NEAR = "said far away", "said near by"


class Gated(Time):
    """Only short sleeps end by themselves; the others when the test lets them."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()

    async def sleep(self, delay_s):
        if delay_s >= 10:
            await self.gate.wait()
        await super().sleep(delay_s)


class Stage:
    """A fallback that runs, with both sides' servers."""

    def __init__(self, far, near, crew, *, slots=8, near_slots=2):
        self.far, self.near, self.crew = far, near, crew
        self.far_time, self.near_time, self.witness = Gated(), Gated(), Witness()
        self.remote = self._side(far, self.far_time, RemoteSettings(url=far.url, slots=slots))
        self.local = self._side(
            near, self.near_time, RemoteSettings(url=near.url, slots=near_slots, languages=("en", "de"))
        )
        self.backend = FallbackBackend(self.remote, self.local)
        self.running = crew.start(self._run())

    def _side(self, server, time, settings):
        return RemoteBackend(settings, sleep=time.sleep, clock=time.clock)

    async def _run(self):
        try:
            await self.backend.run(self.witness)
        except EngineFatal as fatal:
            return fatal

    async def hear(self, kind=Kind.FINAL):
        [hypothesis] = await self.backend.decode([DecodeRequest(kind=kind, language="en", pcm=SECOND)])
        return hypothesis.text

    async def fails(self, kind=Kind.FINAL):
        with pytest.raises(EngineError) as raised:
            await self.hear(kind)
        return raised.value


@asynccontextmanager
async def playing(*, far_models=200, near_models=200, wait=True, **slots):
    async with (
        serving(asr.says(FAR)) as far,
        serving(asr.says(NEAR)) as near,
        asyncio.timeout(GUARD_S),
        Crew() as crew,
    ):
        far.models, near.models = far_models, near_models
        stage = Stage(far, near, crew, **slots)
        if wait:
            await stage.witness.up.wait()
            await until(lambda: (stage.remote._up or far_models != 200) and (stage.local._up or near_models != 200))
        yield stage


async def until(condition):
    while not condition():  # noqa: ASYNC110 — states of parts have no event
        await asyncio.sleep(0.001)


def breaks(server):
    """Down for good: also when it is tried."""
    server.usually = asr.status(500)


async def lose_the_server(stage):
    breaks(stage.far)
    while stage.remote._up:
        assert await stage.hear() == NEAR


# Who decodes


async def test_the_server_decodes_while_it_is_there():
    async with playing() as stage:
        assert [await stage.hear() for _ in range(3)] == [FAR] * 3
        assert stage.near.uploads == []


async def test_what_the_server_fails_to_decode_is_decoded_here_and_so_is_all_the_rest():
    async with playing() as stage:
        breaks(stage.far)
        assert await stage.hear() == NEAR
        assert sum(stage.far_time.slept) < FALLBACK_AFTER_S
        assert [await stage.hear() for _ in range(3)] == [NEAR] * 3
        assert await stage.hear(Kind.PARTIAL) == NEAR
        assert len(stage.far.uploads) == TRIP_AFTER
        assert stage.witness.told == ["ready"]  # nobody noticed
        assert stage.backend.restarts == 1


async def test_the_server_gets_the_work_back_when_it_has_recovered():
    async with playing() as stage:
        await lose_the_server(stage)
        stage.far.usually = asr.says(FAR)
        stage.far_time.gate.set()
        await until(lambda: stage.remote._up)
        assert await stage.hear() == FAR


async def test_a_partial_that_the_server_fails_to_decode_is_given_up():
    async with playing() as stage:
        stage.far.then(asr.status(500))
        assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
        assert stage.near.uploads == []


async def test_while_the_server_is_busy_finals_are_decoded_here_and_nobody_waits():
    async with playing() as stage:
        stage.far.then(asr.status(429, Retry_After="7"))
        assert [await stage.hear() for _ in range(3)] == [NEAR] * 3
        assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
        assert (len(stage.far.uploads), stage.far_time.slept) == (1, [])
        stage.far_time.now += 7
        assert await stage.hear() == FAR


async def test_a_server_that_takes_too_long_is_not_waited_for():
    async with playing() as stage:
        stage.far.usually = asr.takes(stage.far_time, FALLBACK_AFTER_S, asr.status(504))
        assert await stage.hear() == NEAR
        assert (len(stage.far.uploads), stage.far_time.slept) == (1, [])


async def test_while_there_is_nobody_to_fall_back_on_the_server_is_waited_for_with_patience():
    async with playing(near_models=401) as stage:
        stage.far.then(asr.status(429))
        assert await stage.hear() == FAR
        assert stage.far_time.slept == [5.0]


async def test_while_the_local_model_is_alone_no_more_is_taken_than_it_decodes():
    async with playing() as stage:
        assert stage.backend.slots == 8
        await lose_the_server(stage)
        assert stage.backend.slots == 2
        stage.far.usually = asr.says(FAR)
        stage.far_time.gate.set()
        await until(lambda: stage.remote._up)
        assert stage.backend.slots == 8


async def test_audio_that_the_server_refuses_is_decoded_here():
    async with playing() as stage:
        stage.far.then(asr.status(413))
        assert [await stage.hear(), await stage.hear()] == [NEAR, FAR]


async def test_a_refused_key_is_said_once_and_the_rest_is_decoded_here(caplog):
    async with playing() as stage:
        stage.far.usually = asr.status(401)
        assert [await stage.hear() for _ in range(3)] == [NEAR] * 3
        await until(lambda: caplog.records)
        assert len(stage.far.uploads) == 1
        assert not stage.running.done()
        assert stage.witness.told == ["ready"]
    said = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert len(said) == 1
    assert "ROOMSCRIBE_ASR_API_KEY" in said[0]
    assert "the model on this machine does all the work" in said[0]


async def test_when_both_are_away_it_is_worth_another_try():
    async with playing() as stage:
        breaks(stage.far)
        breaks(stage.near)
        assert isinstance(await stage.fails(), EngineDied)
        assert isinstance(await stage.fails(), EngineDied)
        assert stage.witness.told == ["ready", "lost"]
        assert isinstance(await stage.fails(), EngineDied)

        stage.near.usually = asr.says(NEAR)
        stage.near_time.gate.set()
        stage.witness.up.clear()
        await stage.witness.up.wait()
        assert await stage.hear() == NEAR
        assert (stage.witness.told, stage.backend.restarts) == (["ready", "lost", "ready"], 2)


async def test_a_final_whose_server_refuses_us_waits_for_the_local_model_to_come_back():
    async with playing() as stage:
        breaks(stage.near)
        stage.far.then(asr.status(413), asr.status(401))
        await stage.fails()  # only the server is left

        assert isinstance(await stage.fails(), EngineDied)
        assert stage.witness.told == ["ready", "lost"]


# The start


async def test_the_languages_are_those_of_the_local_model():
    async with playing() as stage:
        assert stage.witness.languages == ("en", "de")


async def test_a_server_that_is_away_at_the_start_holds_nobody_up():
    async with playing(far_models=503) as stage:
        assert await stage.hear() == NEAR
        assert stage.far.uploads == []


async def test_it_is_not_ready_before_the_local_model_has_told_its_languages():
    async with playing(near_models=503, wait=False) as stage:
        await until(lambda: stage.remote._up and stage.near.looks > TRIP_AFTER)
        assert stage.witness.told == []

        stage.near.models = 200
        stage.near_time.gate.set()
        await stage.witness.up.wait()
        assert stage.witness.languages == ("en", "de")


async def test_a_wrong_key_at_the_start_leaves_the_local_model():
    async with playing(far_models=401) as stage:
        assert await stage.hear() == NEAR
        assert not stage.running.done()


async def test_without_a_local_model_the_server_and_its_languages_remain(caplog):
    async with playing(near_models=401) as stage:
        assert await stage.hear() == FAR
        assert len(stage.witness.languages) > 90
        assert "there is no fallback while the recognition server is away" in caplog.text


async def test_when_neither_can_ever_be_had_the_reasons_of_both_are_told():
    async with playing(far_models=deque([401]), near_models=deque([301]), wait=False) as stage:
        fatal = str(await stage.running)
        assert "ROOMSCRIBE_ASR_API_KEY" in fatal
        assert "Nor can the fallback be used" in fatal
        assert "it has moved" in fatal
        assert stage.witness.told == []


# Turns


@pytest.mark.parametrize(("slots", "near_slots"), [(8, 2), (2, 8)])
async def test_neither_side_has_more_requests_at_once_than_it_takes(slots, near_slots):
    gate = asyncio.Event()
    async with playing(slots=slots, near_slots=near_slots) as stage:
        assert (stage.backend.slots, stage.backend.max_batch) == (8, 1)
        for server, answer in ((stage.far, asr.says(FAR)), (stage.near, asr.says(NEAR))):
            server.usually = asr.waits_for(gate, answer)
        for server, turns in ((stage.far, slots), (stage.near, near_slots)):
            gate.clear()
            asked = [stage.crew.start(stage.hear()) for _ in range(8)]
            await until(lambda server=server, turns=turns: server.busy == turns)
            gate.set()
            assert len({await each for each in asked}) == 1
            stage.far.then(*[asr.status(401)])
            await stage.hear()  # from here on, the other one
        assert (stage.far.busiest, stage.near.busiest) == (slots, near_slots)


async def test_partials_do_not_stand_in_line_for_the_local_model():
    gate = asyncio.Event()
    async with playing(far_models=401, near_slots=1) as stage:
        stage.near.then(asr.waits_for(gate, asr.says(NEAR)))
        final = stage.crew.start(stage.hear())
        await stage.near.asked.wait()
        assert isinstance(await stage.fails(Kind.PARTIAL), EngineDied)
        waiting = stage.crew.start(stage.hear())
        gate.set()
        assert [await final, await waiting, await stage.hear(Kind.PARTIAL)] == [NEAR] * 3


async def test_a_cancelled_request_gives_its_turn_back():
    async with playing(far_models=401, near_slots=1) as stage:
        stage.near.then(asr.hang)
        first = stage.crew.start(stage.hear())
        await stage.near.asked.wait()
        second = stage.crew.start(stage.hear())
        await asyncio.sleep(0)
        for each in (second, first):
            each.cancel()
        await asyncio.wait([first, second])
        assert await stage.hear() == NEAR


# With the model


@pytest.mark.model
async def test_speech_is_turned_into_words_on_this_machine_while_the_server_is_down(engine_settings):
    async with serving(asr.status(500)) as far, asyncio.timeout(GUARD_S), Crew() as crew:
        remote, time = RemoteSettings(url=far.url, fallback=True), Gated()
        local = LocalBackend(engine_settings)
        engine = Engine(FallbackBackend(RemoteBackend(remote, sleep=time.sleep, clock=time.clock), local))
        crew.start(engine.run())
        await engine.wait_ready()
        assert (engine.languages, engine.pid) == (("en",), local.pid)
        pcm = downsampled("austen-0930")
        for _ in range(2):  # the first one still finds out, the second one loses the server
            job = Job(kind=Kind.FINAL, speaker="ada", language="en", due=0.0, cut=lambda: pcm)
            assert (await engine.transcribe(job)).text == "He might even have been made amiable himself."
        assert engine.restarts == 1
