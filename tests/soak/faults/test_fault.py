from __future__ import annotations

import asyncio
import contextlib

import pytest

from soak.faults.fault import CannotStrike, Fault, Happened, Limits, happen

from .subject import NotedScene

GUARD_S = 5.0


def noted(scene, *, over=False):
    """A strike that notes its beginning, its length and its end."""

    @contextlib.asynccontextmanager
    async def act(_, lasts_s):
        scene.noted.append(("struck", lasts_s))
        scene.struck.set()
        ended = asyncio.Event()
        if over:
            ended.set()
        try:
            yield ended
        finally:
            scene.noted.append(("healed",))

    return act


def fault(act, **more):
    return Fault(name="a fault", promise="Nothing happens.", limits=Limits(**more.pop("limits", {})), act=act, **more)


async def test_a_fault_lasts_its_time_and_heals():
    scene = NotedScene()
    happened = await happen(fault(noted(scene), lasts_s=0.01), scene)
    assert scene.noted == [("struck", 0.01), ("healed",)]
    assert (happened.struck_at, happened.healed_at) == (1.0, 2.0)


async def test_one_that_is_over_by_itself_is_not_waited_for():
    scene = NotedScene()
    async with asyncio.timeout(GUARD_S):
        await happen(fault(noted(scene, over=True), lasts_s=3600.0), scene)
    assert scene.noted[-1] == ("healed",)


async def test_it_heals_when_whoever_runs_it_is_cancelled():
    scene = NotedScene()
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(happen(fault(noted(scene), lasts_s=3600.0), scene))
        await scene.struck.wait()
        running.cancel()
    assert running.cancelled()
    assert scene.noted[-1] == ("healed",)


async def test_what_cannot_strike_says_so():
    @contextlib.asynccontextmanager
    async def act(_, __):
        raise CannotStrike("there is nobody")
        yield

    with pytest.raises(CannotStrike, match="there is nobody"):
        await happen(fault(act), NotedScene())


@pytest.mark.parametrize(("scale", "seconds"), [(1.0, 20.0), (2.0, 40.0), (0.1, 5.0)])
def test_a_short_run_has_short_faults_but_not_shorter_than_makes_sense(scale, seconds):
    assert fault(noted(NotedScene()), lasts_s=20.0, least_s=5.0).seconds(scale) == seconds


@pytest.mark.parametrize(("since", "moment"), [("strike", 3.0), ("healing", 8.0), ("return", 8.0)])
def test_the_recovery_counts_from_the_strike_or_from_the_healing(since, moment):
    struck = fault(noted(NotedScene()), limits={"since": since})
    assert Happened(fault=struck, struck_at=3.0, healed_at=8.0).recovers_from == moment
