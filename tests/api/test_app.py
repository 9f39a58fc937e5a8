"""The API as a chat server calls it: over HTTP, against a running product."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from dataclasses import replace

import aiohttp
import pytest

from api import HttpSettings, Settings, running
from bot import LOOPBACK, AdmissionSettings, RoomSettings, SignalingSettings
from signaling import InternalCredentials, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings

pytestmark = pytest.mark.model

SECRET, BACKEND = "the internal secret of the test server", "http://chat.test"
SET_LANGUAGE = "/api/v1/call/set-language"
TALK = {"roomToken": "abc123", "ncSessionId": "nc-1", "enable": True}


class Api:
    """An HTTP client of the running product. `retry_after` is what the last answer said of it."""

    def __init__(self, service, http):
        self.service = service
        self.retry_after = None
        self._http = http

    async def post(self, body, path="/api/v1/call/transcribe", **headers):
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        url = f"{self.service.url}{path}"
        headers = {"Content-Type": "application/json", **headers}
        async with self._http.post(url, data=data, headers=headers) as response:
            self.retry_after = response.headers.get("Retry-After")
            return response.status, await response.json()

    async def get(self, path, **headers):
        async with self._http.get(f"{self.service.url}{path}", headers=headers) as response:
            return response.status, await response.text()


@pytest.fixture
def open_api(engine_settings):
    """`async with open_api(...) as api`; the model is loaded unless `wait=False`."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def opened(*, http_secret="", hpb_url=None, wait=True, engine=engine_settings, **admission):
        async with (
            EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as server,
            aiohttp.ClientSession() as http,
        ):
            rooms = RoomSettings(
                signaling=SignalingSettings(
                    url=signaling_url(hpb_url or server.url),
                    credentials=InternalCredentials(secret=SECRET, backend=BACKEND),
                ),
                addresses=LOOPBACK,
                admission=AdmissionSettings(**admission),
            )
            settings = Settings(http=HttpSettings(port=0, secret=http_secret), rooms=rooms, engine=engine)
            async with running(settings) as service:
                if wait:
                    await service.supervisor.engine.wait_ready()
                yield Api(service, http)

    return opened


async def test_enabling_and_disabling_answer_as_talk_expects(open_api):
    async with open_api() as api:
        expected = {"message": "Transcription or translation request processed successfully."}

        assert await api.post(TALK) == (200, expected)
        assert await api.post({**TALK, "langId": "en"}) == (200, expected)
        assert await api.post({**TALK, "enable": False}) == (200, expected)
        assert await api.post({**TALK, "roomToken": "unknown", "enable": False}) == (200, expected)


async def test_the_language_of_a_call_is_set_as_talk_expects(open_api):
    async with open_api() as api:
        await api.post(TALK)
        wanted = {"roomToken": TALK["roomToken"], "langId": "en_GB"}

        answers = [
            await api.post(body, SET_LANGUAGE)
            for body in (wanted, {**wanted, "roomToken": "unknown"}, {**wanted, "langId": "de"}, {"langId": "en"})
        ]

        assert answers[0] == (200, {"message": "Language set successfully for the call"})
        assert [status for status, _ in answers[1:]] == [404, 400, 422]
        assert "langId" in answers[2][1]["error"]
        assert "roomToken" in answers[3][1]["error"]


async def test_the_answer_does_not_wait_for_the_signaling_server(open_api):
    async with open_api(hpb_url="http://127.0.0.1:9") as api:
        began = time.perf_counter()
        status, _ = await api.post(TALK)

        assert status == 200
        assert time.perf_counter() - began < 1.0  # the promise is 200 ms on a quiet machine


async def test_while_the_model_is_being_loaded_the_chat_server_is_told_so(open_api):
    async with open_api(wait=False) as api:
        status, answer = await api.post(TALK)
        health, _ = await api.get("/healthz")

        assert (status, health) == (503, 503)
        assert "still being loaded" in answer["error"]
        assert (answer["status"], api.retry_after) == ("starting", "2")
        await api.service.supervisor.engine.wait_ready()
        assert (await api.post(TALK))[0] == 200


