"""A backend whose children cannot be started, because the system does not give what a process needs."""

from __future__ import annotations

import asyncio
import errno
import os
import re

import pytest

from pipeline import EngineFatal, EngineSettings, EngineState, make_backend
from pipeline.child_process import not_started
from pipeline.errors import EngineDied
from pipeline.local import MAX_STILLBORN, START_AGAIN_S
from tests.pipeline import backend
from tests.pipeline.backend import until
from tests.pipeline.test_local_lives import READY_NOW, Life


class Unstarted(Life):
    """The system refuses it."""

    end = ""

    def __init__(self, number=errno.EMFILE):
        super().__init__()
        self._number = number

    async def __aenter__(self):
        raise not_started(OSError(self._number, os.strerror(self._number)))


@pytest.fixture
def born(monkeypatch):
    """Give it the lives to come."""

    def arrange(*lives):
        told = iter(lives)
        monkeypatch.setattr("pipeline.local.ChildProcess", lambda *_: next(told))

    return arrange


@pytest.fixture
def pauses(monkeypatch, caplog):
    """Between two lives; none of them lasts here, but the log tells."""
    rest = asyncio.sleep
    monkeypatch.setattr("asyncio.sleep", lambda _: rest(0))
    return lambda: [float(each) for each in re.findall(r"starting it again in (\S+) s", caplog.text)]


def running(**settings):
    return backend.running(make_backend(EngineSettings(**settings)))


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EMFILE, r"Too many open files\).*`ulimit -n`"),
        (errno.ENFILE, r"Too many open files in system\).*`fs.file-max`"),
        (errno.ENOMEM, r"Cannot allocate memory\).*more memory"),
    ],
    ids=["its own files", "the machine's files", "memory"],
)
async def test_a_child_that_could_never_be_started_is_given_up_with_what_it_lacks(born, number, remedy):
    born(*(Unstarted(number) for _ in range(MAX_STILLBORN)))
    async with running(restart_first_s=0.001) as (engine, _):
        with pytest.raises(EngineFatal, match=f"cannot be started.*{remedy}") as fatal:
            await engine.wait_ready()
    assert "SIGKILL" not in str(fatal.value)
    assert engine.state is EngineState.FAILED


async def test_another_one_that_cannot_be_started_is_tried_again_soon_and_for_ever(born, pauses, caplog):
    refusals = 10
    born(Life(READY_NOW, EngineDied("x")), *(Unstarted() for _ in range(refusals)), Life(READY_NOW))
    async with running(restart_first_s=0.5, restart_cap_s=30.0) as (engine, _):
        await until(lambda: engine.state is EngineState.READY and engine.restarts == refusals + 1)
    assert pauses() == [0.5, 1.0, *[2.0] * (refusals - 1)]
    assert START_AGAIN_S == 2.0
    assert "the recognition process cannot be started (OSError: Too many open files); starting" in caplog.text


async def test_after_crashes_as_well(born, pauses):
    crashes = [Life(READY_NOW, EngineDied("x")) for _ in range(5)]
    born(*crashes, Unstarted(), Life(READY_NOW))
    async with running(restart_first_s=0.5, restart_cap_s=30.0) as (engine, _):
        await until(lambda: engine.state is EngineState.READY and engine.restarts == len(crashes) + 1)
    assert pauses() == [0.5, 1.0, 2.0, 4.0, 8.0, 2.0]
