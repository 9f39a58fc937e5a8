from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal

import psutil
import pytest

from pipeline import ModelSettings, child_process
from pipeline.child_process import ChildProcess
from pipeline.errors import ChildNotStarted, EngineDied
from tests.support.open_files import no_more_files

GUARD_S = 20.0
NOWHERE = ModelSettings(model="/nowhere")  # the child answers that there is no model, and ends


@pytest.fixture
def environment(engine_settings):
    return engine_settings.environment


async def flood(child):
    """Write until it fails: a broken pipe may take a little before it tells."""
    while True:
        await child.send({}, bytes(1 << 16))


async def test_the_child_says_why_it_has_no_model(environment):
    async with asyncio.timeout(GUARD_S), ChildProcess(NOWHERE, environment) as child:
        answer = await child.receive()
    assert "the folder /nowhere: there is none" in answer["fatal"]


async def test_the_end_of_the_child_is_told_to_who_waits_for_it(environment):
    async with asyncio.timeout(GUARD_S), ChildProcess(NOWHERE, environment) as child:
        await child.receive()
        with pytest.raises(EngineDied, match="ended"):
            await child.receive()


async def test_a_killed_child_is_dead_to_reader_and_writer(environment):
    async with asyncio.timeout(GUARD_S), ChildProcess(NOWHERE, environment) as child:
        child.kill()
        with pytest.raises(EngineDied, match="ended"):
            await child.receive()
        with pytest.raises(EngineDied, match="does not read"):
            await flood(child)
        child.kill()  # twice is no harm


async def test_leaving_ends_the_process(environment):
    async with asyncio.timeout(GUARD_S):
        async with ChildProcess(NOWHERE, environment) as child:
            pid = child.pid
            assert psutil.pid_exists(pid)
        assert not psutil.pid_exists(pid)


async def test_a_child_that_does_not_listen_is_ended_by_force(environment, monkeypatch):
    monkeypatch.setattr(child_process, "STOP_TIMEOUT_S", 0.2)
    async with asyncio.timeout(GUARD_S):
        async with ChildProcess(NOWHERE, environment) as child:
            psutil.Process(child.pid).suspend()
        assert not psutil.pid_exists(child.pid)


async def test_a_child_that_cannot_even_start_is_a_dead_one(environment, tmp_path):
    with pytest.raises(EngineDied):  # on the first word to it, or when listening to it
        async with (
            asyncio.timeout(GUARD_S),
            ChildProcess(NOWHERE, environment | {"PYTHONHOME": str(tmp_path)}) as child,
        ):
            await child.receive()


def open_files():
    return psutil.Process().num_fds()


async def test_without_files_for_its_pipes_it_is_not_started_and_says_what_is_wrong(environment):
    with no_more_files(), pytest.raises(ChildNotStarted) as refused:
        async with ChildProcess(NOWHERE, environment):
            pass
    assert str(refused.value) == "the recognition process cannot be started (OSError: Too many open files)"
    assert "ulimit -n" in refused.value.remedy


async def test_whichever_of_its_files_is_one_too_many_none_is_left_open(environment):
    started, files = [], open_files()
    async with asyncio.timeout(GUARD_S):
        for more in range(12):
            with contextlib.suppress(ChildNotStarted), no_more_files(but=more):
                async with ChildProcess(NOWHERE, environment) as child:
                    started.append(more)
                    child.kill()
            assert open_files() == files
    assert 0 < len(started) < 12


async def test_a_program_that_is_not_there_is_no_matter_of_files(environment, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(ChildNotStarted, match="FileNotFoundError: No such file or directory") as refused:
        async with ChildProcess(NOWHERE, environment):
            pass
    assert refused.value.remedy == ""


async def test_nothing_goes_to_or_comes_from_a_child_that_was_not_started(environment):
    child = ChildProcess(NOWHERE, environment)
    assert (child.pid, child.end) == (None, "")
    child.kill()
    with pytest.raises(EngineDied, match="not running"):
        await child.send({})
    with pytest.raises(EngineDied, match="not running"):
        await child.receive()


@pytest.mark.parametrize(
    ("number", "end"),
    [(signal.SIGKILL, "by SIGKILL"), (signal.SIGRTMIN + 1, f"by signal {signal.SIGRTMIN + 1}")],
    ids=["a signal with a name", "a signal without a name"],
)
async def test_a_child_that_a_signal_ended_tells_which(environment, number, end):
    async with asyncio.timeout(GUARD_S):
        async with ChildProcess(NOWHERE, environment) as child:
            psutil.Process(child.pid).suspend()  # it cannot end before the signal comes
            assert child.end == ""
            os.kill(child.pid, number)
            psutil.Process(child.pid).resume()
        assert child.end == end


async def test_a_child_that_gave_up_tells_its_status(environment):
    async with asyncio.timeout(GUARD_S):
        async with ChildProcess(NOWHERE, environment) as child:
            await child.receive()
            with pytest.raises(EngineDied):
                await child.receive()
        assert child.end == "with status 1"


async def test_the_child_inherits_everything_but_our_settings(environment, tmp_path):
    inherited = tmp_path / "inherited.json"
    (tmp_path / "sitecustomize.py").write_text(
        f"import json, os, pathlib; pathlib.Path({str(inherited)!r}).write_text(json.dumps(dict(os.environ)))"
    )
    # A secret keeps to no pattern: a misspelt one is a secret too.
    names = ("ROOMSCRIBE_HPB_SECRET", "ROOMSCRIBE_HTTP_SECRET_FILE", "ROOMSCRIBE_ASR_API_KEY", "ROOMSCRIBE_HPB_SECERT")
    ours = {**dict.fromkeys(names, "hush"), "ROOMSCRIBE_MODEL": "tiny.en"}
    others = {"PROXY_SECRET": "not ours", "PYTHONPATH": str(tmp_path)}
    others["PYTHONPATH"] += os.pathsep + environment["PYTHONPATH"]

    async with asyncio.timeout(GUARD_S), ChildProcess(NOWHERE, environment | others | ours) as child:
        await child.receive()

    seen = json.loads(inherited.read_text())
    assert others.items() <= seen.items()
    assert not ours.keys() & seen.keys()
