"""STUN and TURN servers are asked for real, and what is the matter with one is told apart."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from contextlib import asynccontextmanager

import pytest
from aioice import stun
from aiortc import RTCIceServer
from hypothesis import given
from hypothesis import strategies as st

from bot.ice_check import MAX_SERVERS, Fault, ask, ask_each, expired_for, kind_of

USER, PASSWORD = "ada", "s3cret"
KEY = hashlib.md5(f"{USER}:test:{PASSWORD}".encode()).digest()  # RFC 8489 §9.2.2


class Server(asyncio.DatagramProtocol):
    """Hears STUN messages, over UDP or TCP; `answer(message)` is what it says to one: a message, bytes or nothing."""

    def __init__(self, answer):
        self.answer = answer
        self.heard = []
        self.port = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        reply = self._reply(data)
        if reply is not None:
            self.transport.sendto(reply, address)

    async def stream(self, reader, writer):
        try:
            while head := await reader.readexactly(20):
                body = await reader.readexactly(int.from_bytes(head[2:4], "big"))
                reply = self._reply(head + body)
                if reply is not None:
                    writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _reply(self, data):
        message = stun.parse_message(data)
        self.heard.append(message)
        reply = self.answer(message)
        return bytes(reply) if reply is not None else None


@asynccontextmanager
async def serving(answer):
    """The same port for UDP and TCP."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Server(answer), local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        async with await asyncio.start_server(server.stream, "127.0.0.1", server.port):
            yield server
    finally:
        transport.close()


def response(message, *, kind=stun.Class.RESPONSE, **attributes):
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return stun.Message(message.message_method, kind, transaction_id=message.transaction_id, attributes=named)


def sees(address):
    return lambda message: response(message, XOR_MAPPED_ADDRESS=(address, 4711))


def relays(message, *, knows=True, code=401):
    """A TURN server: it wants credentials, and then gives a public address; or never likes them."""
    if "USERNAME" not in message.attributes or not knows:
        challenge = {"ERROR_CODE": (code, "no"), "REALM": "test", "NONCE": b"nonce"}
        return response(message, kind=stun.Class.ERROR, **challenge)
    given = {"XOR_RELAYED_ADDRESS": ("8.8.4.4", 50000), "XOR_MAPPED_ADDRESS": ("10.0.0.1", 4711), "LIFETIME": 600}
    answer = response(message, **given)
    answer.add_message_integrity(KEY)
    return answer


def refuses(code):
    return lambda message: relays(message, knows=False, code=code)


def turn(url, *, username=USER):
    return RTCIceServer(urls=url, username=username, credential=PASSWORD)


async def test_a_stun_server_that_answers_says_how_it_sees_us():
    async with serving(sees("8.8.8.8")) as server:
        asked = await ask(RTCIceServer(urls=f"stun:127.0.0.1:{server.port}"))

    assert (asked.fault, asked.sees) == (None, "public")
    assert 0 < asked.took_s < 5


async def test_a_packet_that_is_lost_is_sent_again():
    answers = iter([None, b"nonsense"])

    def forgetful(message):
        return next(answers, sees("10.1.2.3")(message))

    async with serving(forgetful) as server:
        asked = await ask(RTCIceServer(urls=f"stun:127.0.0.1:{server.port}"))

    assert (asked.fault, asked.sees) == (None, "private")


@pytest.mark.parametrize("scheme", ["stun", "turn"])
async def test_a_server_that_never_answers_is_silent_in_time(monkeypatch, scheme):
    monkeypatch.setattr("bot.ice_check.LIMIT_S", 0.2)
    async with serving(lambda _: None) as server:
        asked = await ask(turn(f"{scheme}:127.0.0.1:{server.port}"))

    assert asked.fault is Fault.SILENT


@pytest.mark.parametrize("url", ["stun:127.0.0.1:{}", "turn:127.0.0.1:{}?transport=tcp", "turns:127.0.0.1:{}"])
async def test_a_port_where_nobody_listens_is_told_at_once(url):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        asked = await ask(turn(url.format(held.getsockname()[1])))

    assert asked.fault is Fault.UNREACHABLE
    assert "refused" in asked.reason


@pytest.mark.parametrize("scheme", ["stun", "turn"])
async def test_a_name_that_is_none_is_told(scheme):
    assert (await ask(turn(f"{scheme}:{'x' * 64}.test"))).fault is Fault.NAME  # too long to be looked up anywhere


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_turn_server_relays_and_has_its_address_back_afterwards(transport):
    async with serving(relays) as server:
        asked = await ask(turn(f"turn:127.0.0.1:{server.port}?transport={transport}"))

    assert (asked.fault, asked.sees) == (None, "public")
    last = server.heard[-1]
    assert (last.message_method, last.attributes["LIFETIME"]) == (stun.Method.REFRESH, 0)


async def test_wrong_credentials_are_told_from_those_that_have_run_out():
    late, fresh = f"{int(time.time()) - 90}:ada", f"{int(time.time()) + 90}:ada"
    async with serving(refuses(401)) as server:
        url = f"turn:127.0.0.1:{server.port}"
        asked = [await ask(turn(url, username=username)) for username in ("ada", fresh, late)]

    assert [each.fault for each in asked] == [Fault.CREDENTIALS, Fault.CREDENTIALS, Fault.EXPIRED]
    assert "ran out 9" in asked[-1].reason


async def test_whatever_else_a_turn_server_says_is_told_by_its_number():
    async with serving(refuses(486)) as server:
        asked = await ask(turn(f"turn:127.0.0.1:{server.port}"))

    assert (asked.fault, asked.reason) == (Fault.REFUSED, "it answers with error 486")


async def test_tls_where_there_is_none_is_told():
    def hangs_up(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hangs_up, "127.0.0.1", 0) as plain:
        asked = await ask(turn(f"turns:127.0.0.1:{plain.sockets[0].getsockname()[1]}"))

    assert asked.fault is Fault.CERTIFICATE


@pytest.mark.parametrize("url", ["turns:turn.test?transport=udp", "stuns:stun.test", "turn:", "http://turn.test", ""])
async def test_what_aiortc_cannot_use_is_not_asked(url):
    assert (await ask(turn(url))).fault is Fault.UNUSABLE


async def test_many_servers_are_asked_at_once_and_answer_in_their_order():
    async with serving(sees("8.8.8.8")) as server:
        url = f"stun:127.0.0.1:{server.port}"
        asked = await ask_each([RTCIceServer(urls=each) for each in [url, "turn:", *[url] * MAX_SERVERS]])

    assert len(asked) == MAX_SERVERS
    assert [each.url for each in asked[:3]] == [url, "turn:", url]
    assert [each.fault for each in asked[:3]] == [None, Fault.UNUSABLE, None]


async def test_no_reason_holds_a_secret_or_an_address():
    async with serving(refuses(401)) as server:
        asked = await ask(turn(f"turn:127.0.0.1:{server.port}"))

    assert PASSWORD not in repr(asked)
    assert "127.0.0.1" not in asked.reason


@pytest.mark.parametrize(
    ("address", "kind"),
    [("8.8.8.8", "public"), ("2001:4860:4860::8888", "public"), ("192.168.1.7", "private"), ("127.0.0.1", "loopback")],
)
def test_an_address_is_told_by_its_kind(address, kind):
    assert kind_of(address) == kind


@given(username=st.text() | st.integers().map("{}:ada".format), wallclock=st.floats(0, 1e10))
def test_no_user_name_is_too_strange_to_be_looked_at(username, wallclock):
    late_s = expired_for(username, wallclock=wallclock)
    assert late_s is None or late_s > 0
