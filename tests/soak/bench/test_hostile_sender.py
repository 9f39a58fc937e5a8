"""The attacker sends what is drawn, and survives whatever the service does."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web

from soak.bench.hostile import FLOOD_SHARE, ROUND
from soak.bench.hostile_attack import TRANSCRIBE
from soak.bench.hostile_connection import LOOPBACK
from soak.bench.hostile_sender import GIVEN_UP, Attacker, Options
from soak.service.process import free_port

from .hostile_aim import AIM, APP_SECRET, SECRET


def options(port, **more):
    given = {"seed": 1, "parallel": 8, "slow": 2, "secrets": (SECRET, APP_SECRET), "paths": ("/a/place",)}
    return Options(port=port, aim=AIM, **(given | more))


@asynccontextmanager
async def service(handler):
    """Answers every request that can be read with what `handler` makes of it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def refuse(_):
    return web.Response(status=401, headers={"Connection": "close"})


def test_options_survive_the_way_to_the_other_process():
    given = options(1234)
    assert Options.read(given.write().encode()) == given
    assert SECRET not in repr(given)


async def test_of_a_service_that_refuses_everything_nothing_is_found():
    async with service(refuse) as port:
        told = await Attacker(options(port)).send(ROUND)

    assert told["requests"] == ROUND
    assert {name: told[name] for name in ("granted", "unexpected_5xx", "leaked_secret", "not_connected")} == {
        "granted": 0, "unexpected_5xx": 0, "leaked_secret": 0, "not_connected": 0,
    }  # fmt: skip
    assert told["statuses"]["401"] > ROUND / 3


async def test_a_service_that_fails_grants_and_talks_is_found_out():
    async def answer(request):
        if request.path == TRANSCRIBE:
            return web.Response(text=f"done, {SECRET}", headers={"Connection": "close"})
        return web.Response(status=500, text='File "/a/place/x.py", line 3', headers={"Connection": "close"})

    async with service(answer) as port:
        told = await Attacker(options(port)).send(ROUND)

    assert all(told[name] for name in ("granted", "unexpected_5xx", "leaked_secret", "leaked_path", "leaked_traceback"))
    assert SECRET not in json.dumps(told)


async def test_rooms_that_were_opened_are_given_back():
    given_back = []

    async def answer(request):
        fields = json.loads(await request.text()) if request.can_read_body else {}
        if fields.get("enable") is False:
            given_back.append(fields["roomToken"])
        return web.json_response({}, status=200 if fields.get("enable") else 401, headers={"Connection": "close"})

    async with service(answer) as port:
        attacker = Attacker(options(port, slow=0))
        told = await attacker.send(ROUND)

    assert told["rooms_opened"] >= FLOOD_SHARE
    assert len(given_back) >= told["rooms_opened"]


async def test_slow_callers_are_there_all_the_time_and_come_again_when_they_are_cut_off():
    came = asyncio.Semaphore(0)

    async def cut_off(reader, writer):
        came.release()
        writer.close()

    async with await asyncio.start_server(cut_off, LOOPBACK, 0) as listening:
        told = await Attacker(options(listening.sockets[0].getsockname()[1], slow=3)).send(ROUND)
    assert told["slow_dropped"] >= 3


async def test_once_nobody_listens_any_more_it_gives_up():
    told = await Attacker(options(free_port())).send(20 * ROUND)
    assert GIVEN_UP <= told["not_connected"] == told["requests"] < GIVEN_UP + 8
