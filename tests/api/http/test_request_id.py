"""Each request has an id, in its answer and on the lines of the log about it."""

from __future__ import annotations

import contextlib
import logging
import re

import aiohttp
import pytest
from aiohttp import web
from structlog.contextvars import get_contextvars

from api.http.request_id import HEADER, request_id, request_ids
from bot.log_context import about_room

FRESH = re.compile(r"[0-9a-f]{16}")


@contextlib.asynccontextmanager
async def serving(seen):
    """A server with one middleware; what is known of each request while it is handled goes into `seen`."""

    async def room(request):
        seen.append(get_contextvars())
        about_room(request.match_info["token"])
        return web.json_response({})

    async def refused(_):
        raise web.HTTPForbidden

    app = web.Application(middlewares=[request_ids])
    app.router.add_get("/rooms/{token}", room)
    app.router.add_get("/refused", refused)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield http
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("name", ["AA-REQUEST-ID", "X-Request-ID"])
async def test_the_callers_id_is_kept_and_echoed(name):
    seen = []
    async with serving(seen) as http, http.get("/rooms/abc", headers={name: "call.7_of-Talk"}) as answer:
        assert answer.headers[HEADER] == "call.7_of-Talk"
    assert seen == [{"request": "call.7_of-Talk"}]


def test_that_of_appapi_counts_first():
    assert request_id({"X-Request-ID": "other", "AA-REQUEST-ID": "appapi"}) == "appapi"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "{}", "ä", "../x", "a\x1b[2J"])
def test_an_id_that_is_not_fit_for_a_log_is_replaced(given):
    assert FRESH.fullmatch(request_id({HEADER: given}))


def test_no_two_requests_are_called_alike():
    assert len({request_id({}) for _ in range(100)}) == 100


@pytest.mark.parametrize("path", ["/refused", "/nowhere"])
async def test_a_refusal_has_its_id_too(path):
    async with serving([]) as http, http.get(path, headers={HEADER: "mine"}) as answer:
        assert answer.status in (403, 404)
        assert answer.headers[HEADER] == "mine"


async def test_requests_of_one_connection_know_nothing_of_each_other():
    seen = []
    async with serving(seen) as http:
        for name in ("first", "second"):
            async with http.get("/rooms/abc", headers={HEADER: name}) as answer:
                await answer.read()

    assert seen == [{"request": "first"}, {"request": "second"}], "without the room of the one before"


async def test_an_access_line_has_the_routes_template_and_not_the_path(caplog):
    caplog.set_level(logging.DEBUG, logger="roomscribe.api")
    async with serving([]) as http:
        for method, path in (("GET", "/rooms/secretroom"), ("GET", "/secretroom"), ("PROPFIND", "/refused")):
            async with http.request(method, path):
                pass

    lines = [re.sub(r"\d+\.\d ms", "… ms", record.getMessage()) for record in caplog.records]
    assert lines == [
        "GET /rooms/{token}: 200 in … ms",
        "GET other: 404 in … ms",
        "other other: 405 in … ms",
    ]


async def test_there_is_no_access_line_but_for_debugging(caplog):
    caplog.set_level(logging.INFO)
    async with serving([]) as http, http.get("/rooms/abc"):
        pass
    assert not [record for record in caplog.records if record.name.startswith("roomscribe")]
