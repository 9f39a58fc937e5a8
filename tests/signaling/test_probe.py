"""The start-up check says what is the matter, at once, and leaves nothing behind."""

import asyncio

import pytest

from signaling import AuthRejected, SignalingUnreachable, probe
from tests.signaling.callers import PATIENCE_S, free_port, scripted, serving, settings_for, telephone


@pytest.fixture
async def line():
    async with telephone() as (http, dials):
        yield Line(http, dials)


class Line:
    """A telephone line: `dials` has an entry for each time that a server was dialled."""

    def __init__(self, http, dials):
        self._http = http
        self.dials = dials

    async def probe(self, url, *, tries=2, **changes):
        async with asyncio.timeout(PATIENCE_S):
            await probe(self._http, settings_for(url, **changes), tries=tries)


async def test_a_server_that_takes_our_secret_is_fine_at_the_first_try(line):
    async with serving() as server:
        await line.probe(server.url)

    assert len(line.dials) == 1


async def test_the_probe_says_hello_and_goodbye_and_joins_no_room(line):
    heard = asyncio.get_running_loop().create_future()

    async def takes_notes(desk):
        hello = await desk.hears()
        await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1"}})
        heard.set_result([hello, *await desk.listens_on()])

    async with scripted(takes_notes) as url:
        await line.probe(url)
        async with asyncio.timeout(PATIENCE_S):
            assert [message["type"] for message in await heard] == ["hello", "bye"]


async def test_a_wrong_secret_is_said_and_tried_exactly_once(line):
    async with serving(internal_secret="another secret") as server:
        with pytest.raises(AuthRejected, match="refused our secret") as refused:
            await line.probe(server.url, tries=5)

    assert refused.value.code == "invalid_token"
    assert len(line.dials) == 1


@pytest.mark.parametrize("tries", [1, 3])
async def test_an_unreachable_server_is_said_after_as_many_tries_as_asked_for(line, tries):
    with pytest.raises(SignalingUnreachable, match="no connection"):
        await line.probe(f"http://127.0.0.1:{free_port()}", tries=tries)

    assert len(line.dials) == tries


async def test_a_server_that_is_there_at_the_second_try_is_fine(line):
    async def drops_the_first(desk):
        if desk.number > 1:
            await desk.hears()
            await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1"}})
            await desk.listens_on()

    async with scripted(drops_the_first) as url:
        await line.probe(url)

    assert len(line.dials) == 2


async def test_a_server_that_says_nothing_is_unreachable_in_time(line):
    async def says_nothing(desk):
        await desk.listens_on()

    async with scripted(says_nothing) as url:
        with pytest.raises(SignalingUnreachable, match="in time"):
            await line.probe(url, tries=1, answer_timeout_s=0.1)


async def test_a_server_that_limits_our_tries_is_not_an_accusation(line):
    async def limits(desk):
        await desk.hears()
        await desk.says({"type": "error", "error": {"code": "too_many_requests"}})
        await desk.listens_on()

    async with scripted(limits) as url:
        with pytest.raises(SignalingUnreachable, match="too_many_requests"):
            await line.probe(url, tries=1)


async def test_a_probe_that_is_cancelled_ends(line):
    greeted = asyncio.Event()

    async def says_nothing(desk):
        await desk.hears()
        greeted.set()
        await desk.listens_on()

    async with scripted(says_nothing) as url, asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(line.probe(url))
        await greeted.wait()
        task.cancel()

    assert task.cancelled()
