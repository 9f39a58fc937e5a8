"""Whether the server is there: waited for at the start, left alone while it keeps failing, and let go at the end."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from pipeline import EngineFatal, Kind
from pipeline.errors import DecodeFailed, EngineDied
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import TRANSIENT_DELAYS_S, TRIP_AFTER, RemoteSettings
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness, serving
from tests.support.remote import GUARD_S, KEY, WORDS, asking, talking

# The start


@pytest.mark.parametrize("status", [200, 400, 404, 405])
async def test_a_server_that_answers_is_there_whether_it_lists_models_or_not(status):
    async with talking(models=status, languages=("de", "en")) as stage:
        assert (stage.witness.told, stage.witness.languages) == (["ready"], ("de", "en"))
        assert (stage.backend.pid, stage.backend.max_batch, stage.backend.slots) == (None, 1, 8)


@pytest.mark.parametrize(("status", "setting"), [(401, "API_KEY"), (403, "API_KEY"), (301, "URL")])
async def test_a_wrong_key_or_address_is_found_at_the_start(status, setting):
    async with talking(models=status, api_key=KEY) as stage:
        fatal = await stage.running
        assert isinstance(fatal, EngineFatal)
        assert "ROOMSCRIBE_ASR_URL" in str(fatal)
        assert f"ROOMSCRIBE_ASR_{setting}" in str(fatal)
        assert KEY not in str(fatal)
        assert stage.witness.told == []


async def test_a_server_that_is_not_there_yet_is_waited_for():
    async with talking(models=deque([503] * 7 + [429, 200])) as stage:
        assert stage.witness.told == ["ready"]
        assert stage.time.slept == [*TRANSIENT_DELAYS_S, 10.0, 20.0, 5.0]


async def test_a_machine_that_refuses_is_waited_for_and_its_address_stays_out_of_the_logs(caplog):
    async with serving(asr.says(WORDS)) as server:
        port, settings = server.port, RemoteSettings(url=server.url)
    time, witness = Time(), Witness()
    backend = RemoteBackend(settings, sleep=time.sleep, clock=time.clock)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(backend.run(witness))
        while not time.slept:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        async with serving(asr.says(WORDS), port=port):
            await witness.up.wait()
            [hypothesis] = await backend.decode([asking()])
    assert hypothesis.text == WORDS
    assert "ROOMSCRIBE_ASR_URL" in caplog.text
    assert "127.0.0.1" not in caplog.text


# The circuit


async def test_a_server_that_keeps_failing_is_left_alone_and_comes_back():
    async with talking(asr.status(500)) as stage:
        stage.server.then(*[asr.status(500)] * (TRIP_AFTER + 4), asr.says(""))

        assert isinstance(await stage.fails(), EngineDied)

        assert stage.witness.told == ["ready", "lost"]  # told before the one who waited
        assert isinstance(await stage.fails(), EngineDied)
        assert len(stage.server.uploads) <= TRIP_AFTER + 1  # nothing of ours goes out while it is open
        await stage.witness.up.wait()
        assert stage.witness.told == ["ready", "lost", "ready"]
        assert stage.time.slept == [0.0, 0.1, 1.0, 3.0, 10.0, 20.0, 40.0, 60.0, 60.0]
        assert stage.backend.restarts == 1
        assert not stage.server.uploads[-1].pcm.any()  # what tries is silence
        stage.server.usually = asr.says(WORDS)
        assert (await stage.hear()).text == WORDS


async def test_a_server_that_lives_but_refuses_to_transcribe_silence_is_back():
    async with talking() as stage:
        stage.server.then(*[asr.status(500)] * TRIP_AFTER, asr.status(400))
        assert isinstance(await stage.fails(), EngineDied)
        await stage.witness.up.wait()
        assert stage.time.slept[-1] == 10.0


async def test_a_key_that_was_withdrawn_meanwhile_is_the_end():
    async with talking() as stage:
        stage.server.then(*[asr.status(500)] * TRIP_AFTER, asr.status(401))
        assert isinstance(await stage.fails(), EngineDied)
        assert "ROOMSCRIBE_ASR_API_KEY" in str(await stage.running)


async def test_one_blip_that_hits_many_at_once_does_not_open_the_circuit():
    async with talking() as stage:
        stage.server.then(*[asr.reset_at_once] * 8)
        asked = [stage.crew.start(stage.fails(Kind.PARTIAL)) for _ in range(8)]
        assert [type(await each) for each in asked] == [DecodeFailed] * 8
        assert (stage.witness.told, stage.backend.restarts) == (["ready"], 0)


async def test_what_fails_for_many_again_and_again_opens_it_once():
    async with talking() as stage:
        stage.server.then(*[asr.reset_at_once] * 8 * TRIP_AFTER, asr.says(""))
        for _ in range(TRIP_AFTER):
            asked = [stage.crew.start(stage.fails(Kind.PARTIAL)) for _ in range(8)]
            assert [type(await each) for each in asked] == [DecodeFailed] * 8
        assert (stage.witness.told[:2], stage.backend.restarts) == (["ready", "lost"], 1)


# Its end


async def test_who_waits_when_it_is_stopped_is_told():
    async with talking(asr.hang) as stage:
        asked = stage.crew.start(stage.fails())
        await stage.server.asked.wait()
        stage.running.cancel()
        assert isinstance(await asked, EngineDied)


async def test_a_decode_that_is_cancelled_disturbs_nobody():
    async with talking() as stage:
        stage.server.then(asr.hang)
        asked = stage.crew.start(stage.hear())
        await stage.server.asked.wait()
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
        assert (await stage.hear()).text == WORDS
