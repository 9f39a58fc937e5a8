"""The life of `roomscribe serve`, seen from outside: when it answers, how it stops, and that no bot is left behind."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from signaling.embedded import EmbeddedServer, EmbeddedSettings
from tests.support.api import BACKEND, SECRET, TALK, TRANSCRIBE, app_api_headers

pytestmark = pytest.mark.model

PROGRAM = "from api.cli import main; main()"
CALLERS_SECRET = "the-secret-of-the-callers"


class Process:
    """`roomscribe serve` on a port of its own, with the embedded signaling server."""

    def __init__(self, process, signaling, port, http):
        self.process = process
        self.signaling = signaling
        self.url = f"http://127.0.0.1:{port}"
        self._http = http

    async def ask(self, method, path, body=None, secret=None, headers=None):
        """Status and answer; None while nobody listens."""
        headers = headers or ({"Authorization": f"Bearer {secret}"} if secret else {})
        try:
            async with self._http.request(method, f"{self.url}{path}", json=body, headers=headers) as response:
                return response.status, await response.json()
        except aiohttp.ClientConnectionError:
            return None

    async def until(self, path, wanted, secret=None):
        """Ask until the answer is as wanted."""
        async with asyncio.timeout(60):
            while (answer := await self.ask("GET", path, secret=secret)) is None or not wanted(*answer):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return answer

    async def ready(self):
        await self.until("/readyz", lambda status, _: status == 200)

    async def until_joined(self, secret=None):
        await self.until("/api/v1/rooms/abc123", lambda _, room: room.get("state") == "joined", secret)

    async def end(self):
        """Its status and what it said, once it has ended."""
        async with asyncio.timeout(60):
            _, said = await self.process.communicate()
        return self.process.returncode, said.decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as place:
        return place.getsockname()[1]


async def start(signaling, port, *, others=None, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    environment |= others or {}
    given = {
        "HPB_URL": signaling.url,
        "HPB_SECRET": SECRET,
        "NEXTCLOUD_URL": BACKEND,
        "HTTP_PORT": str(port),
        "ICE_ADDRESSES": "127.0.0.1",
        **settings,
    }
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in given.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "serve", env=environment, stdout=-1, stderr=-1
    )


@asynccontextmanager
async def answering(handler):
    """The address of a server that has one answer to everything."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(**settings):
    async with (
        EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as signaling,
        aiohttp.ClientSession() as http,
    ):
        port = free_port()
        process = await start(signaling, port, **settings)
        try:
            yield Process(process, signaling, port, http)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def test_it_answers_while_the_model_is_loading_and_says_so():
    async with serving() as service:
        _, alive = await service.until("/healthz", lambda status, _: status == 200)
        status, readiness = await service.ask("GET", "/readyz")

        assert alive["uptimeSeconds"] < 1.0  # it listens as soon as its program is loaded
        assert (status, readiness["status"], readiness["model"]) == (503, "loading", "loading")
        await service.ready()


async def test_a_secret_that_is_refused_is_tried_once_and_said_until_it_is_mended():
    # ending would have it tried again by whoever restarts us, and the signaling server locks out who tries ten times
    async with serving(HPB_SECRET="wrong") as service:
        status, readiness = await service.until("/readyz", lambda _, answer: answer["checks"]["model"] == "ok")
        asked, refusal = await service.ask("POST", TRANSCRIBE, TALK)

        assert (status, readiness["status"]) == (503, "rejected")
        assert "ROOMSCRIBE_HPB_SECRET" in readiness["error"]
        assert (asked, refusal["status"]) == (503, "rejected")
        service.process.send_signal(signal.SIGTERM)
        status, said = await service.end()
        assert status == 0
        lines = [json.loads(line) for line in said.splitlines()]
        (line,) = [line for line in lines if line["level"] == "error"]
        assert "ROOMSCRIBE_HPB_SECRET" in line["event"]


