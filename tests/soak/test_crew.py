from __future__ import annotations

import asyncio

import pytest

from soak.crew import Crew

GUARD_S = 5.0


class Sunk(Exception):
    """What goes wrong in these tests."""


class Sailor:
    """Works until cancelled, and takes a moment to tidy up."""

    def __init__(self):
        self.at_work = asyncio.Event()
        self.tidied_up = False

    async def work(self):
        try:
            self.at_work.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.tidied_up = True


async def sink():
    raise Sunk


async def voyage(sailor, *, mate=None, ending=None):
    """A block with a sailor at work, and perhaps a mate, that goes on for ever unless `ending` ends it."""
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(sailor.work())
        await sailor.at_work.wait()
        if mate is not None:
            crew.start(mate)
        await (ending or asyncio.Event().wait())


async def test_leaving_the_block_cancels_the_crew_and_waits_until_it_has_tidied_up():
    sailor = Sailor()
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        task = crew.start(sailor.work())
        await sailor.at_work.wait()
    assert task.cancelled()
    assert sailor.tidied_up


async def test_what_ended_by_itself_keeps_its_result():
    async def answer():
        return 42

    async with Crew() as crew:
        task = crew.start(answer())
        await task
    assert task.result() == 42


async def test_an_exception_of_the_block_stays_what_it_is():
    sailor = Sailor()
    with pytest.raises(Sunk):
        await voyage(sailor, ending=sink())
    assert sailor.tidied_up


async def test_a_task_that_fails_ends_the_block_and_the_others_may_tidy_up():
    sailor = Sailor()
    with pytest.raises(ExceptionGroup) as group:
        await voyage(sailor, mate=sink())
    assert group.group_contains(Sunk)
    assert sailor.tidied_up


async def test_a_cancelled_block_stays_cancelled_and_leaves_nobody_behind():
    sailor = Sailor()
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        voyaging = tasks.create_task(voyage(sailor))
        await sailor.at_work.wait()
        voyaging.cancel()
    assert voyaging.cancelled()
    assert sailor.tidied_up


async def test_a_deadline_over_the_block_is_told_as_a_timeout():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await voyage(Sailor())


async def test_a_crew_of_nobody_is_a_crew():
    async with Crew():
        pass
