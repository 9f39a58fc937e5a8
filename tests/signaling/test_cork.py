"""What was sent together arrives together."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from signaling.cork import TCP_CORK, corked
from soak.stack.wire import Wire

PATIENCE_S = 10.0


@pytest.fixture
async def line():
    """A websocket, and how many texts the other side found in its socket at a time."""
    found, news = [], asyncio.Event()

    async def serve(request):
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for _ in websocket:
            together = 1
            while websocket._reader._buffer:  # what is there already
                websocket._reader._buffer.popleft()
                together += 1
            found.append(together)
            news.set()
        return websocket

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with Wire(port) as wire, aiohttp.ClientSession() as http, http.ws_connect(wire.url) as websocket:
            yield websocket, found, news
    finally:
        await runner.cleanup()


async def arrived(found, news, texts):
    async with asyncio.timeout(PATIENCE_S):
        while sum(found) < texts:
            news.clear()
            await news.wait()


@pytest.mark.skipif(TCP_CORK is None, reason="only Linux can hold segments back")
async def test_what_is_sent_in_one_block_is_found_at_once_however_long_it_took(line):
    websocket, found, news = line
    with corked(websocket):
        for number in range(5):
            await websocket.send_str(f"text {number}")
            await asyncio.sleep(0.01)
    await arrived(found, news, 5)
    assert found == [5]


async def test_what_is_sent_otherwise_is_found_as_it_comes(line):
    websocket, found, news = line
    for number in range(3):
        with corked(websocket):
            await websocket.send_str(f"text {number}")
        await arrived(found, news, number + 1)
    assert found == [1, 1, 1]


async def test_a_socket_that_is_gone_is_no_matter(line):
    websocket, _, _ = line
    with corked(None):
        pass
    with corked(websocket):
        await websocket.close()
