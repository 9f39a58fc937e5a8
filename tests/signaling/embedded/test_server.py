"""The shell, over real websockets on the loopback. Every wait is for a message or an end, never for a time."""

import asyncio
import logging
import threading
from contextlib import asynccontextmanager

import aiohttp
import pytest

from signaling.embedded import EmbeddedServer, EmbeddedSettings
from signaling.embedded import connection as connection_module
from tests.signaling.embedded.house import (
    BACKEND,
    SECRET,
    code,
    internal_hello,
    message,
    resume_hello,
    ticket_hello,
)

GOOD = {"internal_secret": SECRET, "backend_url": BACKEND}


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == threads


@asynccontextmanager
async def serving(**settings):
    tasks = asyncio.all_tasks()
    async with asyncio.timeout(10):
        async with EmbeddedServer(EmbeddedSettings(**GOOD | settings)) as server, aiohttp.ClientSession() as http:
            yield server, http
        assert asyncio.all_tasks() == tasks
        assert server.stats().connections == 0


async def connect(server, http):
    ws = await http.ws_connect(server.url + "/spreed")
    assert (await ws.receive_json())["type"] == "welcome"
    return ws


async def greet(ws, hello):
    await ws.send_json(hello)
    answer = await ws.receive_json()
    assert answer["type"] == "hello", answer
    return answer["hello"]


async def until_closed(ws):
    while not (last := await ws.receive()).type.name.startswith("CLOS"):
        pass
    return last


def stop_reading(ws):
    ws._response.connection.transport.pause_reading()


async def test_an_internal_client_is_welcomed_and_let_in():
    async with serving() as (server, http):
        ws = await connect(server, http)
        assert server.url.startswith("http://127.0.0.1:")
        await greet(ws, internal_hello())
        assert server.stats().sessions == server.stats().connections == 1


async def test_two_clients_talk_to_each_other():
    async with serving() as (server, http):
        alice, bot = await connect(server, http), await connect(server, http)
        ticket = server.issue_ticket(user_id="alice", display_name="Alice")
        alices = await greet(alice, ticket_hello(ticket, version="2.0"))
        bots = await greet(bot, internal_hello())
        await bot.send_json(message({"type": "session", "sessionid": alices["sessionid"]}, "requestoffer"))
        assert (await alice.receive_json())["message"]["sender"]["sessionid"] == bots["sessionid"]
        await alice.send_json(message({"type": "session", "sessionid": bots["sessionid"]}, "offer"))
        assert (await bot.receive_json())["message"]["data"] == "offer"


async def test_a_cut_session_resumes_in_its_room():
    async with serving() as (server, http):
        ws = await connect(server, http)
        hello = await greet(ws, internal_hello(features=["internal-incall"]))
        await ws.send_json({"id": "j", "type": "room", "room": {"roomid": "r"}})
        assert (await ws.receive_json())["room"]["roomid"] == "r"
        server.cut(hello["sessionid"])
        assert (await until_closed(ws)).type is not aiohttp.WSMsgType.CLOSE, "no goodbye"

        again = await connect(server, http)
        assert (await greet(again, resume_hello(hello["resumeid"])))["sessionid"] == hello["sessionid"]
        assert (await again.receive_json())["event"]["target"] == "participants"
        await again.send_json({"id": "j", "type": "room", "room": {"roomid": "r"}})
        assert code([await again.receive_json()]) == "already_joined"


async def test_only_a_connected_session_can_be_cut():
    async with serving() as (server, _):
        with pytest.raises(KeyError):
            server.cut("nobody")


async def test_the_call_is_announced_and_ended():
    async with serving() as (server, http):
        ws = await connect(server, http)
        await greet(ws, ticket_hello(server.issue_ticket(user_id="alice", display_name="Alice")))
        await ws.send_json({"type": "room", "room": {"roomid": "r", "sessionid": "nc"}})
        assert [(await ws.receive_json())["type"] for _ in range(2)] == ["room", "event"]
        server.set_in_call("r", nextcloud_session_id="nc", flags=3)
        assert (await ws.receive_json())["event"]["update"]["users"][0]["inCall"] == 3
        server.end_call("r")
        assert (await ws.receive_json())["event"]["update"]["all"] is True


async def test_who_says_nothing_is_sent_away():
    async with serving(hello_timeout_s=0.01) as (server, http):
        ws = await connect(server, http)
        assert (await ws.receive_json())["bye"]["reason"] == "hello_timeout"
        await until_closed(ws)


async def test_a_session_that_does_not_come_back_expires():
    async with serving(resume_window_s=0.01) as (server, http):
        first, ws = await connect(server, http), await connect(server, http)
        hello = await greet(first, internal_hello())
        await greet(ws, ticket_hello(server.issue_ticket(user_id="a", display_name="A")))
        for client in (first, ws):
            await client.send_json({"type": "room", "room": {"roomid": "r", "sessionid": "nc"}})
            assert (await client.receive_json())["type"] == "room"
        server.cut(hello["sessionid"])
        while (heard := await ws.receive_json())["event"]["type"] != "leave":
            pass
        assert heard["event"]["leave"] == [hello["sessionid"]]


