"""Nothing private reaches the log: a whole meeting with faults, at the lowest level, then a search for all of it.

Libraries are heard at their lowest level too, which production never does.
"""

from __future__ import annotations

import ast
import functools
import io
import json
import logging
import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from api import HttpSettings, Settings, running
from api.logs.rate import LineRate
from api.logs.setup import LogHandler
from bot import LOOPBACK, ChatServerSettings, RoomSettings, SignalingSettings
from bot.log_context import room_id, set_key
from bot.roster import Roster
from signaling import (
    BackoffSettings,
    IceCandidate,
    InternalCredentials,
    SendCandidate,
    SendOffer,
    signaling_url,
)
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.crew import Crew
from soak.participant import http_session
from tests.support.meeting import Meeting

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "bot", "pipeline", "signaling", "soak")
INTERNAL, BACKEND, API_SECRET = "the-internal-secret-of-hpb", "http://chat.test", "the-secret-of-the-api"
APP_SECRET = "the-secret-of-appapi"
GO_FORWARD, DO_SOMETHING = "command-goforward", "command-something"

OF_ROOMS = {"roomscribe.bot", "roomscribe.bot.room", "roomscribe.bot.delivery", "roomscribe.bot.subscriber"}
SHARED = {"roomscribe.pipeline.engine", "roomscribe.pipeline.local", "roomscribe.signaling.embedded"}
EXPECTED = {
    *("roomscribe.api", "roomscribe.bot", "roomscribe.bot.room", "roomscribe.bot.subscriber"),
    *("roomscribe.bot.supervisor", "roomscribe.bot.ice_servers", "roomscribe.signaling"),
    *("roomscribe.signaling.embedded", "roomscribe.pipeline.engine", "roomscribe.pipeline.local"),
    *("aiortc.rtcpeerconnection", "aioice.ice"),
}
#: What no line may look like, whoever it is about.
SHAPES = {
    "an IPv4 address": re.compile(r"(?<![\d.])\d{1,3}(\.\d{1,3}){3}(?![\d.])"),
    "an IPv6 address": re.compile(r"(?<![\w:])(?=[0-9a-f:]*::|([0-9a-f]+:){7})[0-9a-f:]{2,}(?![\w:])", re.IGNORECASE),
    "a URL": re.compile(r"\w+://"),
    "SDP": re.compile(r"v=0|candidate:|a=ice-|m=audio|ice-ufrag|fingerprint"),
}
HOSTILE = (
    b"",
    b"{",
    b"[" * 5000,
    b"\xff\xfe",
    b'{"roomToken": "hostile-token\\u0000", "ncSessionId": "hostile-session", "enable": true}',
    b'{"roomToken": "hostile-token", "ncSessionId": "hostile\\nsession", "enable": "yes", "hostile-field": 1}',
    b"x" * 100_000,
)
BROKEN_OFFERS = (
    "",
    "v=0\r\n",
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n",
    "m=video 9 x 1",
    "v=0\r\n" * 6_000,
)


@dataclass
class Private:
    """What was there to be kept: `texts` anywhere in a line, `words` as whole words."""

    texts: dict[str, str] = field(default_factory=dict)  # text → what it is
    words: set[str] = field(default_factory=set)

    def add(self, what, *texts):
        self.texts |= {text: what for text in texts if text}

    def hear(self, captions):
        for caption in captions:
            self.words |= set(words(caption.text))


def words(text):
    return re.findall(r"[a-z]{4,}", text.lower())


def leaks(lines, private):
    """Everything private in these lines, in words."""
    public = {word for template in templates().values() for word in words(template)}
    found = []
    for line in lines:
        said = "\n".join(str(value) for name, value in line.items() if name != "timestamp")
        found += [(what, line) for text, what in private.texts.items() if text.lower() in said.lower()]
        found += [(f"the word {word!r}", line) for word in (private.words - public) & set(words(said))]
        found += [(what, line) for what, shape in SHAPES.items() if shape.search(said)]
    return found


