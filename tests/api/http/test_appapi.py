"""The life of an external app, as Nextcloud's AppAPI leads it. Nextcloud is a stand-in."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from bot import SecretRejected
from tests.support.api import TALK, app_api_headers, app_api_settings

pytestmark = pytest.mark.model

STATUS = "/ocs/v2.php/apps/app_api/ex-app/status"
OLD_STATUS = "/ocs/v1.php/apps/app_api/apps/status/live_transcription"


@asynccontextmanager
async def nextcloud(*, refuses=0, path=STATUS):
    """Its address, and what it is told. The first `refuses` reports are answered with 500."""
    told = asyncio.Queue()
    left = refuses

    async def status(request):
        nonlocal left
        if left:
            left -= 1
            return web.Response(status=500)
        await told.put((request.headers.copy(), await request.json()))
        return web.json_response({})

    app = web.Application()
    app.router.add_put(path, status)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", told
    finally:
        await runner.cleanup()


async def test_the_heartbeat_needs_no_secret_and_everything_else_does(open_api):
    async with open_api(chat_server=app_api_settings(), wait=False) as api:
        assert await api.read("/heartbeat") == (200, {"status": "ok"})
        for method, path in (
            ("POST", "/init"),
            ("GET", "/enabled"),
            ("PUT", "/enabled?enabled=1"),
            ("GET", "/capabilities"),
        ):
            assert (await api.ask(method, path))[0] == 401
            assert (await api.ask(method, path, headers=app_api_headers()))[0] == 200
        await api.supervisor.engine.wait_ready()


async def test_the_model_is_reported_once_it_is_loaded(open_api):
    async with nextcloud() as (url, told), open_api(chat_server=app_api_settings(url), wait=False) as api:
        assert await api.ask("POST", "/init", headers=app_api_headers()) == (200, "{}")

        async with asyncio.timeout(30):
            headers, report = await told.get()
        assert report == {"progress": 100, "error": ""}
        assert headers["AUTHORIZATION-APP-API"] == app_api_headers()["AUTHORIZATION-APP-API"]
        assert headers["EX-APP-ID"] == "live_transcription"


async def test_progress_is_reported_while_it_takes_long(open_api, monkeypatch):
    monkeypatch.setattr("api.http.appapi.REPORT_EACH_S", 0.01)
    async with nextcloud() as (url, told), open_api(chat_server=app_api_settings(url), wait=False) as api:
        await api.ask("POST", "/init", headers=app_api_headers())

        reports = []
        async with asyncio.timeout(30):
            while not reports or reports[-1]["progress"] < 100:
                reports.append((await told.get())[1])
        assert reports[0] == {"progress": 1, "error": ""}


async def test_a_model_that_cannot_be_had_is_reported_as_an_error(open_api, engine_settings, tmp_path):
    engine = replace(engine_settings, model=replace(engine_settings.model, model=str(tmp_path)))
    async with (
        nextcloud() as (url, told),
        open_api(chat_server=app_api_settings(url), engine=engine, wait=False) as api,
    ):
        await api.ask("POST", "/init", headers=app_api_headers())

        async with asyncio.timeout(30):
            report = (await told.get())[1]
        assert report["progress"] == 0
        assert "ROOMSCRIBE_MODEL" in report["error"]


async def test_a_report_that_nextcloud_does_not_take_is_tried_again(open_api):
    async with nextcloud(refuses=2) as (url, told), open_api(chat_server=app_api_settings(url)) as api:
        await api.ask("POST", "/init", headers=app_api_headers())

        async with asyncio.timeout(30):
            assert (await told.get())[1]["progress"] == 100


async def test_an_older_nextcloud_is_told_where_it_listens(open_api):
    async with nextcloud(path=OLD_STATUS) as (url, told), open_api(chat_server=app_api_settings(url)) as api:
        await api.ask("POST", "/init", headers=app_api_headers())

        async with asyncio.timeout(30):
            assert (await told.get())[1]["progress"] == 100


async def test_a_signaling_server_that_refuses_us_is_reported_as_an_error(open_api):
    async with nextcloud() as (url, told), open_api(chat_server=app_api_settings(url)) as api:
        api.supervisor.reject(SecretRejected("the secret is wrong: set ROOMSCRIBE_HPB_SECRET"))
        await api.ask("POST", "/init", headers=app_api_headers())

        async with asyncio.timeout(30):
            assert (await told.get())[1] == {"progress": 0, "error": "the secret is wrong: set ROOMSCRIBE_HPB_SECRET"}


async def test_a_newer_appapi_may_ask_for_more_and_nobody_for_the_same_twice(open_api):
    async with open_api(chat_server=app_api_settings(), wait=False) as api:
        headers = app_api_headers()
        assert (await api.ask("PUT", "/enabled?enabled=1&more=1", headers=headers))[0] == 200
        status, text = await api.ask("PUT", "/enabled?enabled=0&enabled=1", headers=headers)
        assert status == 422
        assert "enabled: is there more than once" in text
        await api.supervisor.engine.wait_ready()


async def test_disabling_stops_the_bots_that_run_and_takes_on_no_others(open_api):
    # D22: there, bots went on in a disabled app, and new ones came
    async with open_api() as api:
        await api.post(TALK)
        bot = api.supervisor.rooms["abc123"]

        assert await api.ask("PUT", "/enabled?enabled=0") == (200, '{"error": ""}')
        assert await api.read("/enabled") == (200, {"enabled": False})
        await bot.gone.wait()
        status, answer = await api.post(TALK)
        assert (status, answer["status"]) == (503, "disabled")
        assert (await api.post({**TALK, "enable": False}))[0] == 200

        await api.ask("PUT", "/enabled?enabled=1")
        assert (await api.post(TALK))[0] == 200


@pytest.mark.parametrize("query", ["", "?enabled=", "?enabled=2", "?enabled=yes", "?enabled=1&more=1"])
async def test_a_wrong_query_is_named(open_api, query):
    async with open_api(wait=False) as api:
        status, text = await api.ask("PUT", f"/enabled{query}")

        assert status == 422
        assert json.loads(text)["detail"][0]["loc"][0] == "query"
        await api.supervisor.engine.wait_ready()


async def test_capabilities_are_those_of_the_model_under_the_id_that_talk_looks_for(open_api):
    async with open_api() as api:
        entry = {"name": "English", "metadata": {"separator": " ", "rtl": False}}
        _, without = await api.read("/capabilities")
        api.supervisor.engine.languages = ("de", "en")
        api.supervisor.engine.translations = ("en",)

        _, found = await api.read("/capabilities")

        assert without == {
            "live_transcription": {
                "version": "1.0.0",
                "features": ["live_transcription"],
                "live_transcription": {"supported_languages": {"en": entry}},
            }
        }
        assert found["live_transcription"]["features"] == ["live_transcription", "live_translation"]
        translated = found["live_transcription"]["live_translation"]["supported_translation_languages"]
        assert list(translated["origin_languages"]) == ["de"]
        assert translated["target_languages"] == {"en": entry}
