"""What web pages in the operator's browser may not do, tried as a browser would send it. No model is needed."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from api import HttpSettings, create_app
from bot import RoomSettings, SignalingSettings, Supervisor
from signaling import InternalCredentials
from tests.api.raw import at_the_door

TRANSCRIBE = "/api/v1/call/transcribe"
OFF = {"roomToken": "abc123", "ncSessionId": "nc-1", "enable": False}
EVIL = "https://evil.example"


@pytest.fixture
def open_door(engine_settings):
    """`async with open_door(…) as door`: the whole application and a demo route, without a model."""

    @asynccontextmanager
    async def opened(*, secret="", host="127.0.0.1"):
        credentials = InternalCredentials(secret="x", backend="http://chat.test")
        rooms = RoomSettings(signaling=SignalingSettings(url="ws://127.0.0.1:9/spreed", credentials=credentials))
        http = HttpSettings(host=host, secrets=(secret,) if secret else ())
        app = create_app(Supervisor(rooms=rooms, engine=engine_settings), http)
        app.router.add_post("/demo/join", joined)
        async with at_the_door(app) as door:
            yield door

    return opened


async def joined(_):
    return web.json_response({"joined": True})


# The name by which it is called


@pytest.mark.parametrize(
    "host", ["localhost:{}", "LOCALHOST:{}", "127.0.0.1:{}", "[::1]:{}", "127.0.0.1", "127.9.9.9:80", "captions.lan:{}"]
)
async def test_it_answers_to_the_names_of_loopback_and_to_its_own(open_door, host):
    async with open_door(host="captions.lan") as door:
        status, _ = await door.post(TRANSCRIBE, OFF, Host=host.format(door.port))

        assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{}",
        "127.evil.example:{}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.7:{}",
        "[::2]:{}",
        "[::1",
        "",
        ":{}",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/v1/languages"])
async def test_a_foreign_name_that_points_at_loopback_is_refused(open_door, host, path):
    async with open_door() as door:
        host = host if isinstance(host, bytes) else host.format(door.port)
        status, answer = await door.get(path, Host=host)

        assert status in (400, 403)  # 400: what is no host at all does not even get past the parser
        if status == 403:
            assert "Host" in answer["error"]
            assert "ROOMSCRIBE_HTTP_SECRET" in answer["error"]


async def test_a_caller_too_old_to_name_a_host_is_no_browser(open_door):
    async with open_door() as door:
        status, _ = await door.ask("GET", "/api/v1/languages", {"Host": None}, version="HTTP/1.0")

        assert status == 200


async def test_with_a_secret_it_may_be_called_by_any_name(open_door):
    async with open_door(secret="hunter2") as door:
        named = {"Host": "captions.example.org", "Authorization": "Bearer hunter2"}

        assert (await door.post(TRANSCRIBE, OFF, **named))[0] == 200
        assert (await door.post("/demo/join", {}, Host="captions.example.org"))[0] == 200


# The page that sends


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", [TRANSCRIBE, "/demo/join"])
async def test_our_own_page_may_post(open_door, name, path):
    async with open_door() as door:
        place = f"{name}:{door.port}"
        status, _ = await door.post(path, OFF, Host=place, Origin=f"http://{place}")

        assert status == 200


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:{}",
        "https://127.0.0.1:{}",
        "",
        "http://127.0.0.1:{}.evil.example",
        "http://evil.example:{}",
        "http://127.0.0.1:nonsense",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("path", [TRANSCRIBE, "/demo/join"])
async def test_another_page_may_not(open_door, origin, path):
    async with open_door() as door:
        origin = origin if isinstance(origin, bytes) else origin.format(door.port)
        status, answer = await door.post(path, OFF, Origin=origin)

        assert status == 403
        assert "Origin" in answer["error"]


async def test_another_page_may_not_look_either(open_door):
    async with open_door() as door:
        assert (await door.get("/metrics", Origin=EVIL))[0] == 403
        assert (await door.get("/metrics"))[0] == 200


async def test_with_a_secret_only_what_is_open_asks_for_the_page_that_sends(open_door):
    async with open_door(secret="hunter2") as door:
        foreign = {"Host": "captions.example.org", "Origin": EVIL}
        own = {"Host": "captions.example.org", "Origin": "http://captions.example.org"}

        assert (await door.post("/demo/join", {}, **foreign))[0] == 403
        assert (await door.post("/demo/join", {}, **own))[0] == 200
        assert (await door.post(TRANSCRIBE, OFF, **foreign))[0] == 401
        assert (await door.post(TRANSCRIBE, OFF, **foreign, Authorization="Bearer hunter2"))[0] == 200


# What a page can send without asking first


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "json",
        "",
        None,
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("secret", ["", "hunter2"])
async def test_a_body_must_say_that_it_is_json(open_door, kind, secret):
    async with open_door(secret=secret) as door:
        for path in (TRANSCRIBE, "/demo/join"):
            status, answer = await door.post(path, OFF, **{"Content-Type": kind, "Authorization": f"Bearer {secret}"})

            assert status == 415
            assert "Content-Type" in answer["error"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"])
async def test_json_is_welcome_by_any_of_its_names(open_door, kind):
    async with open_door() as door:
        status, _ = await door.post(TRANSCRIBE, OFF, **{"Content-Type": kind})

        assert status == 200


async def test_a_request_without_a_body_need_not_say_what_it_is(open_door):
    async with open_door() as door:
        status, answer = await door.post(TRANSCRIBE, b"", **{"Content-Type": None})

        assert status == 422
        assert "JSON" in answer["error"]


async def test_who_shows_no_secret_learns_nothing_else(open_door):
    async with open_door(secret="hunter2") as door:
        status, _ = await door.post(TRANSCRIBE, OFF, **{"Content-Type": "text/plain"})

        assert status == 401
