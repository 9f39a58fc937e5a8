"""The question whether the service runs: where it is asked, and what counts as an answer."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from api.healthcheck import ask
from tests.api.raw import at_the_door


class Service:
    """Answers `/healthz` with `status`."""

    def __init__(self):
        self.status = 200
        self.asked = []
        self.app = web.Application()
        self.app.router.add_get("/healthz", self.healthz)

    async def healthz(self, request):
        self.asked.append(request.headers["Host"])
        return web.json_response({}, status=self.status)


@pytest.fixture
def service():
    return Service()


@asynccontextmanager
async def on_a_socket(app, path):
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(path)).start()
        yield
    finally:
        await runner.cleanup()


async def told(*, host="127.0.0.1", port=23000, timeout_s=5.0):
    return await asyncio.to_thread(ask, host, port, timeout_s=timeout_s)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
async def test_a_service_that_answers_runs(service, host):
    async with at_the_door(service.app) as door:
        assert await told(host=host, port=door.port) == ""
        assert service.asked


async def test_a_service_on_all_addresses_of_ipv6_is_asked_on_loopback(service):
    runner = web.AppRunner(service.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "::1", 0).start()
        assert await told(host="::", port=runner.addresses[0][1]) == ""
    finally:
        await runner.cleanup()


async def test_a_service_on_a_socket_is_asked_there(service, tmp_path):
    path = tmp_path / "exapp.sock"
    async with on_a_socket(service.app, path):
        assert await told(host=f"unix:{path}", port=23000) == ""

    assert service.asked == ["localhost"]


async def test_another_answer_than_200_is_told(service):
    service.status = 503
    async with at_the_door(service.app) as door:
        assert await told(port=door.port) == "/healthz is answered with 503"


async def test_nobody_there_is_told_without_an_address(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        assert await told(port=taken.getsockname()[1]) == "/healthz is not answered (Connection refused)"
    assert await told(host=f"unix:{tmp_path}/none.sock") == "/healthz is not answered (No such file or directory)"


async def test_who_accepts_and_says_nothing_does_not_run():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "not answered" in await told(port=silent.getsockname()[1], timeout_s=0.2)


async def test_what_is_no_http_is_no_answer():
    async def talk(reader, writer):
        writer.write(b"220 mail.test ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        assert "not answered" in await told(port=server.sockets[0].getsockname()[1])


async def test_a_port_that_the_system_chose_cannot_be_known():
    assert "ROOMSCRIBE_HTTP_PORT=0" in await told(port=0)


# The command


async def command(**settings):
    """Exit status and what it said, of `roomscribe healthcheck` as the image runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in settings.items()}
    environment["http_proxy"] = "http://127.0.0.1:9"  # nobody is asked to pass the question on
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from api.cli import main; main()", "healthcheck", env=environment, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


async def test_the_command_ends_with_0_where_the_service_runs_and_with_1_where_not(service):
    async with at_the_door(service.app) as door:
        settings = {"HTTP_PORT": str(door.port), "HTTP_HOST": "0.0.0.0", "HTTP_SECRET_FILE": "/just/being/replaced"}
        assert await command(**settings) == (0, "")

        service.status = 500
        status, said = await command(**settings)
        assert (status, "500" in said) == (1, True)


async def test_the_command_loads_nothing_of_what_makes_captions_as_it_runs_every_half_minute():
    script = (
        "import sys; from api.cli import build; build(names=['healthcheck']);"
        "print({'aiohttp', 'aiortc', 'bot', 'numpy', 'pipeline', 'signaling'} & sys.modules.keys())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=-1)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()

    assert out.decode().strip() == "set()"


async def test_the_command_says_which_setting_is_wrong():
    status, said = await command(HTTP_PORT="many")

    assert status == 1
    assert "ROOMSCRIBE_HTTP_PORT" in said
    assert "Traceback" not in said
