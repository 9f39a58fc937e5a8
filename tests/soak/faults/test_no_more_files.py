"""The service, with real rooms and a stand-in for the model, may open no more files for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
from dataclasses import replace
from urllib.parse import urlsplit

import psutil
import pytest

from soak.faults.processes import limited, room_for
from soak.run.options import Options
from soak.run.stage import open_stage
from soak.world.person import present
from soak.world.profile import PROFILES

GUARD_S = 60.0  # it takes 15 s
BACK_S = 10.0  # in which everything is as it was, once files may be opened again
PROFILE = replace(PROFILES["smoke"], rooms=1, trace_heap=False)
LATE, WAITING = 2, 20
RESTARTS = "roomscribe_engine_restarts_total"


async def until(condition):
    """Of another process, which has no events for us."""
    while not await condition():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


class Meeting:
    """One room, and somebody who reads in it."""

    token = "0"

    def __init__(self, stage, exits):
        self.stage, self.world, self.process = stage, stage.world, psutil.Process(stage.pid)
        self._exits = exits
        self._captions = []  # that were not looked at

    async def begin(self):
        world = self.world
        reader = present(world.place, world.http, room=self.token, name="reader", on_caption=self._heard)
        rita = await self._exits.enter_async_context(reader)
        await self._exits.enter_async_context(world.captions.on(self.token, rita.nextcloud_session_id))

    async def speaker(self, exits=None):
        world, exits = self.world, exits or self._exits
        mouth = exits.enter_context(world.conductor.mouth(world.networks[0]))
        await exits.enter_async_context(present(world.place, world.http, room=self.token, name="speaker", mouth=mouth))
        return mouth

    async def captioned(self, mouth, number):
        """Say one of the phrases, and wait until it has been read."""
        phrase = self.world.phrases[number]
        await mouth.say(phrase)
        first_word = phrase.text.split()[0]

        async def read():
            return any(first_word in caption.lower() for caption in self._captions)

        await until(read)
        self._captions.clear()

    async def figure(self, name):
        return (await self.stage.service.scrape()).value(name)

    def _heard(self, caption):
        if caption.final:
            self._captions.append(caption.text)


@pytest.fixture
async def meeting(tmp_path):
    async with (
        open_stage(Options(profile=PROFILE, command=""), os.environ, tmp_path) as stage,
        contextlib.AsyncExitStack() as exits,
    ):
        meeting = Meeting(stage, exits)
        await meeting.begin()
        yield meeting


async def knock(url, exits):
    """A connection that waits to be taken."""
    _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    exits.callback(writer.close)


async def test_who_is_heard_stays_heard_who_comes_meanwhile_is_heard_later_and_nothing_is_left_open(meeting):
    service, process = meeting.stage.service, meeting.process
    async with asyncio.timeout(GUARD_S):
        ada = await meeting.speaker()
        await ada.received()
        restarts, files = await meeting.figure(RESTARTS), process.num_fds()

        async def tried_again():
            return await meeting.figure(RESTARTS) >= restarts + 2  # its death, and the first try

        async with contextlib.AsyncExitStack() as late:
            with limited(process, resource.RLIMIT_NOFILE, room_for(process)):
                others = [await meeting.speaker(late) for _ in range(LATE)]
                for _ in range(WAITING):
                    await knock(service.url, late)
                await meeting.captioned(ada, 0)
                os.kill(meeting.stage.engine_pid(), signal.SIGKILL)

                await until(tried_again)
                assert await meeting.figure("roomscribe_open_files") >= files
                assert [mouth.live for mouth in others] == [False] * LATE

            async with asyncio.timeout(BACK_S):
                status, _ = await service.get("/healthz")
                await meeting.captioned(ada, 1)
            for mouth in others:
                await mouth.received()
            await meeting.captioned(others[-1], 2)

        async def all_closed():
            return process.num_fds() <= files

        async with asyncio.timeout(BACK_S):
            await until(all_closed)
    assert (status, service.is_running) == (200, True)
    log = service.log.read_text()
    assert "cannot be started (OSError: Too many open files)" in log
    assert not re.search(r"Traceback|unforeseen|never retrieved", log)
