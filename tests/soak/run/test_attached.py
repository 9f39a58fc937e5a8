"""A service that runs already: what is asked of it, and what the report can say of it."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web
from typer.testing import CliRunner

from api.cli import build
from soak.run import command
from soak.run.command import _command
from soak.run.journal import Journal, Story
from soak.run.options import Options
from soak.run.result import result
from soak.service.process import ServiceFailed, attached, free_port
from soak.world.place import PortTaken, embedded_place
from soak.world.profile import PROFILES

SECRET = "open sesame"
ATTACHED = ("--url", "http://127.0.0.1:1", "--signaling-port", "9", "--internal-secret", "x")


def soak(*arguments):
    told = CliRunner().invoke(build(names=["soak"]), ["soak", *arguments])
    return told.exit_code, " ".join(told.stderr.split())


@pytest.fixture(autouse=True)
def the_log_is_not_set_up(monkeypatch):
    """It is the process's, and other tests read it."""
    monkeypatch.setattr(command, "set_up_logging", lambda level: None)


@pytest.fixture
async def service():
    """Answers who shows the secret."""

    async def metrics(request):
        return web.Response(status=200 if request.headers["Authorization"] == f"Bearer {SECRET}" else 401)

    async def health(_):
        return web.Response()

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_another_secret_is_found_out_before_anybody_comes(service):
    async with attached(service, SECRET) as ours:
        assert ours.is_running
    with pytest.raises(ServiceFailed, match="has another HTTP secret"):
        async with attached(service, "guess"):
            pass


async def test_what_the_service_finds_at_the_port_it_was_told_can_be_cut():
    port = free_port()
    async with embedded_place(port=free_port(), secret="shared", wire_port=port) as place:
        assert place.wire.url == place.backend == f"http://127.0.0.1:{port}"
        assert place.secret == "shared"
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{place.wire.url}/spreed") as bot:
            assert (await bot.receive_json())["type"] == "welcome"
            place.wire.cut()
            assert (await bot.receive()).type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)


async def test_a_port_that_somebody_else_has_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} cannot be listened on"):
            async with embedded_place(port=free_port(), wire_port=port):
                pass


def test_its_settings_are_told_to_who_has_not_started_it_yet():
    status, told = soak("--url", "http://127.0.0.1:1", "--signaling-port", "4321")
    assert status == 2
    for setting in ("HPB_URL=http://127.0.0.1:4321", "HPB_SECRET=SECRET", "ICE_ADDRESSES=127.0.0.1", "LEAVE_AFTER_S=1"):
        assert f"ROOMSCRIBE_{setting}" in told


@pytest.mark.parametrize("ran_attached", [True, False])
def test_a_run_goes_on_with_the_same_kind_of_service(tmp_path, ran_attached):
    options = Options(profile=PROFILES["smoke"], command="", attached=ran_attached)
    with Journal(tmp_path) as journal:
        journal.begin(options.as_json())
    status, told = soak("--resume", str(tmp_path), *(() if ran_attached else ATTACHED))
    assert (status, "--resume: that run was" in told) == (2, True)


def test_options_that_would_change_a_run_that_goes_on_are_refused(tmp_path):
    status, told = soak("--resume", str(tmp_path), "--hours", "5", "--rooms", "2", "--json")
    assert status == 2
    assert told == "--resume: the run goes on as it began; leave out --hours, --rooms"


def test_no_claim_is_made_of_what_is_in_it():
    attached_to = Options(profile=PROFILES["smoke"], command="", attached=True)
    assert "ran already" in result(attached_to, Story(options={}))["recogniser"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["soak", "--rooms", "2"], "roomscribe soak --rooms 2"),
        (["soak", "--secret", "s3cret", "--json"], "roomscribe soak --secret '…' --json"),
        (["soak", "--internal-secret=s3cret"], "roomscribe soak '--internal-secret=…'"),
        (["soak", "--out=a b"], "roomscribe soak '--out=a b'"),
    ],
)
def test_the_command_is_told_without_its_secrets(arguments, told):
    assert _command(arguments) == told
    assert "s3cret" not in _command(arguments)
