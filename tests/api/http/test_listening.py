"""Where the API listens, and what is said when it cannot."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web

from api import HttpSettings, StartFailed
from api.http.listening import listening
from bot import Metrics


def application():
    async def here(_):
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", here)
    return app


def at(host, port=0):
    return listening(application(), HttpSettings(host=host, port=port), Metrics())


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
async def test_an_address_becomes_a_url(host, url):
    async with at(host) as place, aiohttp.ClientSession() as http, http.get(place) as response:
        assert place.startswith(url)
        assert await response.text() == "here"


async def test_a_socket_file_serves_like_a_port_and_is_gone_afterwards(tmp_path):
    path = tmp_path / "socket"
    async with at(f"unix:{path}") as place:
        assert place == f"unix:{path}"
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
            http.get("http://here/") as response,
        ):
            assert await response.text() == "here"

    assert not path.exists()


async def test_a_socket_file_that_nobody_serves_is_no_obstacle(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))

    async with at(f"unix:{path}"):
        assert path.is_socket()


async def test_one_that_somebody_serves_is(tmp_path):
    async with at(f"unix:{tmp_path / 'socket'}"):
        with pytest.raises(StartFailed, match=r"ROOMSCRIBE_HTTP_HOST=unix:.* is in use already"):
            async with at(f"unix:{tmp_path / 'socket'}"):
                pass


async def test_one_whose_server_is_stuck_is_in_use_too(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as waiting:
        stuck.bind(str(path))
        stuck.listen(0)
        waiting.connect(str(path))  # nobody takes it, and there is no room for another

        with pytest.raises(StartFailed, match="is in use already"):
            async with at(f"unix:{path}"):
                pass
        assert path.is_socket()


async def test_a_file_that_is_no_socket_is_not_touched(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")

    with pytest.raises(StartFailed, match="is no socket"):
        async with at(f"unix:{path}"):
            pass
    assert path.read_text() == "data"


@pytest.mark.parametrize("host", ["192.0.2.7", "no.such.host.invalid", "unix:/nowhere/at/all"])
async def test_a_place_that_this_host_does_not_have_is_named(host):
    with pytest.raises(StartFailed, match=f"ROOMSCRIBE_HTTP_HOST={host}"):
        async with at(host):
            pass


async def test_a_busy_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        with pytest.raises(StartFailed, match=f"ROOMSCRIBE_HTTP_PORT={port} is in use already"):
            async with at("127.0.0.1", port):
                pass


async def test_how_many_are_connected_is_measured():
    metrics = Metrics()
    async with (
        listening(application(), HttpSettings(port=0, max_connections=9), metrics) as place,
        aiohttp.ClientSession() as http,
        http.get(place) as response,
    ):
        await response.read()
        rendered = (await metrics.render()).decode()

    assert "roomscribe_http_connections 1.0" in rendered
    assert "roomscribe_http_connections_limit 9.0" in rendered
