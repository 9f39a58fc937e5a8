"""Media is tried out from the offer to the first audio, and how far it came is told.

The media server here is made of aiortc; tests/realstack/test_doctor.py has a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa

from bot import LOOPBACK, RoomSettings, SignalingSettings, close_connection
from bot.media_check import try_media
from bot.rtp_tap import certificate
from signaling import InternalCredentials, signaling_url
from tests.bot.publishing import a_pair
from tests.signaling.callers import BACKEND, SECRET, free_port, scripted, serving

PATIENCE_S = 30.0


class MediaServer:
    """A signaling server's script: takes what is offered to its sender, and offers silence to whoever asks.

    `faults` are kinds of messages that it answers with an error, or not at all (None).
    """

    def __init__(self, *, rsa_certificate=False, faults=None):
        self._rsa = rsa_certificate
        self._faults = faults or {}
        self._connections = []
        self.hellos = 0

    async def __call__(self, desk):
        me = f"session-{desk.number}"
        while (message := await desk.hears()) is not None:
            match message:
                case {"type": "hello"}:
                    self.hellos += 1
                    await desk.says({"type": "hello", "hello": {"sessionid": me, "resumeid": "r"}})
                case {"type": "room", "room": room}:
                    await desk.says({"type": "room", "room": {"roomid": room["roomid"]}})
                case {"type": "message", "message": {"recipient": recipient, "data": data}}:
                    await self._said(desk, recipient["sessionid"], data, message.get("id"))

    async def _said(self, desk, publisher, data, request_id):
        kind = data["type"]
        if kind in self._faults:
            if (code := self._faults[kind]) is not None:
                await desk.says({"id": request_id, "type": "error", "error": {"code": code, "message": ""}})
            return
        if kind == "offer":
            connection = self._connection()
            await connection.setRemoteDescription(RTCSessionDescription(sdp=data["payload"]["sdp"], type="offer"))
            await self._describe(desk, connection, "answer", publisher, data["sid"])
        elif kind == "requestoffer":
            connection = self._connection()
            connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
            await self._describe(desk, connection, "offer", publisher, "sid-2")
        elif kind == "answer":
            answer = RTCSessionDescription(sdp=data["payload"]["sdp"], type="answer")
            await self._connections[-1].setRemoteDescription(answer)

    def _connection(self):
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if self._rsa:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            own = [RTCCertificate(key=key, cert=generate_certificate(key))]
            connection._RTCPeerConnection__certificates = own
        self._connections.append(connection)
        return connection

    async def _describe(self, desk, connection, kind, publisher, sid):
        make = connection.createOffer if kind == "offer" else connection.createAnswer
        with LOOPBACK.gathering():
            await connection.setLocalDescription(await make())
        payload = {"type": kind, "sdp": connection.localDescription.sdp}
        data = {"type": kind, "sid": sid, "payload": payload}
        await desk.says({"type": "message", "message": {"sender": {"sessionid": publisher}, "data": data}})

    async def close(self):
        for connection in self._connections:
            await close_connection(connection)


@asynccontextmanager
async def media_server(**settings):
    server = MediaServer(**settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        server.url = await stack.enter_async_context(scripted(server))
        yield server


async def tried(url, *, secret=SECRET):
    settings = RoomSettings(
        signaling=SignalingSettings(
            url=signaling_url(url), credentials=InternalCredentials(secret=secret, backend=BACKEND)
        ),
        addresses=LOOPBACK,
    )
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE_S):
        return await try_media(http, settings, ())


async def test_audio_comes_back_and_the_certificate_and_the_way_are_known():
    async with media_server() as server:
        trial = await tried(server.url)

    assert (trial.problem, trial.refusal) == ("", "")
    assert (trial.entered, trial.answered) == (True, True)
    assert (trial.way, trial.certificate, trial.sockets) == ("host", "EC secp256r1", 1)
    assert trial.connected_s > 0
    assert trial.heard_s > 0
    assert server.hellos == 2


async def test_a_media_server_with_an_rsa_certificate_is_known_by_the_publisher_and_lost_to_the_subscriber():
    async with media_server(rsa_certificate=True) as server:
        trial = await tried(server.url)

    assert trial.certificate == "RSA 2048"
    assert trial.heard_s is None
    assert "DTLS" in trial.problem


@pytest.mark.parametrize("kind", ["offer", "requestoffer", "answer"])
async def test_what_is_refused_ends_it_with_the_code(kind):
    async with media_server(faults={kind: "processing_failed"}) as server:
        trial = await tried(server.url)

    assert trial.refusal == "processing_failed"
    assert "processing_failed" in trial.problem
    assert trial.answered == (kind != "offer")
    assert trial.heard_s is None


@pytest.mark.parametrize(("kind", "problem"), [("offer", "did not answer"), ("requestoffer", "offered our audio")])
async def test_what_is_not_answered_is_not_waited_for_for_ever(kind, problem, monkeypatch):
    monkeypatch.setattr("bot.media_check.ANSWER_S", 1.0)
    async with media_server(faults={kind: None}) as server:
        trial = await tried(server.url)

    assert problem in trial.problem


async def test_a_subscription_that_never_comes_about_ends_in_time(monkeypatch):
    monkeypatch.setattr("bot.media_check.CONNECT_S", 1.0)
    async with media_server(faults={"answer": None}) as server:
        trial = await tried(server.url)

    assert trial.certificate == "EC secp256r1"
    assert "in time" in trial.problem


async def test_a_wrong_secret_is_tried_once():
    hellos = []

    async def refuses(desk):
        hellos.append(await desk.hears())
        await desk.says({"id": "hello", "type": "error", "error": {"code": "invalid_token", "message": ""}})
        await desk.listens_on()

    async with scripted(refuses) as url:
        trial = await tried(url, secret="not the secret")

    assert (trial.entered, trial.refusal, len(hellos)) == (False, "invalid_token", 1)


async def test_a_server_that_is_down_is_told():
    trial = await tried(f"http://127.0.0.1:{free_port()}")

    assert not trial.entered
    assert "no connection" in trial.problem


async def test_a_signaling_server_that_lets_nobody_in_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("bot.media_check.ENTER_S", 0.2)

    async def says_nothing(desk):
        await desk.listens_on()

    async with scripted(says_nothing) as url:
        trial = await tried(url)

    assert "in time" in trial.problem


async def test_a_server_without_media_leaves_nobody_behind(monkeypatch):
    monkeypatch.setattr("bot.media_check.ANSWER_S", 0.5)
    async with serving() as server:
        trial = await tried(server.url)
        stats = server.stats()

    assert trial.entered
    assert not trial.answered
    assert stats.sessions == 0


async def test_the_kind_of_a_certificate_is_known_once_connected():
    async with a_pair() as (publisher, listener):
        publisher.speaks()
        assert [certificate(each) for each in publisher.connection.getTransceivers()] == [""]

        await publisher.connect(listener.peer)
        await listener.becomes("connected")

        assert [certificate(each) for each in listener.peer.transceivers] == ["EC secp256r1"]