async def test_bye_is_answered_and_the_socket_closed():
    async with serving() as (server, http):
        ws = await connect(server, http)
        await greet(ws, internal_hello())
        await ws.send_json({"id": "b", "type": "bye"})
        assert await ws.receive_json() == {"id": "b", "type": "bye", "bye": {}}
        assert (await ws.receive()).data == aiohttp.WSCloseCode.OK
        assert server.stats().sessions == 0


async def test_broken_json_is_answered_and_the_connection_goes_on():
    async with serving() as (server, http):
        ws = await connect(server, http)
        await ws.send_str("{")
        assert code([await ws.receive_json()]) == "invalid_format"
        await greet(ws, internal_hello())


async def test_a_frame_that_is_not_text_closes_the_connection():
    async with serving() as (server, http):
        ws = await connect(server, http)
        await ws.send_bytes(b"{}")
        assert (await ws.receive()).data == aiohttp.WSCloseCode.UNSUPPORTED_DATA


@pytest.mark.parametrize(("size", "closed"), [(1000, False), (1001, True)])
async def test_a_message_over_the_limit_closes_the_connection(size, closed):
    async with serving(max_message_bytes=1000) as (server, http):
        ws = await connect(server, http)
        await ws.send_str("x" * size)
        last = await ws.receive()
        assert (last.type is aiohttp.WSMsgType.CLOSE) is closed
        assert not closed or last.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_reader_that_is_stuck_is_dropped_and_blocks_nobody(monkeypatch):
    monkeypatch.setattr(connection_module, "MAX_OUTBOX", 4)
    async with serving(max_buffered_messages=0) as (server, http):
        alice, stuck = await connect(server, http), await connect(server, http)
        await greet(alice, ticket_hello(server.issue_ticket(user_id="alice", display_name="Alice")))
        stucks = await greet(stuck, internal_hello())
        stop_reading(stuck)
        to_stuck = message({"type": "session", "sessionid": stucks["sessionid"]}, "x" * 60_000)
        while server.stats().connections == 2:
            await alice.send_json(to_stuck)
            await alice.send_json({"id": "e", "type": "room"})
            assert (await alice.receive_json())["id"] == "e"
        assert server.stats().sessions == 2, "it may still resume"


async def test_the_end_says_goodbye_and_does_not_wait_for_those_who_never_answer():
    async with asyncio.timeout(10), aiohttp.ClientSession() as http:
        tasks = asyncio.all_tasks()
        async with EmbeddedServer(EmbeddedSettings(**GOOD)) as server:
            polite, deaf = await connect(server, http), await connect(server, http)
            await greet(polite, internal_hello())
            stop_reading(deaf)
            goodbye = asyncio.create_task(polite.receive())
        assert (await goodbye).data == aiohttp.WSCloseCode.GOING_AWAY
        assert asyncio.all_tasks() == tasks
        assert server.stats().connections == 0


async def test_after_the_end_nothing_is_armed_any_more():
    async with serving() as (server, http):
        await greet(await connect(server, http), internal_hello())
    server.end_call("r")
    assert server._timer is None


async def test_a_client_that_does_not_answer_pings_is_taken_for_lost():
    async with serving(ping_interval_s=0.02) as (server, http):
        ws = await http.ws_connect(server.url + "/spreed", autoping=False)
        assert (await ws.receive_json())["type"] == "welcome"
        await greet(ws, internal_hello())
        assert (await ws.receive()).type is aiohttp.WSMsgType.PING
        await until_closed(ws)
        assert server.stats().sessions == 1, "it may still resume"


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing():
    async with serving() as (server, _):
        tasks = asyncio.all_tasks()
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError):
            await EmbeddedServer(EmbeddedSettings(**GOOD, port=port)).__aenter__()
        assert asyncio.all_tasks() == tasks


async def test_nothing_private_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with serving() as (server, http):
        ws = await connect(server, http)
        ticket = server.issue_ticket(user_id="alice", display_name="Wonderland")
        hello = await greet(ws, ticket_hello(ticket))
        await ws.send_json({"type": "room", "room": {"roomid": "secretroom", "sessionid": "nc-private"}})
        await ws.receive_json()
        await ws.send_json(message({"type": "room"}, "whispered"))
        await ws.send_str("garbled")
    private = [SECRET, ticket, hello["resumeid"], "alice", "Wonderland", "secretroom", "nc-private", "whispered"]
    private += ["garbled", "127.0.0.1"]
    assert not [word for word in private if word in caplog.text]
