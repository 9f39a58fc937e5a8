"""Whether the signaling server can be reached: what rooms know counts, and while there is none it is asked."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot import signaling_watch
from bot.signaling_watch import LOST, NOT_YET, SignalingWatch
from signaling import signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings

NOWHERE = "ws://127.0.0.1:9/spreed"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(signaling_watch, "UP_CHECK_S", 0.01)
    monkeypatch.setattr(signaling_watch, "DOWN_CHECK_S", 0.01)


async def watching(watch, until):
    """Run it until the condition holds."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watch.run(http))
        while not until():  # noqa: ASYNC110 — it tells nobody
            await asyncio.sleep(0.005)
        running.cancel()


async def test_before_it_was_asked_nothing_is_known():
    assert SignalingWatch(url=NOWHERE, connected=lambda: None).problem == NOT_YET


async def test_a_server_that_answers_is_no_problem_and_one_that_goes_is():
    async with EmbeddedServer(EmbeddedSettings(internal_secret="x", backend_url="http://chat.test")) as server:
        watch = SignalingWatch(url=signaling_url(server.url), connected=lambda: None)
        await watching(watch, lambda: watch.problem is None)
    await watching(watch, lambda: watch.problem is not None)


async def test_a_room_that_is_connected_knows_better():
    assert SignalingWatch(url=NOWHERE, connected=lambda: True).problem is None
    assert SignalingWatch(url=NOWHERE, connected=lambda: False).problem == LOST


async def test_while_rooms_know_nobody_is_asked():
    async with EmbeddedServer(EmbeddedSettings(internal_secret="x", backend_url="http://chat.test")) as server:
        looks = 0

        def connected():
            nonlocal looks
            looks += 1
            return looks > 5

        watch = SignalingWatch(url=signaling_url(server.url), connected=connected)
        await watching(watch, lambda: looks > 10)

        assert server.stats().connections == 0
        assert watch.problem is None


async def test_an_outage_is_logged_once_and_its_end_too(caplog):
    caplog.set_level("INFO", logger="roomscribe.bot.signaling_watch")
    watch = SignalingWatch(url=NOWHERE, connected=lambda: None)
    looks = 0

    def looked():
        nonlocal looks
        looks += 1
        return looks > 20

    await watching(watch, lambda: watch.problem not in (None, NOT_YET) and looked())
    async with EmbeddedServer(EmbeddedSettings(internal_secret="x", backend_url="http://chat.test")) as server:
        watch._url = signaling_url(server.url)
        await watching(watch, lambda: len(caplog.records) > 1)

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "127.0.0.1" not in caplog.text
