"""The language of the client's tests: a client at work on real websockets, and servers that do as they are told.

async with serving() as server, calling(server.url) as bot:
    await bot.told(RoomEntered)
"""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from signaling import (
    BackoffSettings,
    InternalCredentials,
    MessageReceived,
    OfferRequested,
    RoomEntered,
    SendOfferRequest,
    SendTranscript,
    SessionSettings,
    SignalingClient,
    TicketCredentials,
    signaling_url,
)
from signaling.embedded import EmbeddedServer, EmbeddedSettings

SECRET = "the internal secret"
BACKEND = "http://chat.test"
BOT = InternalCredentials(secret=SECRET, backend=BACKEND)
BRISK = BackoffSettings(first_s=0.02, cap_s=0.1, floor_s=0.01, rate_limited_s=0.2)
PATIENCE_S = 10.0  # only a broken client waits this long


def serving(**settings):
    return EmbeddedServer(EmbeddedSettings(**{"internal_secret": SECRET, "backend_url": BACKEND} | settings))


def ticket(server, name):
    return TicketCredentials(ticket=server.issue_ticket(user_id=name, display_name=name), backend=BACKEND)


def settings_for(url, **changes):
    defaults = {"credentials": BOT, "room": "attic", "backoff": BRISK}
    return SessionSettings(url=signaling_url(url), **defaults | changes)


def free_port():
    """A port at which nobody listens, just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def telephone():
    """An HTTP session, and how often it was dialled: `http.dials`."""
    trace = aiohttp.TraceConfig()

    async def dialled(*_):
        dials.append(1)

    dials = []
    trace.on_request_start.append(dialled)
    async with aiohttp.ClientSession(trace_configs=[trace]) as http:
        yield http, dials


class Caller:
    """A client at work: `events` is everything it told, in order."""

    def __init__(self, http, dials, settings):
        self.client = SignalingClient(http, settings)
        self.dials = dials
        self.events = []
        self._news = asyncio.Event()
        self.running = None
        self.watch = lambda event: None  # told each event after it was noted

    @property
    def kinds(self):
        return [type(event).__name__ for event in self.events]

    @property
    def messages(self):
        return [event.message for event in self.events if isinstance(event, MessageReceived)]

    def handle(self, event):
        self.events.append(event)
        self._news.set()
        self.watch(event)

    async def told(self, kind, *, times=1):
        """Wait for an event of this kind, or for a message of it, to have come so often; return the last."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [each for each in [*self.events, *self.messages] if isinstance(each, kind)]) < times:
                self._news.clear()
                await self._news.wait()
        return found[times - 1]

    def loses_the_network(self):
        """The client's end of the connection is gone; what had come in on it is still to be read."""
        self.client._socket._response.connection.transport.abort()

    async def ended(self):
        """Wait for `run` to return."""
        async with asyncio.timeout(PATIENCE_S):
            await self.running


@asynccontextmanager
async def calling(url, **changes):
    """A client that runs until the block ends, and then leaves."""
    async with telephone() as (http, dials), asyncio.TaskGroup() as tasks:
        caller = Caller(http, dials, settings_for(url, **changes))
        caller.running = tasks.create_task(caller.client.run(caller.handle))
        try:
            yield caller
        finally:
            await caller.client.leave()
            caller.running.cancel()


class Desk:
    """One connection of a scripted server."""

    def __init__(self, ws, number):
        self.ws = ws
        self.number = number

    async def hears(self):
        """The next message, or None when the client has hung up."""
        frame = await self.ws.receive()
        return json.loads(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else None

    async def says(self, *messages):
        for message in messages:
            await self.ws.send_str(message if isinstance(message, str) else json.dumps(message))

    async def greets(self, session_id="s1"):
        """Take any hello and any join."""
        heard = [await self.hears()]
        await self.says({"type": "hello", "hello": {"sessionid": session_id, "resumeid": "r1"}})
        while heard[-1] and heard[-1]["type"] != "room":
            heard.append(await self.hears())
        await self.says({"type": "room", "room": {"roomid": "attic"}})
        return heard

    async def listens_on(self):
        """Read until the client hangs up; return what it said."""
        heard = []
        while (message := await self.hears()) is not None:
            heard.append(message)
        return heard


@asynccontextmanager
async def scripted(script):
    """A server that plays `script(desk)` on each connection, and hangs up when the script ends. Yields its URL."""
    desks = []

    async def serve(request):
        ws = web.WebSocketResponse(max_msg_size=0, timeout=0.5)
        await ws.prepare(request)
        desks.append(ws)
        await script(Desk(ws, len(desks)))
        await ws.close()
        return ws

    app = web.Application()
    app.router.add_get("/spreed", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        for ws in desks:
            await ws.close()
        await runner.cleanup()


def caption(recipient, text="hello"):
    return SendTranscript(recipient=recipient, speaker="ada", text=text, language_id="en", final=True)


@asynccontextmanager
async def meeting(**settings):
    """A bot and a reader in one room."""
    async with serving(**settings) as server, calling(server.url) as bot:
        await bot.told(RoomEntered)
        async with calling(server.url, credentials=ticket(server, "rita"), room_session="nc-rita") as rita:
            await rita.told(RoomEntered)
            yield server, bot, rita


async def reaches(sender, receiver, *, times=1):
    """One message goes all the way: whatever was said before it has arrived."""
    assert await sender.client.send(SendOfferRequest(publisher=receiver.client.session_id))
    await receiver.told(OfferRequested, times=times)
