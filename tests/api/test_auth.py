"""The shared secret, in whatever bytes it or its counterfeit comes."""

from __future__ import annotations

import base64

import pytest
from aiohttp import web

from api.auth import require_secret
from api.problems import problems
from tests.api.raw import at_the_door

SECRET = "hunter2 ünïcödé"


async def hello(_):
    return web.json_response({})


@pytest.fixture
async def door():
    app = web.Application(middlewares=[problems, require_secret(SECRET)])
    for path in ("/metrics", "/healthz", "/readyz", "/demo/config"):
        app.router.add_get(path, hello)
    async with at_the_door(app) as door:
        yield door


def app_api(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"bearer  {SECRET}"},
        {"AUTHORIZATION-APP-API": app_api(f"alice:{SECRET}")},
    ],
    ids=["bearer", "any case", "app api"],
)
async def test_who_shows_the_secret_comes_in(door, header):
    status, _ = await door.get("/metrics", **header)

    assert status == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": "Bearer hünter2"},
        {"AUTHORIZATION-APP-API": "not base64"},
        {"AUTHORIZATION-APP-API": b"\xff\xfe"},
        {"AUTHORIZATION-APP-API": "é"},
        {"AUTHORIZATION-APP-API": app_api(b"alice:\xff\xfe")},
        {"AUTHORIZATION-APP-API": app_api(SECRET)},
    ],
    ids=str,
)
async def test_whatever_else_is_shown_is_refused_plainly(door, header):
    status, answer = await door.get("/metrics", **header)

    assert status == 401
    assert "ROOMSCRIBE_HTTP_SECRET" in answer["error"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/demo/config"])
async def test_health_and_the_demo_need_no_secret(door, path):
    status, _ = await door.get(path)

    assert status == 200


async def test_a_secret_that_is_no_text_can_be_shown_too():
    # what `os.environ` makes of bytes that are not UTF-8, and what aiohttp makes of them in a header
    app = web.Application(middlewares=[problems, require_secret("hunter\udcff")])
    app.router.add_get("/metrics", hello)
    async with at_the_door(app) as door:
        assert (await door.get("/metrics", Authorization=b"Bearer hunter\xff"))[0] == 200
        assert (await door.get("/metrics", **{"AUTHORIZATION-APP-API": app_api(b"a:hunter\xff")}))[0] == 200
        assert (await door.get("/metrics", Authorization="Bearer hunter"))[0] == 401
