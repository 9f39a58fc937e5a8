"""What every request meets, whatever it asks for; and what the metrics say of it. Against a running product."""

from __future__ import annotations

import json
import re

import pytest

from api import HttpSettings
from tests.support.api import TALK, TRANSCRIBE, app_api_headers, app_api_settings

pytestmark = pytest.mark.model


async def test_a_body_that_is_too_large_is_refused(open_api):
    async with open_api() as api:
        status, answer = await api.post({**TALK, "roomToken": "x" * 100_000})

        assert status == 413
        assert "64 KiB" in answer["error"]


async def test_with_a_shared_secret_only_those_who_show_it_are_served(open_api):
    async with open_api(http=HttpSettings(secrets=("hunter2", "hunter3")), chat_server=app_api_settings()) as api:
        assert (await api.post(TALK))[0] == 401
        assert api.headers["WWW-Authenticate"] == "Bearer"
        assert (await api.post(TALK, Authorization="Bearer wrong"))[0] == 401
        assert (await api.get("/metrics"))[0] == 401
        for path in ("/healthz", "/heartbeat", "/openapi.json", "/reference", "/"):
            assert (await api.get(path))[0] == 200
        assert (await api.post(TALK, Authorization="Bearer hunter2"))[0] == 200
        assert (await api.post(TALK, Authorization="Bearer hunter3"))[0] == 200
        assert (await api.post(TALK, **app_api_headers()))[0] == 200


async def test_secrets_can_be_changed_while_captions_go_on(open_api):
    async with open_api(http=HttpSettings(secrets=("old",))) as api:
        await api.post(TALK, Authorization="Bearer old")
        bot = api.supervisor.rooms["abc123"]

        api.service.auth.replace(("old", "new"))
        assert (await api.post(TALK, Authorization="Bearer old"))[0] == 200
        api.service.auth.replace(("new",))
        assert (await api.post(TALK, Authorization="Bearer old"))[0] == 401
        assert (await api.post(TALK, Authorization="Bearer new"))[0] == 200

        assert api.supervisor.rooms == {"abc123": bot}


async def test_a_caller_that_asks_too_often_is_told_when_to_come_again_and_holds_up_nobody_else(open_api):
    async with open_api(http=HttpSettings(secrets=("hunter2",), rate_limit=5.0)) as api:
        strangers = [(await api.get("/healthz"))[0] for _ in range(12)]
        assert strangers.count(429) >= 1
        assert api.retry_after == "1"

        assert (await api.post(TALK, Authorization="Bearer hunter2"))[0] == 200


async def test_every_answer_says_that_it_is_nothing_else_and_not_what_made_it(open_api):
    async with open_api(http=HttpSettings(secrets=("hunter2",))) as api:
        for path in ("/", "/reference", "/nowhere", "/healthz", "/pages/captions.css"):
            await api.get(path)
            assert api.headers["X-Content-Type-Options"] == "nosniff"
            assert api.headers["Server"] == "roomscribe"
            assert api.headers["X-Request-ID"]
            assert "Cache-Control" in api.headers
        for path in ("/", "/reference"):
            await api.get(path)
            assert "default-src 'none'" in api.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in api.headers["Content-Security-Policy"]


async def test_unknown_paths_and_methods_are_answered_in_json(open_api):
    async with open_api() as api:
        status, answer = await api.read("/nowhere")
        assert status == 404
        assert "openapi.json" in answer["error"]
        status, answer = await api.read(TRANSCRIBE)
        assert status == 405
        assert answer["error"]
        assert api.headers["Allow"] == "POST"


async def test_requests_and_refusals_are_counted_by_their_route(open_api):
    async with open_api(http=HttpSettings(secrets=("hunter2",))) as api:
        bearer = {"Authorization": "Bearer hunter2"}
        await api.get("/api/v1/rooms/abc123", **bearer)
        await api.get("/api/v1/rooms/abc123")
        await api.get("/a/path/of/ones/own", **bearer)
        _, body = await api.get("/metrics", **bearer)

        for line in (
            'roomscribe_http_requests_total{method="GET",route="/api/v1/rooms/{token}",status="404"} 1.0',
            'roomscribe_http_requests_total{method="GET",route="/api/v1/rooms/{token}",status="401"} 1.0',
            'roomscribe_http_requests_total{method="GET",route="other",status="404"} 1.0',
            'roomscribe_http_refused_total{reason="auth"} 1.0',
            "roomscribe_http_connections 1.0",
            "roomscribe_http_connections_limit 512.0",
            "roomscribe_http_callers 2.0",
        ):
            assert line in body


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
