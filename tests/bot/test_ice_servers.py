"""Talk's STUN and TURN servers: the best of them, fresh, and never in the way of a subscription."""

import asyncio
import base64
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.ice_servers import FRESH_S, PATH, ChatServerSettings, IceServers, NotTold, choose

TURN = {"urls": ["turn:turn.test:3478?transport=udp"], "username": "u", "credential": "c"}
SETTINGS = {"stunservers": [{"urls": ["stun:stun.test:443"]}], "turnservers": [TURN]}


def turn(*urls):
    return {"turnservers": [{"urls": list(urls), "username": "u", "credential": "c"}]}


def chosen(settings):
    return [server.urls for server in choose(settings)]


@pytest.mark.parametrize(
    ("urls", "best"),
    [
        (["turn:a?transport=tcp", "turn:b?transport=udp"], "turn:b?transport=udp"),
        (["turns:a?transport=tcp", "turn:b?transport=tcp"], "turn:b?transport=tcp"),
        (["turns:a?transport=udp", "turns:b?transport=tcp"], "turns:b?transport=tcp"),  # no DTLS to TURN in aiortc
        (["turn:a", "turn:b?transport=udp"], "turn:a"),
        (["turns:a"], "turns:a"),
    ],
)
def test_the_best_turn_url_is_chosen(urls, best):
    assert chosen(turn(*urls)) == [best]


def test_one_stun_and_one_turn_server_are_enough_and_keep_their_credentials():
    stun, relay = choose({"stunservers": [{"urls": ["stuns:x", "stun:y"]}, {"urls": "stun:z"}], "turnservers": [TURN]})

    assert stun.urls == "stun:y"
    assert (relay.urls, relay.username, relay.credential) == (TURN["urls"][0], "u", "c")


@given(settings=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
@pytest.mark.parametrize("key", ["stunservers", "turnservers"])
def test_nonsense_gives_no_server(key, settings):
    assert choose({key: settings}) == ()
    assert choose({key: [{"urls": settings}]}) == () or isinstance(settings, str | list)


class ChatServer:
    """Answers as Talk does; `answer` can be changed."""

    def __init__(self):
        self.asked = []
        self.status = 200
        self.answer = {"ocs": {"data": SETTINGS}}
        self.url = ""

    async def settings(self, request):
        self.asked.append(request.headers)
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def asking(*, secret="s3cret"):
    chat = ChatServer()
    app = web.Application()
    app.router.add_get(PATH, chat.settings)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        chat.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession() as http:
            yield chat, IceServers(http, ChatServerSettings(url=chat.url, secret=secret))
    finally:
        await runner.cleanup()


async def test_the_chat_server_is_asked_as_an_app():
    async with asking() as (chat, ice):
        servers = await ice.servers()

    (headers,) = chat.asked
    assert headers["EX-APP-ID"] == "live_transcription"
    assert headers["OCS-APIRequest"] == "true"
    assert base64.b64decode(headers["AUTHORIZATION-APP-API"]) == b":s3cret"
    assert [server.urls for server in servers] == ["stun:stun.test:443", TURN["urls"][0]]


async def test_without_a_secret_nobody_is_asked():
    async with asking(secret="") as (chat, ice):
        assert await ice.servers() == ()
        assert chat.asked == []


async def test_twenty_subscriptions_at_once_ask_once():
    async with asking() as (chat, ice):
        answers = await asyncio.gather(*(ice.servers() for _ in range(20)))

    assert len(chat.asked) == 1
    assert all(each == answers[0] for each in answers)


async def test_expired_credentials_are_asked_for_again(monkeypatch):  # D20
    async with asking() as (chat, ice):
        await ice.servers()
        chat.answer = {"ocs": {"data": {"turnservers": [TURN | {"credential": "new"}]}}}
        monkeypatch.setattr("bot.ice_servers.FRESH_S", -1.0)

        (relay,) = await ice.servers()

    assert relay.credential == "new"
    assert FRESH_S < 3600  # Talk's live for a day


@pytest.mark.parametrize("status", [401, 500])
async def test_a_chat_server_that_refuses_is_no_reason_to_fail(status, caplog):
    async with asking() as (chat, ice):
        chat.status = status
        assert await ice.servers() == ()

    assert "ROOMSCRIBE_NEXTCLOUD_URL" in caplog.text
    assert ("ROOMSCRIBE_APP_SECRET" in caplog.text) == (status == 401)
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("answer", [[], {}, {"ocs": None}, {"ocs": {"data": "text"}}])
async def test_an_answer_that_is_none_is_no_reason_to_fail(answer):
    async with asking() as (chat, ice):
        chat.answer = answer
        assert await ice.servers() == ()


async def test_a_chat_server_that_is_away_leaves_what_was_known(monkeypatch):
    monkeypatch.setattr("bot.ice_servers.FRESH_S", -1.0)
    async with asking() as (chat, ice):
        known = await ice.servers()
        chat.status = 503
        assert await ice.servers() == known


async def test_a_chat_server_that_never_answers_holds_nobody_up_for_long(monkeypatch):
    monkeypatch.setattr("bot.ice_servers.TIMEOUT_S", 0.2)
    silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    writers = []
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with silent, aiohttp.ClientSession() as http, asyncio.timeout(3):
        assert await IceServers(http, ChatServerSettings(url=url, secret="s")).servers() == ()
        for writer in writers:
            writer.close()


async def test_a_check_is_told_every_url_and_which_of_them_would_be_used():
    async with asking() as (chat, ice):
        urls = ["turns:a.test?transport=udp", "turn:b.test?transport=tcp", TURN["urls"][0]]
        chat.answer = {"ocs": {"data": {"stunservers": [{"urls": ["stuns:x", "stun:y"]}], **turn(*urls)}}}

        listed, chosen = await ice.listed()

    assert [each.urls for each in listed] == ["stuns:x", "stun:y", *urls]
    assert [each.urls for each in chosen] == ["stun:y", TURN["urls"][0]]
    assert {each.credential for each in listed if each.urls.startswith("turn")} == {"c"}


async def test_a_check_is_told_why_the_chat_server_tells_nothing(monkeypatch):
    async with aiohttp.ClientSession() as http:
        with pytest.raises(NotTold, match="refused"):
            await IceServers(http, ChatServerSettings(url="http://127.0.0.1:9", secret="s")).listed()
    async with asking() as (chat, ice):
        chat.status = 401
        with pytest.raises(NotTold, match="ROOMSCRIBE_APP_SECRET"):
            await ice.listed()
        monkeypatch.setattr("bot.ice_servers.TIMEOUT_S", 0.0)
        with pytest.raises(NotTold, match="in time"):
            await ice.listed()
