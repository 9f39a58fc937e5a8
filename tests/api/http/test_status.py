"""How the product says that it is alive, ready, or not; and which rooms it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signaling import InternalCredentials
from tests.support.api import BACKEND, SECRET, TALK

pytestmark = pytest.mark.model

ALL_WELL = {"model": "ok", "signaling": "ok", "capacity": "ok", "enabled": "ok"}


async def until_reachable(api):
    """The signaling server has been asked."""
    while api.supervisor.signaling_problem is not None:
        await api.get("/readyz")


async def test_alive_is_whatever_answers(open_api):
    async with open_api(wait=False, hpb_url="http://127.0.0.1:9") as api:
        status, answer = await api.read("/healthz")

        assert status == 200
        assert answer["status"] == "ok"
        assert answer["version"] == "0.1.0"
        assert answer["uptimeSeconds"] >= 0.0


async def test_ready_is_who_can_caption_another_room(open_api):
    async with open_api() as api:
        await until_reachable(api)

        assert await api.read("/readyz") == (
            200,
            {"status": "ok", "model": "ready", "rooms": 0, "checks": ALL_WELL},
        )


async def test_while_the_model_is_loading_it_says_so(open_api):
    async with open_api(wait=False) as api:
        status, answer = await api.read("/readyz")

        assert (status, answer["status"], answer["model"]) == (503, "loading", "loading")
        assert api.retry_after == "2"
        await api.supervisor.engine.wait_ready()


async def test_a_signaling_server_that_cannot_be_reached_is_told_with_the_reason(open_api):
    async with open_api(hpb_url="http://127.0.0.1:9") as api:
        status, answer = await api.read("/readyz")
        while "not asked yet" in answer["error"]:
            status, answer = await api.read("/readyz")

        assert (status, answer["status"], answer["checks"]["signaling"]) == (503, "unreachable", "unreachable")
        assert "ROOMSCRIBE_HPB_URL" in answer["error"]
        assert "127.0.0.1" not in answer["error"]  # anybody may ask


async def test_all_reasons_are_told_at_once(open_api):
    async with open_api(hpb_url="http://127.0.0.1:9", memory_limit_mb=1) as api:
        await api.ask("PUT", "/enabled?enabled=0")
        _, answer = await api.read("/readyz")

        assert answer["checks"] == {
            "model": "ok",
            "signaling": "unreachable",
            "capacity": "full",
            "enabled": "disabled",
        }


async def test_while_the_process_is_full_it_is_alive_and_not_ready(open_api):
    async with open_api(max_rooms=1) as api:
        await until_reachable(api)
        await api.post(TALK)

        status, answer = await api.read("/readyz")

        assert status == 503
        assert answer == {
            "error": "1 rooms are being served, and ROOMSCRIBE_MAX_ROOMS is 1",
            "status": "full",
            "full": ["rooms"],
            "model": "ready",
            "rooms": 1,
            "checks": {**ALL_WELL, "capacity": "full"},
        }
        assert (await api.get("/healthz"))[0] == 200
        bot = api.supervisor.rooms[TALK["roomToken"]]
        bot.stop("told to")
        await bot.gone.wait()
        await until_reachable(api)
        assert (await api.get("/readyz"))[0] == 200


async def test_a_room_is_shown_without_a_word_or_a_name(open_api):
    async with open_api() as api:
        assert (await api.get("/api/v1/rooms/abc123"))[0] == 404
        await api.post({**TALK, "langId": "en_GB"})
        await api.supervisor.rooms["abc123"].joined.wait()

        status, room = await api.read("/api/v1/rooms/abc123")

        assert status == 200
        assert room.pop("sinceSeconds") >= 0.0
        assert len(room.pop("logId")) == 12
        assert room == {
            "roomToken": "abc123",
            "state": "joined",
            "connected": True,
            "language": "en_GB",
            "speakers": 0,
            "waiting": 0,
            "targets": 1,
            "translated": 0,
            "captions": 0,
            "dropped": 0,
            "latency": {"p50": None, "p95": None},
            "degradation": "none",
            "lastError": None,
        }


async def test_rooms_are_listed_the_oldest_first_and_no_more_than_can_be_read(open_api, monkeypatch):
    monkeypatch.setattr("api.http.status.MAX_LISTED", 2)
    async with open_api() as api:
        for n in range(3):
            await api.post({**TALK, "roomToken": f"room{n}"})

        _, answer = await api.read("/api/v1/rooms")

        assert [room["roomToken"] for room in answer["rooms"]] == ["room0", "room1"]
        assert answer["more"] == 1


async def test_a_room_that_failed_is_shown_with_the_reason_and_the_next_call_is_no_success(open_api, engine_settings):
    # D15: in an earlier bot, a dead client stayed in the map, and the next call was told that all was well
    async with open_api() as api:
        right = api.supervisor._settings
        wrong = InternalCredentials(secret="wrong", backend=BACKEND)
        api.supervisor._settings = replace(right, signaling=replace(right.signaling, credentials=wrong))
        await api.post(TALK)
        await api.supervisor.rooms["abc123"].gone.wait()

        status, room = await api.read("/api/v1/rooms/abc123")
        called, refusal = await api.post(TALK)
        _, ready = await api.read("/readyz")

        assert (status, room["state"]) == (200, "failed")
        assert "ROOMSCRIBE_HPB_SECRET" in room["lastError"]
        assert (called, refusal["status"]) == (503, "rejected")
        assert "ROOMSCRIBE_HPB_SECRET" in refusal["error"]
        assert ready["status"] == "rejected"
        assert SECRET not in str((room, refusal, ready))
