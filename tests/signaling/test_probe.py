"""The start-up check says what is the matter, at once, and leaves nothing behind."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from signaling import AuthRejected, Obstacle, SignalingUnreachable, hear_welcome, probe, signaling_url
from signaling.embedded.replies import FEATURES, VERSION
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
            return await probe(self._http, settings_for(url, **changes), tries=tries)

    async def hears_welcome(self, url, *, timeout_s=PATIENCE_S):
        async with asyncio.timeout(PATIENCE_S):
            return await hear_welcome(self._http, signaling_url(url), timeout_s=timeout_s)


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


async def test_who_was_greeted_is_told_with_version_and_features(line):
    async with serving() as server:
        greeting = await line.probe(server.url)

    assert greeting.version == VERSION
    assert set(greeting.features) == set(FEATURES)


async def test_a_server_that_says_nothing_of_itself_is_fine_as_well(line):
    async def is_terse(desk):
        await desk.hears()
        await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1", "server": "mine"}})
        await desk.listens_on()

    async with scripted(is_terse) as url:
        greeting = await line.probe(url)

    assert (greeting.version, greeting.features) == ("", ())


async def test_the_welcome_is_heard_without_a_hello(line):
    said = asyncio.get_running_loop().create_future()

    async def welcomes(desk):
        await desk.says({"type": "welcome", "welcome": {"version": "2.0", "features": ["mcu"]}})
        said.set_result(await desk.listens_on())

    async with scripted(welcomes) as url:
        welcome = await line.hears_welcome(url)
        async with asyncio.timeout(PATIENCE_S):
            assert await said == []

    assert (welcome.version, welcome.features) == ("2.0", ("mcu",))


@pytest.mark.parametrize("words", [[], ["no JSON"], [{"type": "hello", "hello": {"sessionid": "s1"}}]])
async def test_a_websocket_without_a_welcome_is_no_signaling_server(line, words):
    async def chatters(desk):
        await desk.says(*words)

    async with scripted(chatters) as url:
        with pytest.raises(SignalingUnreachable, match="welcome") as said:
            await line.hears_welcome(url)

    assert said.value.obstacle is Obstacle.NO_WELCOME


async def test_a_welcome_is_not_waited_for_for_ever(line):
    async def says_nothing(desk):
        await desk.listens_on()

    async with scripted(says_nothing) as url:
        with pytest.raises(SignalingUnreachable) as said:
            await line.hears_welcome(url, timeout_s=0.1)

    assert said.value.obstacle is Obstacle.NO_WELCOME


class NoNames(AbstractResolver):
    async def resolve(self, host, port=0, family=0):
        raise OSError

    async def close(self):
        pass


async def test_a_name_that_is_none_is_told_from_a_port_where_nobody_listens(line):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=NoNames())) as http:
        with pytest.raises(SignalingUnreachable, match="resolved") as unknown:
            await Line(http, []).hears_welcome("http://hpb.test")
    with pytest.raises(SignalingUnreachable, match="refused") as closed:
        await line.hears_welcome(f"http://127.0.0.1:{free_port()}")

    assert (unknown.value.obstacle, closed.value.obstacle) == (Obstacle.NAME, Obstacle.REFUSED)


async def test_a_web_server_that_has_no_such_path_is_told_by_its_status(line):
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        with pytest.raises(SignalingUnreachable, match="404") as wrong_path:
            await line.hears_welcome(f"http://127.0.0.1:{port}")
        with pytest.raises(SignalingUnreachable, match="TLS") as no_tls:
            await line.hears_welcome(f"https://127.0.0.1:{port}")
    finally:
        await runner.cleanup()

    assert (wrong_path.value.obstacle, no_tls.value.obstacle) == (Obstacle.NO_WEBSOCKET, Obstacle.NO_TLS)


async def test_a_server_that_never_takes_the_connection_is_silent(line):
    writers = []
    async with await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0) as deaf:
        port = deaf.sockets[0].getsockname()[1]
        with pytest.raises(SignalingUnreachable) as said:
            await line.hears_welcome(f"http://127.0.0.1:{port}", timeout_s=0.2)
        for writer in writers:
            writer.close()

    assert said.value.obstacle is Obstacle.SILENT


async def test_what_it_raises_it_does_not_log_besides(line, caplog):
    with pytest.raises(SignalingUnreachable):
        await line.probe(f"http://127.0.0.1:{free_port()}")

    assert not [record for record in caplog.records if record.name.startswith("roomscribe")]
