"""What the doctor makes of this machine: the model at work, and limits that are too low for what the settings admit."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import replace

import pytest

from api.doctor.findings import Status
from api.doctor.machine import (
    PROCESS_BYTES,
    SPARE_FILES,
    SPEAKER_BYTES,
    judge_decoding,
    judge_languages,
    judge_memory,
    judge_open_files,
    judge_processors,
    open_files_limit,
    processors_there_are,
    try_recognition,
)
from api.settings.load import MB, HttpSettings
from bot import AdmissionSettings
from pipeline import Engine, EngineSettings, ModelSettings
from pipeline.remote_policy import RemoteSettings
from tests.pipeline import asr_server as asr
from tests.pipeline.backend import FakeBackend

HTTP = HttpSettings(max_connections=512)
ADMISSION = AdmissionSettings(max_rooms=100, max_total_speakers=500, memory_limit_mb=1000)


def statuses(trial):
    return {each.check: each.status for each in trial.findings}


@pytest.mark.model
async def test_the_model_is_loaded_and_decodes_as_in_the_service(engine_settings):
    trial = await try_recognition(engine_settings)
    model, _, languages = trial.findings

    assert statuses(trial)["model"] is Status.OK
    assert statuses(trial)["decoding"] in (Status.OK, Status.WARN)  # a busy machine is slow
    assert "tiny.en" in model.answer
    assert trial.recogniser > 50 * MB
    assert f"{trial.recogniser / MB:.0f} MB" in model.answer
    assert languages.answer == "English"


async def test_a_model_that_is_nowhere_is_told_with_what_to_do(engine_settings, tmp_path):
    settings = replace(engine_settings, model=ModelSettings(model=str(tmp_path)))
    trial = await try_recognition(settings)
    model = trial.findings[0]

    assert statuses(trial) == {"model": Status.FAIL, "decoding": Status.SKIPPED, "languages": Status.SKIPPED}
    assert "model.bin" in model.answer
    assert "ROOMSCRIBE_MODEL" in model.advice
    assert trial.recogniser == 0


def elsewhere(engine_settings, server, **more):
    return replace(engine_settings, remote=RemoteSettings(url=server.url, fallback=False, **more))


async def test_a_recognition_server_is_asked_to_decode(engine_settings):
    async with asr.serving(asr.says("")) as server:
        trial = await try_recognition(elsewhere(engine_settings, server))

    assert statuses(trial)["recognition server"] is Status.OK
    assert statuses(trial)["decoding"] is Status.OK
    assert len(server.uploads) == 1
    assert trial.recogniser == 0


async def test_a_recognition_server_that_refuses_our_key_is_told_without_it(engine_settings):
    async with asr.serving(asr.says("")) as server:
        server.models = 401
        trial = await try_recognition(elsewhere(engine_settings, server, api_key="hush"))

    server_finding = trial.findings[0]
    assert server_finding.status is Status.FAIL
    assert "ROOMSCRIBE_ASR_API_KEY" in server_finding.answer + server_finding.advice
    assert "hush" not in repr(trial)


async def test_a_recognition_server_that_is_not_there_is_not_waited_for_for_ever(engine_settings, monkeypatch):
    monkeypatch.setattr("api.doctor.machine.SERVER_S", 0.2)
    async with asr.serving(asr.says("")) as server:
        server.models = 503
        trial = await try_recognition(elsewhere(engine_settings, server))

    assert trial.findings[0].status is Status.FAIL
    assert "ROOMSCRIBE_ASR_URL" in trial.findings[0].advice


async def test_a_recognition_server_that_cannot_decode_is_told(engine_settings):
    async with asr.serving(asr.status(400)) as server:
        trial = await try_recognition(elsewhere(engine_settings, server))

    assert statuses(trial)["decoding"] is Status.FAIL


# A recognition server, and the model on this machine for as long as it is away.


def with_fallback(engine_settings, server, **model):
    remote = RemoteSettings(url=server.url, fallback=True)
    return replace(engine_settings, remote=remote, model=replace(engine_settings.model, **model))


@pytest.mark.model
async def test_a_server_that_is_down_is_told_although_the_model_here_stands_in_for_it(engine_settings, monkeypatch):
    monkeypatch.setattr("api.doctor.machine.SERVER_S", 0.2)
    async with asr.serving(asr.says("")) as server:
        server.models = 503
        trial = await try_recognition(with_fallback(engine_settings, server))

    found = statuses(trial)
    assert list(found) == ["recognition server", "decoding there", "model", "decoding", "languages"]
    assert (found["recognition server"], found["decoding there"]) == (Status.FAIL, Status.SKIPPED)
    assert found["model"] is Status.OK
    assert trial.findings[-1].answer == "English"
    assert trial.recogniser > 50 * MB


async def test_a_model_that_is_nowhere_is_told_although_the_server_answers(engine_settings, tmp_path):
    async with asr.serving(asr.says("")) as server:
        trial = await try_recognition(with_fallback(engine_settings, server, model=str(tmp_path)))

    found = statuses(trial)
    assert (found["recognition server"], found["decoding there"]) == (Status.OK, Status.OK)
    assert (found["model"], found["languages"]) == (Status.FAIL, Status.SKIPPED)
    assert len(server.uploads) == 1


async def test_a_model_that_takes_long_to_load_is_not_held_against_the_server(engine_settings, monkeypatch, tmp_path):
    monkeypatch.setattr("api.doctor.machine.MODEL_S", 0.2)
    async with asr.serving(asr.says("")) as server, await deaf_hub() as hub:
        host, port = hub.sockets[0].getsockname()
        settings = with_fallback(engine_settings, server, model="base", cache_dir=str(tmp_path))
        trial = await try_recognition(replace(settings, environment={"HF_ENDPOINT": f"http://{host}:{port}"}))

    found = statuses(trial)
    assert (found["recognition server"], found["decoding there"]) == (Status.OK, Status.OK)
    assert found["model"] is Status.FAIL
    assert "ROOMSCRIBE_MODEL" in {each.check: each.advice for each in trial.findings}["model"]


async def deaf_hub():
    """Takes connections and says nothing, as a download that hangs."""
    return await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


async def engine_that_speaks(*codes, translations=()):
    backend = FakeBackend()
    backend.languages, backend.translations = codes, translations
    engine = Engine(backend)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(engine.run())
        await engine.wait_ready()
        serving.cancel()
    return engine


async def test_many_languages_are_counted_and_the_first_are_named():
    engine = await engine_that_speaks("en", "zh", "de", "es", "ru", "ko", "fr")
    assert judge_languages(engine).answer == "7, such as English, Chinese, German, Spanish, Russian"


async def test_what_the_model_translates_into_is_told():
    engine = await engine_that_speaks("en", "de", translations=("en",))
    assert judge_languages(engine).answer == "English, German; translates into English"


@pytest.mark.parametrize(("took_s", "status"), [(0.4, Status.OK), (20.0, Status.WARN)])
def test_a_decoder_that_is_too_slow_is_a_warning(took_s, status):
    assert judge_decoding(took_s).status is status


# Memory.


def memory(*, limit_mb, there_is_mb=4000, recogniser_mb=200, speakers=500):
    admission = replace(ADMISSION, memory_limit_mb=limit_mb, max_total_speakers=speakers)
    return judge_memory(admission, there_is=there_is_mb * MB, recogniser=recogniser_mb * MB)


def test_enough_memory_is_told_beside_what_there_is():
    finding = memory(limit_mb=3200)
    assert finding.status is Status.OK
    assert "3,200 of 4,000 MB" in finding.answer
    assert "331 MB" in finding.answer
    assert "all 500" in finding.answer


def test_a_limit_that_the_model_alone_uses_up_is_a_failure():
    assert memory(limit_mb=PROCESS_BYTES // MB + 200).status is Status.FAIL
    assert memory(limit_mb=100).status is Status.FAIL


def test_a_limit_without_room_for_the_speakers_of_the_settings_is_a_warning_that_counts_them():
    finding = memory(limit_mb=PROCESS_BYTES // MB + 200 + 100 * SPEAKER_BYTES // MB)
    assert finding.status is Status.WARN
    assert "ROOMSCRIBE_MAX_TOTAL_SPEAKERS (500)" in finding.advice


def test_a_limit_above_what_there_is_is_a_warning():
    assert memory(limit_mb=5000).status is Status.WARN


def test_memory_that_is_not_limited_is_not_judged():
    assert memory(limit_mb=None).status is Status.SKIPPED


# Open files, processors.


def test_the_open_files_that_settings_admit_are_counted():
    need = 500 * 3 + 100 + 512 + SPARE_FILES
    enough = judge_open_files(ADMISSION, HTTP, limit=need, sockets=3)
    short = judge_open_files(ADMISSION, HTTP, limit=need - 1, sockets=3)

    assert (enough.status, short.status) == (Status.OK, Status.WARN)
    assert f"{need:,}" in enough.answer
    assert "LimitNOFILE" in short.advice


def test_sockets_that_could_not_be_counted_are_two_a_speaker():
    assert f"{500 * 2 + 100 + 512 + SPARE_FILES:,}" in judge_open_files(ADMISSION, HTTP, limit=9999, sockets=0).answer


def test_the_limit_of_this_process_is_the_one_in_force():
    assert open_files_limit() in (resource.getrlimit(resource.RLIMIT_NOFILE)[0], 2**31)


def test_more_decoders_than_processors_are_a_warning():
    model = EngineSettings().model
    assert judge_processors(replace(model, workers=2, threads=2), processors=4, elsewhere=False).status is Status.OK
    assert judge_processors(replace(model, workers=3, threads=2), processors=4, elsewhere=False).status is Status.WARN


def test_decoders_elsewhere_take_no_processors_here():
    model = replace(EngineSettings().model, workers=64)
    assert judge_processors(model, processors=1, elsewhere=True).status is Status.OK
    assert judge_processors(replace(model, device="cuda"), processors=1, elsewhere=False).status is Status.OK


def test_there_is_a_processor():
    assert processors_there_are() >= 1
