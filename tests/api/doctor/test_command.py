"""`roomscribe doctor` as an operator runs it: a separate process, what it says, and its exit status.

The whole way is proven against a real signaling server and media server, in tests/realstack/test_doctor.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys

import pytest

from api.doctor.command import Examination, judge_addresses
from api.doctor.findings import Status
from bot import LOOPBACK, LocalAddresses
from signaling.embedded import EmbeddedServer, EmbeddedSettings

pytestmark = pytest.mark.model

SECRET, BACKEND = "the internal secret of the test server", "http://127.0.0.1:9"
PROGRAM = "from api.cli import main; main()"
CHECKS = (
    *("settings", "addresses", "signaling server", "hello", "features", "chat server", "STUN and TURN"),
    *("media server", "certificate", "audio", "clock", "model", "decoding", "languages"),
    *("memory limit", "open files", "processors"),
)


async def start(*arguments, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ROOMSCRIBE_", "LT_"))}
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-c", PROGRAM, "doctor", *arguments]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=-1, stderr=-1)


async def run(*arguments, **settings):
    """Exit status, standard output, standard error."""
    process = await start(*arguments, **settings)
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def server():
    async with EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as running:
        yield running


def good(server, **more):
    return {"HPB_URL": server.url, "HPB_SECRET": SECRET, "NEXTCLOUD_URL": BACKEND, **more}


def marks(text):
    """The mark of each check by its name."""
    return {line[2:20].strip(): line[0] for line in text.splitlines() if line[0] in "✓!✗–"}


async def test_every_check_has_its_line_and_one_that_fails_its_advice_and_the_exit_status(server):
    status, out, err = await run(**good(server))  # this server has no media server

    found = marks(out)
    assert status == 1
    assert tuple(found) == CHECKS
    assert [found[name] for name in ("settings", "signaling server", "hello", "features")] == list("✓✓✓✗")
    assert [found[name] for name in ("media server", "certificate", "audio", "chat server", "clock")] == list("–––––")
    assert [found[name] for name in ("model", "languages")] == list("✓✓")
    assert "`mcu`" in out
    assert "→" in out.partition("`mcu`")[2].splitlines()[1]
    assert err == ""
    assert "\x1b" not in out  # no colours where nobody sees them


async def test_programs_get_one_object_and_nothing_else(server):
    status, out, err = await run("--json", **good(server, HPB_SECRET="a wrong secret"))

    report = json.loads(out)
    assert (status, err) == (1, "")
    assert report["status"] == "fail"
    assert tuple(each["check"] for each in report["checks"]) == CHECKS
    hello = report["checks"][CHECKS.index("hello")]
    assert hello["status"] == "fail"
    assert "ROOMSCRIBE_HPB_SECRET" in hello["advice"]
    assert "a wrong secret" not in out


async def test_wrong_settings_are_told_first_and_the_model_is_tried_all_the_same():
    status, out, _ = await run(HPB_SECERT="hush")

    found = marks(out)
    assert status == 2
    assert "ROOMSCRIBE_HPB_URL is required" in out
    assert "did you mean ROOMSCRIBE_HPB_SECRET?" in out
    assert "hush" not in out
    assert {name for name, mark in found.items() if mark in "✓!"} - {"settings"} == {"model", "decoding", "languages"}
    assert set(found) == set(CHECKS)


async def test_a_setting_of_recognition_that_is_wrong_leaves_nothing_to_try():
    status, out, _ = await run("--json", THREADS="many")

    assert status == 2
    checks = json.loads(out)["checks"]
    assert {each["status"] for each in checks if each["check"] != "settings"} == {"skipped"}


async def test_an_address_that_this_host_does_not_have_is_told_because_the_service_would_not_start(server):
    status, out, _ = await run(**good(server, ICE_ADDRESSES="192.0.2.7"))

    assert status == 1
    assert marks(out)["addresses"] == "✗"
    assert "ROOMSCRIBE_ICE_ADDRESSES" in out
    assert "192.0.2.7" in out


async def test_a_server_that_is_down_keeps_nothing_else_from_being_looked_at():
    settings = {"HPB_URL": "http://127.0.0.1:9", "HPB_SECRET": SECRET, "NEXTCLOUD_URL": BACKEND}
    status, out, _ = await run(**settings)

    found = marks(out)
    assert status == 1
    assert [found[name] for name in ("signaling server", "hello", "features", "model")] == list("✗––✓")


def test_the_addresses_for_media_are_named():
    assert judge_addresses(LocalAddresses()).answer == "media is received on those of this machine"
    assert judge_addresses(LOOPBACK).answer == "media is received on 127.0.0.1"


async def test_ctrl_c_ends_it(server):
    never = asyncio.Event()

    async def says_nothing(_reader, writer):
        await never.wait()
        writer.close()

    async with await asyncio.start_server(says_nothing, "127.0.0.1", 0) as deaf:
        process = await start(**good(server, HPB_URL=f"http://127.0.0.1:{deaf.sockets[0].getsockname()[1]}"))
        async with asyncio.timeout(60):
            assert (await process.stdout.readline()).decode().startswith("✓ settings")
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
        never.set()

    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_a_check_that_breaks_is_a_failure_of_its_own_and_the_others_go_on(server, monkeypatch):
    async def breaks(*_):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(0))
            raise KeyError("secret")

    for name, value in good(server).items():
        monkeypatch.setenv(f"ROOMSCRIBE_{name}", value)
    monkeypatch.setattr("api.doctor.command.greet", breaks)
    monkeypatch.setattr("api.doctor.command.check_clock", breaks)
    told = []

    await Examination(told.append).run()

    found = {finding.check: finding for finding in told}
    for check in ("hello", "clock"):
        assert found[check].status is Status.FAIL
        assert "KeyError" in found[check].answer
        assert "secret" not in found[check].answer
    assert tuple(found) == CHECKS


async def test_a_check_that_keeps_ctrl_c_to_itself_ends_the_examination_all_the_same():
    async def deaf():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "done"

    async def examine():
        return await Examination(lambda _: None)._walled("a check", deaf(), "")

    async with asyncio.TaskGroup() as tasks:
        examining = tasks.create_task(examine())
        await asyncio.sleep(0)
        examining.cancel()

    assert examining.cancelled()


async def test_a_check_that_takes_ctrl_c_back_ends_the_examination_all_the_same():
    told = []
    examination = Examination(told.append)

    async def keeps_it():
        with contextlib.suppress(asyncio.CancelledError):
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        asyncio.current_task().uncancel()
        return "done"

    async def examine():
        await examination._walled("model", keeps_it(), "otherwise")
        told.append("went on")

    examination._examine = examine
    async with asyncio.timeout(10):
        outcome = await asyncio.gather(asyncio.create_task(examination.run()), return_exceptions=True)

    assert isinstance(outcome[0], asyncio.CancelledError)
    assert (examination.interrupted, told) == (True, [])