def log_calls():
    """Every call that writes a line, as (place, the call)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "logger"), attr=method)) if method in (
                        *("debug", "info", "warning", "error", "exception", "critical", "log"),
                    ):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", node


@functools.cache
def templates():
    """By the place of the call."""
    return {
        place: call.args[0].value
        for place, call in log_calls()
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_every_line_is_a_constant_template():
    """What is said is in the code for all to see; what is filled in is an argument, which errors do not get past."""
    assert [place for place, _ in log_calls() if place not in templates()] == []
    assert len(templates()) > 30


@pytest.fixture
def logged():
    """The lines, as production would write them, of everything and without a bound on repetitions."""
    stream = io.StringIO()
    handler = LogHandler("json", stream, rate=LineRate(most=10**9))
    names = ("", "roomscribe", "aiohttp.server")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    set_key(INTERNAL.encode())
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("room-12ab joined", "a token"),
        ("Adalbert joined", "a name"),
        ("hello ADALBERT", "a name"),
        ("it heard: go Forward.", "the word 'forward'"),
        ("no way to 192.0.2.7:5000", "an IPv4 address"),
        ("no way to [2001:db8::7]:5000", "an IPv6 address"),
        ("no way to ::1", "an IPv6 address"),
        ("asking https://chat.test", "a URL"),
        ("got v=0 o=-", "SDP"),
        ("got candidate:1 1 udp", "SDP"),
    ],
)
def test_the_search_finds_what_is_planted(logged, planted, what):
    private = Private(words={"forward"})
    private.add("a token", "room-12ab")
    private.add("a name", "Adalbert")

    logging.getLogger("roomscribe.bot.room").info("%s", planted)

    assert what in [each for each, _ in leaks(logged(), private)]


def test_the_search_finds_nothing_where_nothing_is(logged):
    logging.getLogger("roomscribe.bot.room").info("joined a room at %s: libopus %s", "12:30:45", "1.4")
    assert leaks(logged(), Private(words={"joined"})) == []


@pytest.fixture
async def signaling():
    async with EmbeddedServer(EmbeddedSettings(internal_secret=INTERNAL, backend_url=BACKEND)) as server:
        yield server


def settings(server, engine, *, secret=INTERNAL):
    return Settings(
        http=HttpSettings(port=0, secrets=(API_SECRET,)),
        rooms=RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(server.url),
                credentials=InternalCredentials(secret=secret, backend=BACKEND),
                backoff=BackoffSettings(first_s=0.2, cap_s=1.0),
            ),
            addresses=LOOPBACK,
            chat_server=ChatServerSettings(url="http://127.0.0.1:9", secret=APP_SECRET),
            speaker_retry_s=0.2,
        ),
        engine=engine,
    )


async def call(http, service, body, *, secret=API_SECRET, path="/api/v1/call/transcribe"):
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    data = body if isinstance(body, bytes) else json.dumps(body)
    async with http.post(service.url + path, data=data, headers=headers) as response:
        await response.read()
        return response.status


@pytest.mark.model
async def test_nothing_private_reaches_the_log_of_a_whole_meeting_with_faults(
    logged, engine_settings, signaling, monkeypatch
):
    private = Private()
    private.add("a secret", INTERNAL, API_SECRET, APP_SECRET, "a-wrong-secret")
    private.add("a body", "hostile-token", "hostile-session", "hostile-field")
    async with (
        http_session() as visitors,
        aiohttp.ClientSession() as http,
        Crew() as crew,
        running(settings(signaling, engine_settings)) as service,
    ):
        await service.supervisor.engine.wait_ready()
        room = Meeting(signaling, service.supervisor, visitors, crew, backend=BACKEND, addresses=LOOPBACK)
        private.add("a token", room.token)

        await strangers_call(http, service, room.token)
        people = [await room.reader("Rosamunde"), await room.reader("Ottokar"), await room.speaker("Adalbert")]
        rosamunde, ottokar, adalbert = people
        mallory = await room.reader("Malfalda", microphone=True)
        for each in (rosamunde, ottokar):
            wanted = {"roomToken": room.token, "ncSessionId": each.nc, "enable": True}
            assert await call(http, service, wanted) == 200
        await room.joined()
        await adalbert.heard()
        note(private, room, [*people, mallory])
        await mallory.joins_call(microphone=True)
        await breaks_offers(mallory, room.bot.session_id)

        await adalbert.says(GO_FORWARD)
        await rosamunde.final(of=adalbert)
        signaling.cut(room.bot.session_id)
        os.kill(service.supervisor.engine.pid, signal.SIGKILL)
        await ottokar.vanishes()
        await adalbert.says(DO_SOMETHING)
        await rosamunde.final_number(2)
        note(private, room, [*people, mallory])
        private.hear(rosamunde.captions)

        monkeypatch.setattr(Roster, "wanted", lambda _: fail_with(room.token, adalbert))
        await room.gone()
        assert await call(http, service, wanted) == 503
        monkeypatch.undo()

    await is_refused(signaling, engine_settings, http_token="another-token")
    private.add("a token", "another-token")

    assert len(private.texts) > 20
    assert {"forward", "something"} & private.words
    assert leaks(logged(), private) == []
    judge(logged(), room.token)


async def strangers_call(http, service, token):
    wanted = {"roomToken": token, "ncSessionId": "hostile-session", "enable": True}
    assert await call(http, service, wanted, secret="a-wrong-secret") == 401
    for body in HOSTILE:
        assert 400 <= await call(http, service, body) < 500
    assert await call(http, service, wanted, path=f"/api/v1/rooms/{token}/hostile-field") in (404, 405)


async def breaks_offers(mallory, bot):
    client = mallory.participant.client
    for sdp in BROKEN_OFFERS:
        await client.send(SendOffer(recipient=bot, sid="s", sdp=sdp))
        candidate = IceCandidate(candidate="candidate:1 1 udp 1 198.51.100.7 9 typ host")
        await client.send(SendCandidate(recipient=bot, sid="s", candidate=candidate))


def note(private, room, people):
    private.add("a session id", room.bot.session_id, *(each.session_id for each in people))
    private.add("a Nextcloud session id", *(each.nc for each in people))
    private.add("a name", *(each.name for each in people))
    for speaker in room.bot.speakers.active:
        peer = speaker.subscriber.peer
        if peer is not None and peer._connection.localDescription is not None:
            both = peer._connection.localDescription.sdp + peer._connection.remoteDescription.sdp
            private.add("SDP", *re.findall(r"a=(?:ice-pwd|fingerprint|msid):(\S{8,})", both))
            private.add("SDP", *re.findall(r"a=fingerprint:\S+ (\S+)", both))


def fail_with(token, person):
    raise ValueError(f"{token} {person.name} {person.session_id} ws://198.51.100.7/ v=0 {API_SECRET}")


async def is_refused(server, engine, *, http_token):
    """A process whose secret the signaling server does not take."""
    async with running(settings(server, engine, secret="a-wrong-secret")) as service:
        await service.supervisor.engine.wait_ready()
        supervisor = service.supervisor
        supervisor.enable(http_token, "hostile-session", supervisor.language("en"))
        await supervisor.rooms[http_token].gone.wait()


def judge(lines, token):
    """Every part spoke, and each line of a room says which."""
    assert {line["logger"] for line in lines} >= EXPECTED
    rooms = {room_id(token), room_id("another-token")}
    for line in lines:
        if line["logger"] in OF_ROOMS:
            assert line.get("room") in rooms, line
        if line["logger"] in SHARED:
            assert not line.keys() & {"room", "speaker", "request"}, line
        if "speaker" in line:
            assert re.fullmatch(r"\d+\.\d+", line["speaker"])
            assert line["room"] in rooms
    begun = [line for line in lines if line["event"] == "joined a room"]
    assert [line["room"] for line in begun] == [room_id(token)]
    asked = [line for line in lines if line["event"].startswith("POST /api/v1/call/transcribe: 200")]
    assert begun[0]["request"] == asked[0]["request"], "a room's lines keep the id of the request that began it"
    (failed,) = [line for line in lines if line["event"].startswith("a room failed: ValueError")]
    assert "fail_with" in failed["exception"]