async def test_a_model_that_cannot_be_loaded_is_told_with_the_reason(open_api, engine_settings, tmp_path):
    engine = replace(engine_settings, model=replace(engine_settings.model, model=str(tmp_path)))
    async with open_api(wait=False, engine=engine) as api:
        async with asyncio.timeout(30):
            await api.service.supervisor.engine.failed.wait()
        status, answer = await api.post(TALK)

        assert (status, answer["status"], api.retry_after) == (503, "failed", None)
        assert "ROOMSCRIBE_MODEL" in answer["error"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{", 422, "body"),
        ({}, 422, "roomToken"),
        ({**TALK, "roomToken": "\ud800"}, 422, "roomToken"),
        ({**TALK, "ncSessionId": "line\nbreak"}, 422, "ncSessionId"),
        ({**TALK, "enable": "yes"}, 422, "enable"),
        ({**TALK, "langId": "xx"}, 400, "langId"),
        ({**TALK, "langId": "de"}, 400, "langId"),
        ({**TALK, "translationTargetLangId": "fr"}, 550, "translationTargetLangId"),
    ],
)
async def test_a_bad_request_is_answered_with_the_field(open_api, body, status, field):
    async with open_api() as api:
        got, answer = await api.post(body)

        assert got == status
        assert field in answer["error"]
        if status == 422 and field != "body":
            assert field in [entry["loc"][-1] for entry in answer["detail"]]
        assert not api.service.supervisor.rooms


async def test_a_body_that_is_too_large_is_refused(open_api):
    async with open_api() as api:
        status, answer = await api.post({**TALK, "roomToken": "x" * 100_000})

        assert status == 413
        assert answer["error"]


async def test_with_a_shared_secret_only_those_who_show_it_are_served(open_api):
    app_api = base64.b64encode(b"alice:hunter2").decode()
    async with open_api(http_secret="hunter2") as api:
        assert (await api.post(TALK))[0] == 401
        assert (await api.post(TALK, Authorization="Bearer wrong"))[0] == 401
        assert (await api.post(TALK, **{"AUTHORIZATION-APP-API": "not base64"}))[0] == 401
        assert (await api.get("/metrics"))[0] == 401
        assert (await api.get("/healthz"))[0] == 200
        assert (await api.post(TALK, Authorization="Bearer hunter2"))[0] == 200
        assert (await api.post(TALK, **{"AUTHORIZATION-APP-API": app_api}))[0] == 200


async def test_languages_carry_the_metadata_that_talk_reads(open_api):
    async with open_api() as api:
        _, body = await api.get("/api/v1/languages")

        assert json.loads(body) == {"en": {"name": "English", "metadata": {"separator": " ", "rtl": False}}}


async def test_metrics_follow_the_conventions_and_name_no_room(open_api):
    async with open_api() as api:
        await api.post(TALK)
        _, body = await api.get("/metrics")

        assert "roomscribe_rooms 1.0" in body
        assert "roomscribe_targets 1.0" in body
        assert "roomscribe_audio_seconds_total" in body
        assert "roomscribe_build_info{" in body
        for process in ("main", "engine"):
            (memory,) = re.findall(rf'roomscribe_memory_rss_bytes{{process="{process}"}} (\S+)', body)
            assert float(memory) > 20e6
        assert 'roomscribe_queue_capacity{queue="engine_finals"}' in body
        assert 'roomscribe_hallucination_suppressed_total{rule="no_speech"} 0.0' in body
        assert 'roomscribe_overload_climbed_total{step="shed"} 0.0' in body
        assert "roomscribe_overload_step 0.0" in body
        assert TALK["roomToken"] not in body
        names = [line.split()[2] for line in body.splitlines() if line.startswith("# TYPE")]
        assert names
        assert all(name.startswith("roomscribe_") for name in names)
        assert len(set(names)) == len(names)


async def test_health_is_ok_when_captions_can_be_made(open_api):
    async with open_api() as api:
        status, body = await api.get("/healthz")

        assert status == 200
        assert json.loads(body) == {"status": "ok", "model": "ready", "rooms": 0}


