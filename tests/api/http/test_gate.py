"""Connections: how many, and how long they may take. On sockets, with a small application behind the gate."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import socket
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from api.http import gate
from api.http.gate import Gate, GatedSite, watched
from tests.support.open_files import no_more_files

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Hall:
    """A gate with an application behind it. `refused`: why connections were not taken or kept."""

    def __init__(self, limit):
        self.refused = []
        self.gate = Gate(limit=limit, refused=self.refused.append)
        self.address = None
        self.hold = asyncio.Event()
        self.hold.set()

    async def connect(self):
        if isinstance(self.address, str):
            return await asyncio.open_unix_connection(self.address)
        return await asyncio.open_connection(*self.address)

    async def answer(self, _):
        await self.hold.wait()
        return web.Response(text="here")


@asynccontextmanager
async def hall(limit=4, host="127.0.0.1"):
    built = Hall(limit)
    app = web.Application(middlewares=[watched])
    app.router.add_get("/", built.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await GatedSite(runner, gate=built.gate, host=host, port=0).start()
        built.address = runner.addresses[0] if isinstance(runner.addresses[0], str) else runner.addresses[0][:2]
        yield built
    finally:
        await runner.cleanup()
    assert len(built.gate) == 0


async def said(reader):
    async with asyncio.timeout(10):
        return await reader.read()


async def closed(*writers):
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 — the gate tells nobody
            await asyncio.sleep(0)


async def test_a_request_comes_through(tmp_path):
    for host in ("127.0.0.1", f"unix:{tmp_path / 'socket'}"):
        async with hall(host=host) as place:
            reader, writer = await place.connect()
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await closed(writer)


async def test_a_connection_too_many_is_told_to_come_later_and_others_are_not_hurt():
    async with hall(limit=4) as place:  # two for each address
        first, second = await place.connect(), await place.connect()
        await until(lambda: len(place.gate) == 2)

        third = await place.connect()

        answer = await said(third[0])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer
        assert answer.endswith(b'{"error": "too many connections"}\n')
        assert place.refused == ["connections"]
        first[1].write(REQUEST)
        assert (await first[0].readline()).startswith(b"HTTP/1.1 200")
        await closed(first[1], second[1], third[1])


async def test_the_refusal_is_as_long_as_it_says():
    head, _, body = gate.REFUSAL.partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head


async def test_a_place_is_free_again_once_its_connection_has_gone():
    async with hall(limit=2) as place:
        for _ in range(5):
            reader, writer = await place.connect()
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await closed(writer)
            await until(lambda: len(place.gate) == 0)

        assert place.refused == []


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow:"])
async def test_who_does_not_say_in_time_what_it_wants_is_hung_up_on(monkeypatch, sent):
    monkeypatch.setattr(gate, "HEAD_TIMEOUT_S", 0.05)
    async with hall() as place:
        reader, writer = await place.connect()
        writer.write(sent)

        with contextlib.suppress(ConnectionResetError):  # which is how an abort may be seen
            assert await said(reader) == b""

        assert place.refused == ["slow"]
        await until(lambda: len(place.gate) == 0)
        writer.close()


async def test_an_answer_may_take_as_long_as_it_takes_and_then_the_clock_runs_again(monkeypatch):
    monkeypatch.setattr(gate, "HEAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(gate, "IDLE_TIMEOUT_S", 0.05)
    async with hall() as place:
        place.hold.clear()
        reader, writer = await place.connect()
        writer.write(REQUEST)
        asyncio.get_running_loop().call_later(0.2, place.hold.set)

        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

        assert place.refused == []
        await until(lambda: place.refused == ["slow"])
        writer.close()


async def test_requests_on_one_connection_follow_each_other():
    async with hall() as place:
        reader, writer = await place.connect()
        writer.write(REQUEST * 3)
        for _ in range(3):
            async with asyncio.timeout(10):
                assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")
        await closed(writer)


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer topsecret\x00x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["garbage", "a NUL", "too long", "two lengths"],
)
async def test_what_is_no_http_is_refused_without_repeating_it(sent):
    async with hall() as place:
        reader, writer = await place.connect()
        writer.write(sent)

        answer = await said(reader)

        assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
        assert b'{"error": "this cannot be read as HTTP"}' in answer
        for told in (b"topsecret", b"Python", b"aiohttp", b"GARBAGE", b"yyy"):
            assert told not in answer
        await closed(writer)


def waiting(address):
    """Connected, as far as the kernel is concerned: the loop has had no turn yet."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    knocking = socket.socket(family)
    knocking.settimeout(1)  # to connect at once is all that is asked
    knocking.connect(address)
    knocking.sendall(REQUEST)
    knocking.setblocking(False)
    return knocking


@pytest.mark.parametrize("host", ["127.0.0.1", "unix:{}/socket"], ids=["an address", "a socket file"])
async def test_without_files_for_who_waits_it_is_tried_once_at_a_time_and_later_all_are_answered(
    tmp_path, monkeypatch, host
):
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.02)
    loop, failed = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: failed.append((loop.time(), context["exception"].errno)))
    async with hall(limit=200, host=host.format(tmp_path)) as place, contextlib.AsyncExitStack() as sockets:
        crowd = [sockets.enter_context(waiting(place.address)) for _ in range(60)]
        with no_more_files():
            await until(lambda: len(failed) >= 4)

        times, errors = zip(*failed, strict=True)
        assert set(errors) == {errno.EMFILE}
        assert min(later - sooner for sooner, later in itertools.pairwise(times)) > 0.015
        async with asyncio.timeout(2):
            for each in crowd:
                assert (await loop.sock_recv(each, 100)).startswith(b"HTTP/1.1 200")


async def test_on_a_socket_file_everybody_is_the_same_and_nobody_a_crowd(tmp_path):
    async with hall(limit=4, host=f"unix:{tmp_path / 'socket'}") as place:
        connections = [await place.connect() for _ in range(4)]
        await until(lambda: len(place.gate) == 4)

        assert place.refused == []
        await closed(*(writer for _, writer in connections))
