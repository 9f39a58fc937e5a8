"""A synthetic participant who stays while others come, listen and go: on a real signaling server and real WebRTC."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

import soak.participant
from bot import LOOPBACK, close_connection
from signaling import (
    MessageReceived,
    Offer,
    PeopleLeft,
    RoomEntered,
    SendAnswer,
    SendOfferRequest,
    SendTranscript,
    SessionSettings,
    SignalingClient,
    TicketCredentials,
    signaling_url,
)
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, http_session

BACKEND, ROOM = "http://chat.test", "room"
PATIENCE_S = 15


class Visitor:
    """Comes, may listen to a publisher, and goes. Sees everything that is said to it, in order."""

    def __init__(self, client):
        self.client = client
        self.connection = None
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self._seen = deque()
        self._news = asyncio.Event()

    @property
    def session_id(self):
        return self.client.session_id

    def see(self, event):
        self._seen.append(event.message if isinstance(event, MessageReceived) else event)
        self._news.set()

    async def sees(self, kind, expected=lambda _: True):
        """The next event of a kind; what came before it is forgotten."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._seen:
                    event = self._seen.popleft()
                    if isinstance(event, kind) and expected(event):
                        return event
                self._news.clear()
                await self._news.wait()

    async def asks(self, publisher):
        await self.client.send(SendOfferRequest(publisher=publisher.session_id))
        return await self.sees(Offer)

    async def listens(self, publisher):
        """Until audio may flow."""
        offer = await self.asks(publisher)
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.on("connectionstatechange", self._changed)
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=offer.sdp, type="offer"))
        with LOOPBACK.gathering():
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        await self.answers(offer, self.connection.localDescription.sdp)
        async with asyncio.timeout(PATIENCE_S):
            await self.connected.wait()

    async def answers(self, offer, sdp):
        await self.client.send(SendAnswer(recipient=offer.sender, sid=offer.sid, sdp=sdp))

    async def hangs_up(self):
        if self.connection is not None:
            await close_connection(self.connection)

    def _changed(self):
        {"connected": self.connected, "closed": self.closed}.get(self.connection.connectionState, asyncio.Event()).set()


class House:
    """One room; `await house.visitor(…)` and `await house.participant(…)` let people in."""

    def __init__(self, server, http, crew):
        self.visitors = []
        self._server = server
        self._http = http
        self._crew = crew

    async def visitor(self, name="Somebody"):
        settings = SessionSettings(
            url=signaling_url(self._server.url),
            credentials=self._ticket(name),
            room=ROOM,
            room_session=secrets.token_hex(8),
        )
        visitor = Visitor(SignalingClient(self._http, settings))
        self.visitors.append(visitor)
        self._crew.start(visitor.client.run(visitor.see))
        await visitor.sees(RoomEntered)
        return visitor

    async def participant(self, **more):
        participant = Participant(
            self._http,
            url=signaling_url(self._server.url),
            room=ROOM,
            nextcloud_session_id=secrets.token_hex(8),
            credentials=self._ticket("The participant"),
            **more,
        )
        self._crew.start(participant.run())
        async with asyncio.timeout(PATIENCE_S):
            await participant.entered.wait()
        return participant

    def _ticket(self, name):
        ticket = self._server.issue_ticket(user_id=secrets.token_hex(4), display_name=name)
        return TicketCredentials(ticket=ticket, backend=BACKEND)


@pytest.fixture
async def house():
    async with (
        EmbeddedServer(EmbeddedSettings(internal_secret="x", backend_url=BACKEND)) as server,
        http_session() as http,
        Crew() as crew,
    ):
        house = House(server, http, crew)
        try:
            yield house
        finally:
            for visitor in house.visitors:
                await visitor.hangs_up()


@pytest.fixture
async def speaker(house):
    return await house.participant(microphone=Microphone())


@pytest.fixture
def released(monkeypatch):
    """How many connections the participant has released; `await released.wait(n)`."""
    counter = Counter()

    async def close(connection):
        await close_connection(connection)
        counter.up()

    monkeypatch.setattr(soak.participant, "close_connection", close)
    return counter


class Counter:
    def __init__(self):
        self.value = 0
        self._changed = asyncio.Event()

    def up(self):
        self.value += 1
        self._changed.set()

    async def wait(self, value):
        async with asyncio.timeout(PATIENCE_S):
            while self.value < value:
                self._changed.clear()
                await self._changed.wait()


# Those who listen


async def test_a_listener_who_hangs_up_is_forgotten(house, speaker, released, monkeypatch):
    monkeypatch.setattr(soak.participant, "MAX_PEERS", 2)
    stays, leaves, comes = [await house.visitor() for _ in range(3)]
    await stays.listens(speaker)
    await leaves.listens(speaker)

    await leaves.hangs_up()
    await released.wait(1)
    await comes.listens(speaker)

    assert released.value == 1
    assert stays.connection.connectionState == "connected"


