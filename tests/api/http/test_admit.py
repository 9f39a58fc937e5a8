"""What happens before any handler: bodies in time and in bounds, callers known, and none too often."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from api.http import admit
from api.http.admit import CALLER
from api.http.auth import Auth
from api.http.limits import RateLimiter
from api.http.problems import problems
from tests.api.raw import at_the_door

SECRET = "hunter2"
BEARER = {"Authorization": f"Bearer {SECRET}"}
HEAD = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer hunter2\r\n"


@asynccontextmanager
async def hall(*, secret=SECRET, rate=1000.0):
    """The door, and why requests were refused."""
    refused = []

    async def echo(request):
        return web.json_response({"caller": request[CALLER], "length": len(await request.read())})

    auth = Auth(secrets=(secret,) if secret else ())
    gates = [problems, admit.admit(auth, RateLimiter(rate=rate), refused=refused.append)]
    app = web.Application(client_max_size=64 * 1024, middlewares=gates)
    app.router.add_post("/echo", echo)
    app.router.add_get("/healthz", echo)
    async with at_the_door(app) as door:
        yield door, refused


async def raw(door, sent, *, hang_up=False):
    """The status of the answer to some bytes; None where there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(sent.encode() if isinstance(sent, str) else sent)
    await writer.drain()
    if hang_up:
        writer.close()
        await writer.wait_closed()
        return None
    try:
        async with asyncio.timeout(10):
            line = await reader.readline()
    finally:
        writer.close()
    return int(line.split()[1]) if line else None


async def test_a_caller_is_known_to_the_handler():
    async with hall() as (door, refused):
        assert await door.post("/echo", {"a": 1}, **BEARER) == (200, {"caller": "secret 1", "length": 8})
        assert (await door.get("/healthz"))[1]["caller"] == ""
        assert refused == []


async def test_who_shows_no_secret_is_told_how_to():
    async with hall() as (door, refused):
        status, answer = await door.post("/echo", {})

        assert status == 401
        assert "ROOMSCRIBE_HTTP_SECRET" in answer["error"]
        assert refused == ["auth"]


async def test_without_a_secret_everybody_may_call():
    async with hall(secret="") as (door, _):
        assert (await door.post("/echo", {}))[0] == 200


@pytest.mark.parametrize("sent", ["", "0", '{"room'])
async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch, sent):
    monkeypatch.setattr(admit, "BODY_TIMEOUT_S", 0.05)
    async with hall() as (door, refused):
        assert await raw(door, f"{HEAD}Content-Length: 20\r\n\r\n{sent}") == 408
        assert refused == ["slow"]


async def test_a_chunked_body_may_be_no_longer_than_another():
    async with hall() as (door, refused):
        chunk = "x" * 0x8000
        body = f"8000\r\n{chunk}\r\n" * 3 + "0\r\n\r\n"

        assert await raw(door, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}") == 413
        assert refused == ["body"]


async def test_broken_chunks_are_the_callers_fault():
    async with hall() as (door, _):
        assert await raw(door, f"{HEAD}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n") == 400


async def test_who_hangs_up_in_the_middle_hurts_nobody():
    async with hall() as (door, _):
        await raw(door, f"{HEAD}Content-Length: 20\r\n\r\n{{", hang_up=True)

        assert (await door.post("/echo", {}, **BEARER))[0] == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
async def test_a_packed_body_is_not_unpacked(encoding):
    async with hall() as (door, refused):
        status, answer = await door.post("/echo", b"\x1f\x8b", **BEARER, **{"Content-Encoding": encoding})

        assert status in (400, 415)
        assert refused in ([], ["body"])
        assert "hunter2" not in json.dumps(answer)


async def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_not():
    async with hall(rate=1.0) as (door, refused):
        assert [(await door.post("/echo", {}))[0] for _ in range(3)] == [401, 401, 429]

        assert (await door.post("/echo", {}, **BEARER))[0] == 200
        assert refused == ["auth", "auth", "rate"]
