"""What the doctor makes of the servers' answers: what is wrong is told apart, with what to do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from aiortc import RTCIceServer
from hypothesis import given
from hypothesis import strategies as st

from api.doctor.checks import (
    FAULTS,
    OBSTACLES,
    Servers,
    ask_chat_server,
    ask_ice_servers,
    check_clock,
    greet,
    judge_clock,
    judge_features,
    judge_ice_server,
    reach,
)
from api.doctor.findings import Status
from bot import ChatServerSettings, SignalingSettings
from bot.ice_check import Asked, Fault
from bot.ice_servers import PATH
from signaling import Greeting, InternalCredentials, Obstacle, signaling_url
from tests.signaling.callers import BACKEND, BOT, SECRET, free_port, scripted, serving

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GOOD = Greeting(version="2.0.2", features=("mcu", "incall-all", "switchto"))


def settings(url, *, secret=SECRET, backend=BACKEND):
    credentials = replace(BOT, secret=secret, backend=backend)
    assert isinstance(credentials, InternalCredentials)
    return SignalingSettings(url=signaling_url(url), credentials=credentials)


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@asynccontextmanager
async def web_server(answer):
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# The signaling server.


async def test_a_signaling_server_is_reached_and_takes_our_secret(http):
    async with serving(internal_secret="hush") as server:
        reached = await reach(http, settings(server.url))
        hello, greeting = await greet(http, settings(server.url, secret="hush"))

    assert reached.status is Status.OK
    assert greeting.version in reached.answer
    assert hello.status is Status.OK
    assert "hush" not in hello.answer


async def test_a_server_that_is_down_is_told_with_its_address_and_setting(http):
    url = f"http://127.0.0.1:{free_port()}"
    finding = await reach(http, settings(url))

    assert finding.status is Status.FAIL
    assert f"{url.replace('http', 'ws')}/spreed" in finding.answer
    assert "refused" in finding.answer
    assert "ROOMSCRIBE_HPB_URL" in finding.advice


async def test_a_path_that_is_wrong_is_told_as_it_was_tried(http):
    async with serving() as server:
        finding = await reach(http, settings(f"{server.url}/elsewhere"))

    assert finding.status is Status.FAIL
    assert "/elsewhere/spreed" in finding.answer
    assert "404" in finding.answer
    assert "path" in finding.advice


async def test_a_password_in_the_address_is_not_shown(http):
    finding = await reach(http, settings(f"http://me:hush@127.0.0.1:{free_port()}"))
    assert "hush" not in finding.answer


async def test_a_wrong_secret_is_tried_once_and_told_with_its_setting(http):
    hellos = []

    async def refuses(desk):
        hellos.append(await desk.hears())
        await desk.says({"id": "hello", "type": "error", "error": {"code": "invalid_token", "message": ""}})
        await desk.listens_on()

    async with scripted(refuses) as url:
        finding, greeting = await greet(http, settings(url, secret="not the secret"))

    assert (finding.status, greeting, len(hellos)) == (Status.FAIL, None, 1)
    assert "ROOMSCRIBE_HPB_SECRET" in finding.advice
    assert "not the secret" not in finding.answer + finding.advice


async def test_another_chat_server_than_the_signaling_server_serves_is_told_with_its_setting(http):
    async with serving() as server:
        finding, _ = await greet(http, settings(server.url, backend="http://other.test"))

    assert finding.status is Status.FAIL
    assert "ROOMSCRIBE_NEXTCLOUD_URL" in finding.advice


async def test_an_address_that_is_locked_out_is_told_to_wait(http):
    async def limits(desk):
        await desk.hears()
        await desk.says({"id": "hello", "type": "error", "error": {"code": "too_many_requests", "message": ""}})
        await desk.listens_on()

    async with scripted(limits) as url:
        finding, _ = await greet(http, settings(url))

    assert finding.status is Status.FAIL
    assert "half an hour" in finding.advice


def test_there_is_advice_for_whatever_is_in_the_way():
    assert set(OBSTACLES) == set(Obstacle)
    assert set(FAULTS) == set(Fault) - {Fault.UNUSABLE}


def test_a_server_with_a_media_server_is_told_with_its_version():
    finding = judge_features(GOOD)
    assert (finding.status, finding.answer) == (Status.OK, "version 2.0.2, with a media server")


def test_a_server_without_a_media_server_is_no_good():
    finding = judge_features(replace(GOOD, features=("incall-all",)))
    assert finding.status is Status.FAIL
    assert "`mcu`" in finding.answer


@pytest.mark.parametrize(
    "greeting",
    [replace(GOOD, features=("mcu",)), replace(GOOD, version="1.0.0"), replace(GOOD, version="v0.5")],
)
def test_a_server_that_lacks_something_lesser_is_a_warning(greeting):
    assert judge_features(greeting).status is Status.WARN


@pytest.mark.parametrize("version", ["", "master", "1.1.0", "2.0.2-2+b2.debian", "2.x"])
def test_a_version_that_cannot_be_compared_is_not_held_against_the_server(version):
    assert judge_features(replace(GOOD, version=version)).status is Status.OK


# The chat server, STUN and TURN.


async def test_without_its_secret_the_chat_server_is_not_asked(http):
    finding, servers = await ask_chat_server(http, ChatServerSettings(url="http://127.0.0.1:9"))

    assert finding.status is Status.SKIPPED
    assert "ROOMSCRIBE_APP_SECRET" in finding.answer
    assert servers == Servers()


async def test_a_chat_server_that_refuses_is_told_with_its_settings(http):
    async def refuses(_):
        return web.Response(status=401)

    async with web_server(refuses) as url:
        finding, servers = await ask_chat_server(http, ChatServerSettings(url=url, secret="hush"))

    assert finding.status is Status.FAIL
    assert "401" in finding.answer
    assert "ROOMSCRIBE_APP_SECRET" in finding.advice
    assert "hush" not in finding.answer + finding.advice
    assert servers.listed == ()


async def test_every_url_that_it_tells_is_known_and_which_would_be_used(http):
    urls = ["turn:a.test?transport=tcp", "turn:b.test?transport=udp"]

    async def answers(request):
        assert request.path == PATH
        turn = [{"urls": urls, "username": "u", "credential": "c"}]
        return web.json_response({"ocs": {"data": {"stunservers": [{"urls": ["stun:s.test"]}], "turnservers": turn}}})

    async with web_server(answers) as url:
        finding, servers = await ask_chat_server(http, ChatServerSettings(url=url, secret="hush"))

    assert (finding.status, finding.answer) == (Status.OK, "tells 3 STUN and TURN URLs")
    assert [each.urls for each in servers.listed] == ["stun:s.test", *urls]
    assert [each.urls for each in servers.chosen] == ["stun:s.test", urls[1]]


async def test_without_servers_media_must_come_the_direct_way_which_relay_forbids():
    (direct,) = await ask_ice_servers(Servers(), relay_only=False)
    (relay,) = await ask_ice_servers(Servers(), relay_only=True)

    assert (direct.status, relay.status) == (Status.WARN, Status.FAIL)
    assert "ROOMSCRIBE_ICE_POLICY" in relay.advice


async def test_each_url_is_a_finding_of_its_own():
    servers = Servers(listed=(RTCIceServer(urls="turn:"), RTCIceServer(urls="turns:x.test?transport=udp")))
    findings = await ask_ice_servers(servers, relay_only=False)
    assert [each.status for each in findings] == [Status.SKIPPED, Status.SKIPPED]


def test_a_server_that_answers_is_told_by_the_kind_of_its_address_and_the_time():
    finding = judge_ice_server(Asked(url="turn:t.test", took_s=0.123, sees="public"), chosen=True)
    assert finding.status is Status.OK
    assert finding.answer == "turn:t.test (the one in use) relays from a public address, 0.12 s"


@pytest.mark.parametrize(("chosen", "status"), [(True, Status.FAIL), (False, Status.WARN)])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_server_that_does_not_work_is_a_failure_only_where_media_would_use_it(fault, chosen, status):
    finding = judge_ice_server(Asked(url="turn:t.test", took_s=5.0, fault=fault, reason="why"), chosen=chosen)
    assert finding.status is status
    assert "why" in finding.answer
    assert finding.advice


# The clock.


@pytest.mark.parametrize(
    ("ahead_s", "status", "word"),
    [
        (0, Status.OK, "within 1 s"),
        (-29, Status.OK, "within 29 s"),
        (90, Status.WARN, "ahead"),
        (-90, Status.WARN, "behind"),
    ],
)
def test_a_clock_that_is_off_is_a_warning(ahead_s, status, word):
    finding = judge_clock("Sat, 21 Nov 2026 12:00:00 GMT", NOON + timedelta(seconds=ahead_s))
    assert finding.status is status
    assert word in finding.answer


@given(date=st.text() | st.sampled_from(["Sat, 21 Nov 2026 12:00:00", "Sat, 99 Nov 2026 12:00:00 GMT"]))
def test_whatever_stands_for_a_date_is_no_reason_to_break(date):
    assert judge_clock(date, NOON).status in (Status.OK, Status.WARN, Status.SKIPPED)


async def test_the_chat_server_tells_its_time_whatever_it_answers(http):
    async def not_found(_):
        return web.Response(status=404)

    async with web_server(not_found) as url:
        finding = await check_clock(http, url)

    assert finding.status is Status.OK


async def test_without_an_answer_the_clock_is_not_compared(http, monkeypatch):
    assert (await check_clock(http, f"http://127.0.0.1:{free_port()}")).status is Status.SKIPPED

    monkeypatch.setattr("api.doctor.checks.DATE_S", 0.1)
    never = asyncio.Event()

    async def hesitates(_):
        await never.wait()

    async with web_server(hesitates) as url:
        assert (await check_clock(http, url)).status is Status.SKIPPED
        never.set()