async def test_a_room_too_many_is_told_to_come_later_and_readers_of_the_others_come_in(open_api):
    async with open_api(max_rooms=1) as api:
        await api.post(TALK)

        status, answer = await api.post({**TALK, "roomToken": "another"})

        assert (status, answer["status"], api.retry_after) == (503, "full", "60")
        assert "1 rooms are being served, and ROOMSCRIBE_MAX_ROOMS is 1" in answer["error"]
        assert (await api.post({**TALK, "ncSessionId": "nc-2"}))[0] == 200
        assert (await api.post({**TALK, "roomToken": "another", "enable": False}))[0] == 200


async def test_a_reader_too_many_is_no_matter_of_the_process(open_api, monkeypatch):
    monkeypatch.setattr("bot.targets.MAX_TARGETS", 1)
    async with open_api() as api:
        await api.post(TALK)

        assert (await api.post({**TALK, "ncSessionId": "nc-2"}))[0] == 429
        assert api.retry_after == "60"


async def test_while_the_process_is_full_it_is_healthy_and_not_ready(open_api):
    async with open_api(max_rooms=1) as api:
        assert await api.get("/readyz") == await api.get("/healthz")
        await api.post(TALK)

        status, body = await api.get("/readyz")

        assert status == 503
        assert json.loads(body) == {
            "error": "1 rooms are being served, and ROOMSCRIBE_MAX_ROOMS is 1",
            "status": "full",
            "full": ["rooms"],
            "model": "ready",
            "rooms": 1,
        }
        assert (await api.get("/healthz"))[0] == 200
        bot = api.service.supervisor.rooms[TALK["roomToken"]]
        bot.stop("told to")
        await bot.gone.wait()
        assert (await api.get("/readyz"))[0] == 200


async def test_a_process_without_a_model_is_not_ready_either(open_api):
    async with open_api(wait=False) as api:
        status, body = await api.get("/readyz")

        assert (status, json.loads(body)["status"]) == (503, "starting")
        await api.service.supervisor.engine.wait_ready()


async def test_what_is_used_up_and_what_was_refused_is_measured(open_api):
    async with open_api(max_rooms=1, max_total_speakers=7, memory_limit_mb=1) as api:
        refused, _ = await api.post(TALK)
        ready, body = await api.get("/readyz")
        _, metrics = await api.get("/metrics")

        assert (refused, ready) == (503, 503)
        assert "ROOMSCRIBE_MEMORY_LIMIT_MB is 1" in json.loads(body)["error"]
        for line in (
            'roomscribe_full{reason="rooms"} 0.0',
            'roomscribe_full{reason="speakers"} 0.0',
            'roomscribe_full{reason="memory"} 1.0',
            "roomscribe_speakers_limit 7.0",
            "roomscribe_memory_limit_bytes 1e+06",
            'roomscribe_admission_refused_total{what="room"} 1.0',
            'roomscribe_admission_refused_total{what="speaker"} 0.0',
        ):
            assert line in metrics


async def test_the_receive_path_and_what_it_does_is_measured(open_api):
    async with open_api() as api:
        _, metrics = await api.get("/metrics")

        assert re.search(r'roomscribe_receive_path_info\{decoder="libopus [\d.]+",path="rtp"\} 1.0', metrics)
        for line in (
            'roomscribe_rtp_packets_total{kind="lost"} 0.0',
            'roomscribe_opus_seconds_total{kind="recovered"} 0.0',
            'roomscribe_queue_capacity{queue="speaker_packets"} 150.0',
            "roomscribe_jitter_holdback_seconds 0.0",
            "roomscribe_gates_open 0.0",
        ):
            assert line in metrics


async def test_unknown_paths_and_methods_are_answered_in_json(open_api):
    async with open_api() as api:
        assert (await api.get("/nowhere"))[0] == 404
        status, body = await api.get("/api/v1/call/transcribe")
        assert status == 405
        assert json.loads(body)["error"]


async def test_a_crowd_of_requests_for_one_room_makes_one_bot(open_api):
    async with open_api() as api:
        answers = await asyncio.gather(*(api.post({**TALK, "ncSessionId": f"nc-{n}"}) for n in range(30)))

        assert {status for status, _ in answers} == {200}
        assert len(api.service.supervisor.rooms) == 1
        assert api.service.supervisor.rooms["abc123"].targets == 30