async def test_when_there_are_too_many_the_one_who_listened_longest_makes_room(house, speaker, monkeypatch):
    monkeypatch.setattr(soak.participant, "MAX_PEERS", 2)
    first, second, third = [await house.visitor() for _ in range(3)]
    for visitor in (first, second, third):
        await visitor.listens(speaker)

    async with asyncio.timeout(PATIENCE_S):
        await first.closed.wait()
    assert second.connection.connectionState == "connected"


async def test_an_answer_that_cannot_be_read_harms_only_who_sent_it(house, speaker):
    odd, other = await house.visitor(), await house.visitor()
    offer = await odd.asks(speaker)

    await odd.answers(offer, "v=0\r\nnonsense")
    await other.listens(speaker)

    assert speaker.connected.is_set()


class Watched(Microphone):
    """Keeps what it is told of those who receive it."""

    def __init__(self):
        super().__init__()
        self.news = asyncio.Queue()

    def offered(self, offer):
        return offer + "a=x-watched\r\n"

    def connected(self, peer):
        self.news.put_nowait(("connected", peer))

    def gone(self, peer):
        self.news.put_nowait(("gone", peer))


async def test_what_is_published_words_the_offer_and_is_told_who_receives_it(house):
    source = Watched()
    visitor, speaker = await house.visitor(), await house.participant(microphone=source)

    assert "a=x-watched" in (await visitor.asks(speaker)).sdp
    await visitor.listens(speaker)
    async with asyncio.timeout(PATIENCE_S):
        while (told := await source.news.get())[0] != "connected":
            pass
        await visitor.hangs_up()
        assert await source.news.get() == ("gone", told[1])


# Those who are in the room


@asynccontextmanager
async def reading(house):
    """A participant, and a way to be sure that it has heard all that happened so far."""
    heard = asyncio.Event()
    reader = await house.participant(on_caption=lambda _: heard.set())
    witness = await house.visitor("The witness")

    async def up_to_date():
        heard.clear()
        caption = SendTranscript(recipient=reader.session_id, speaker="x", text="x", language_id="en", final=True)
        await witness.client.send(caption)  # goes the same way as the news before it
        async with asyncio.timeout(PATIENCE_S):
            await heard.wait()

    async def leaves(visitor):
        session = visitor.session_id
        await visitor.client.leave()
        await witness.sees(PeopleLeft, lambda left: session in left.session_ids)
        return session

    yield reader, up_to_date, leaves


async def test_a_name_is_known_for_as_long_as_captions_may_come_under_it(house):
    async with reading(house) as (reader, up_to_date, leaves):
        ada = await house.visitor("Ada")
        session = await leaves(ada)
        await up_to_date()

        assert reader.name_of(session) == "Ada"  # her last words come after her
        assert reader.name_of("nobody") is None


async def test_who_stays_keeps_the_name_however_many_come_and_go(house, monkeypatch):
    monkeypatch.setattr(soak.participant, "MAX_NAMES", 4)
    monkeypatch.setattr(soak.participant, "MAX_FORMER", 2)
    async with reading(house) as (reader, up_to_date, leaves):
        ada = await house.visitor("Ada")
        gone = [await leaves(await house.visitor(f"Guest {number}")) for number in range(6)]
        new = await house.visitor("Newcomer")
        await up_to_date()

        assert reader.name_of(ada.session_id) == "Ada"
        assert reader.name_of(new.session_id) == "Newcomer"
        assert [reader.name_of(session) for session in gone] == [None] * 4 + ["Guest 4", "Guest 5"]


async def test_in_a_crowd_the_newcomers_names_are_known(house, monkeypatch):
    monkeypatch.setattr(soak.participant, "MAX_NAMES", 2)
    async with reading(house) as (reader, up_to_date, _):
        one, two, three = [await house.visitor(name) for name in ("One", "Two", "Three")]
        await up_to_date()

        assert [reader.name_of(visitor.session_id) for visitor in (one, two, three)] == [None, "Two", "Three"]


# Many people, one client


async def test_one_http_session_carries_any_number_of_people():
    everybody = 120
    together = asyncio.Barrier(everybody)

    async def welcome(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await together.wait()
        return socket

    app = web.Application()
    app.router.add_get("/", welcome)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with asyncio.timeout(PATIENCE_S), http_session() as http, asyncio.TaskGroup() as tasks:
            for _ in range(everybody):
                tasks.create_task(visit(http, url))
    finally:
        await runner.cleanup()


async def visit(http: aiohttp.ClientSession, url: str) -> None:
    async with http.ws_connect(url) as socket:
        await socket.receive()