async def test_sigterm_says_goodbye_in_each_room_and_ends_with_success():
    async with serving() as service:
        await service.ready()
        await service.ask("POST", TRANSCRIBE, TALK)
        await service.until_joined()

        service.process.send_signal(signal.SIGTERM)
        status, said = await service.end()

        assert status == 0
        assert "Traceback" not in said
        assert service.signaling.stats().sessions == 0  # the server keeps one that went without a goodbye


async def test_a_default_language_that_the_model_does_not_know_is_an_error_in_the_log():
    async with serving(DEFAULT_LANGUAGE="de") as service:
        await service.ready()
        service.process.send_signal(signal.SIGTERM)
        _, said = await service.end()

        lines = [json.loads(line) for line in said.splitlines()]
        assert any(line["event"].startswith("ROOMSCRIBE_DEFAULT_LANGUAGE: 'de'") for line in lines)
        assert lines[-1]["event"] == "stopped"


async def test_nextcloud_learns_of_a_model_that_cannot_be_had_before_it_ends(tmp_path):
    asked, reports = asyncio.Event(), []

    async def hub(_):
        await asked.wait()
        return web.Response(status=404)

    async def nextcloud(request):
        reports.append(await request.json())
        return web.json_response({})

    async with answering(hub) as hub_url, answering(nextcloud) as url:
        settings = {"NEXTCLOUD_URL": url, "APP_SECRET": "s" * 32, "MODEL": "base", "CACHE_DIR": str(tmp_path)}
        async with serving(others={"HF_ENDPOINT": hub_url}, **settings) as service:
            await service.until("/healthz", lambda status, _: status == 200)
            assert await service.ask("POST", "/init", headers=app_api_headers("s" * 32)) == (200, {})
            asked.set()

            status, _ = await service.end()

    assert status == 2
    assert reports[-1]["progress"] == 0
    assert "ROOMSCRIBE_MODEL" in reports[-1]["error"]


async def test_a_second_start_is_refused_and_takes_no_room_from_the_first():
    async with serving() as service:
        await service.ready()
        await service.ask("POST", TRANSCRIBE, TALK)
        await service.until_joined()

        second = await start(service.signaling, service.url.rpartition(":")[2])
        async with asyncio.timeout(60):
            _, said = await second.communicate()

        assert second.returncode == 2
        assert b"is in use already" in said
        assert service.signaling.stats().sessions == 1


async def test_sighup_reads_the_secrets_anew_and_touches_no_room(tmp_path):
    file = tmp_path / "secrets"
    file.write_text(CALLERS_SECRET)
    async with serving(HTTP_SECRET_FILE=str(file)) as service:
        await service.ready()
        await service.ask("POST", TRANSCRIBE, TALK, secret=CALLERS_SECRET)
        await service.until_joined(secret=CALLERS_SECRET)

        file.write_text(f"{CALLERS_SECRET}\nthe-next-one")
        service.process.send_signal(signal.SIGHUP)

        async with asyncio.timeout(30):
            while (await service.ask("GET", "/api/v1/rooms", secret="the-next-one"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        _, room = await service.ask("GET", "/api/v1/rooms/abc123", secret="the-next-one")
        assert (room["state"], room["connected"], service.signaling.stats().sessions) == ("joined", True, 1)

        file.write_text("")
        service.process.send_signal(signal.SIGHUP)
        assert (await service.ask("GET", "/api/v1/rooms"))[0] == 401
        service.process.send_signal(signal.SIGTERM)
        status, said = await service.end()
        assert status == 0
        assert any("secrets of the API stay as they are" in json.loads(line)["event"] for line in said.splitlines())


async def test_while_it_stops_it_takes_on_no_room_and_says_why():
    async with serving(DRAIN_TIMEOUT_S="5") as service:
        await service.ready()
        service.process.send_signal(signal.SIGTERM)
        answers = []
        while (answer := await service.ask("POST", TRANSCRIBE, TALK)) is not None:
            answers.append(answer)

        assert (await service.end())[0] == 0
        refused = list(itertools.dropwhile(lambda each: each[0] == 200, answers))  # those before the signal came
        assert all(status == 503 and answer["status"] == "stopping" for status, answer in refused)
        assert service.signaling.stats().sessions == 0
