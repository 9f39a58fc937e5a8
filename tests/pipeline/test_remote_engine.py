"""The engine in front of a recognition server."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pipeline import EngineFatal, EngineState, Kind
from pipeline.errors import DecodeFailed
from pipeline.local import LocalBackend
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import TRIP_AFTER, RemoteSettings
from pipeline.scheduler import Job
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, serving
from tests.pipeline.backend import running
from tests.pipeline.voices import downsampled
from tests.support.remote import SECOND, WORDS, segments


def job(pcm=SECOND, *, kind=Kind.FINAL, speaker="ada", language="en"):
    return Job(kind=kind, speaker=speaker, language=language, due=0.0, cut=lambda: pcm)


async def test_a_final_goes_through_the_engine_although_the_server_is_away_for_a_while():
    async with serving(asr.says(WORDS)) as server:
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url), sleep=time.sleep, clock=time.clock)
        async with running(backend) as (engine, _):
            await engine.wait_ready()
            assert engine.languages[:2] == ("af", "am")
            server.then(*[asr.status(502)] * (TRIP_AFTER + 2), asr.says(""))
            assert (await engine.transcribe(job())).text == WORDS
            assert (engine.state, engine.restarts) == (EngineState.READY, 1)
            assert engine.decodes[Kind.FINAL] == 1


async def test_a_final_that_was_tried_in_vain_is_not_tried_all_over_again():
    async with serving(asr.status(429)) as server:
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url), sleep=time.sleep, clock=time.clock)
        async with running(backend) as (engine, _):
            await engine.wait_ready()
            with pytest.raises(DecodeFailed, match="status 429"):
                await engine.transcribe(job())
            assert (len(server.uploads), time.slept) == (4, [5.0, 10.0, 20.0])

            server.usually = asr.takes(time, 20.0, asr.status(504))
            with pytest.raises(DecodeFailed, match="status 504"):
                await engine.transcribe(job())
            assert len(server.uploads) == 4 + 2
            assert engine.restarts == 0


async def test_no_more_requests_are_out_at_once_than_there_are_slots():
    gate = asyncio.Event()
    async with serving(asr.waits_for(gate, asr.says(WORDS))) as server:
        async with running(RemoteBackend(RemoteSettings(url=server.url, slots=3))) as (engine, crew):
            asked = [crew.start(engine.transcribe(job(speaker=str(each)))) for each in range(9)]
            while server.busy < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            gate.set()
            assert [(await each).text for each in asked] == [WORDS] * 9
        assert server.busiest == 3


async def test_a_refused_key_fails_the_engine_and_tells_who_waits():
    async with (
        serving(asr.status(401)) as server,
        running(RemoteBackend(RemoteSettings(url=server.url))) as (engine, _),
    ):
        with pytest.raises(EngineFatal, match="ROOMSCRIBE_ASR_API_KEY"):
            await engine.transcribe(job())
        await engine.failed.wait()
        assert "ROOMSCRIBE_ASR_API_KEY" in engine.failure


@pytest.mark.model
async def test_true_words_come_back_from_a_server_with_a_true_model(engine_settings):
    local = LocalBackend(replace(engine_settings, model=replace(engine_settings.model, workers=1)))
    async with running(local) as (model, _):
        await model.wait_ready()

        async def decoded(server, request, upload):
            hypothesis = await model.transcribe(job(upload.pcm, speaker="the server", language="en"))
            numbers = segments({"avg_logprob": hypothesis.avg_logprob, "no_speech_prob": 0.0})
            return await asr.says(f" {hypothesis.text}", **numbers)(server, request, upload)

        async with (
            serving(decoded) as server,
            running(RemoteBackend(RemoteSettings(url=server.url))) as (engine, _),
        ):
            hypothesis = await engine.transcribe(job(downsampled("austen-0930")))
    assert hypothesis.text == "He might even have been made amiable himself."
    assert hypothesis.avg_logprob < 0
    assert hypothesis.decode_s > 0
