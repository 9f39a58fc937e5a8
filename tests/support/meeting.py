"""A meeting for tests: the embedded signaling server, a real bot with the real model, and people who speak and read.

async with meeting(engine_settings) as room:
    rita, ada = await room.reader("Rita"), await room.speaker("Ada")
    room.enable(rita)
    await ada.says("command-goforward")
    assert "forward" in await rita.final()
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import aiohttp

from bot import LOOPBACK, LocalAddresses, RoomSettings, SignalingSettings, Supervisor
from pipeline import WIRE_RATE, EngineSettings
from signaling import BackoffSettings, InternalCredentials, Offer, TicketCredentials, TranscriptReceived, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.clip import shipped_clips
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, Source, http_session
from soak.stack import RealStack

SECRET = "the internal secret of the test server"
BACKEND = "http://chat.test"
PATIENCE_S = 30.0
LONG_PATIENCE_S = 60.0  # where the server itself waits for half a minute
CLIPS = {clip.name: clip for clip in shipped_clips()}


@dataclass(eq=False)
class Person:
    """Somebody in the room. `captions` is what they were sent, in order."""

    room: Meeting
    name: str
    participant: Participant
    microphone: Source | None
    captions: list[TranscriptReceived]
    news: asyncio.Event
    task: asyncio.Task[None] | None = None

    @property
    def session_id(self) -> str:
        return self.participant.session_id

    @property
    def nc(self) -> str:
        return self.participant.nextcloud_session_id

    async def says(self, clip: str, *, seconds: float | None = None) -> None:
        """Speak a clip to its end, or only its first `seconds`."""
        pcm = CLIPS[clip].decode()
        if seconds is not None:
            pcm = pcm[: int(seconds * WIRE_RATE)]
        started = self.microphone.play(pcm)
        await asyncio.sleep(started + len(pcm) / WIRE_RATE - asyncio.get_running_loop().time())

    async def caption(self, *, final: bool | None = None, of: Person | None = None, after: int = 0) -> str:
        """Wait for a caption (a final one, one of a given speaker), beginning with number `after`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.news.clear()
                for caption in self.captions[after:]:
                    if final in (None, caption.final) and (of is None or caption.speaker == of.session_id):
                        return caption.text
                await self.news.wait()

    async def final(self, *, of: Person | None = None, after: int = 0) -> str:
        return await self.caption(final=True, of=of, after=after)

    async def final_number(self, number: int) -> str:
        """Wait until so many finals have come; return the last of them."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.finals()) < number:
                self.news.clear()
                await self.news.wait()
        return self.finals()[number - 1]

    def finals(self) -> list[str]:
        return [caption.text for caption in self.captions if caption.final]

    async def heard(self) -> None:
        """Wait until the bot receives this speaker's track."""
        async with asyncio.timeout(PATIENCE_S):
            await self.participant.connected.wait()

    async def joins_call(self, *, microphone: bool) -> None:
        await self._in_call(IN_CALL | (WITH_AUDIO if microphone else 0))

    async def leaves_call(self) -> None:
        await self._in_call(0)

    async def _in_call(self, flags: int) -> None:
        told = self.room.server.set_in_call(self.room.token, nextcloud_session_id=self.nc, flags=flags)
        if told is not None:  # the embedded server takes it at once, the real one over HTTP
            await told

    async def comes_back(self) -> None:
        """After a restart of the server: wait for the new session, and join the call again as Talk's page does."""
        async with asyncio.timeout(PATIENCE_S):
            await self.participant.entered.wait()
        await self.joins_call(microphone=self.microphone is not None)

    async def sees_leave(self, session_id: str) -> None:
        """Wait until the room says that this session has left."""
        async with asyncio.timeout(LONG_PATIENCE_S):
            while self.participant.is_here(session_id):  # noqa: ASYNC110 — the room's list has no event
                await asyncio.sleep(0.05)

    async def published(self) -> None:
        """Wait until the media server receives this speaker."""
        async with asyncio.timeout(PATIENCE_S):
            await self.participant.connected.wait()

    async def vanishes(self) -> None:
        """The network is gone: no goodbye, no more packets."""
        await self.participant.vanish()
        await asyncio.wait([self.task])

    async def leaves(self) -> None:
        """Close the page: a goodbye, and gone."""
        await self.participant.leave()
        await asyncio.wait([self.task])


class Meeting:
    """`supervisor` is the product, `server` the signaling server, `token` the room."""

    def __init__(
        self,
        server: EmbeddedServer | RealStack,
        supervisor: Supervisor,
        http: aiohttp.ClientSession,
        crew: Crew,
        *,
        backend: str,
        addresses: LocalAddresses,
    ) -> None:
        self.server = server
        self.supervisor = supervisor
        self.token = f"room-{secrets.token_hex(4)}"
        self._http = http
        self._crew = crew
        self._backend = backend
        self._addresses = addresses

    @property
    def bot(self):
        return self.supervisor.rooms.get(self.token)

    async def reader(self, name: str, *, microphone: bool = False, nc: str = "") -> Person:
        """Somebody who does not speak (yet): with a `microphone` they may publish later. `nc`: a session they had."""
        return await self._join(name, Microphone() if microphone else None, publishes=False, nc=nc)

    async def speaker(self, name: str, source: Source | None = None) -> Person:
        """`source`: what they publish, if it is no `Microphone`."""
        return await self._join(name, source or Microphone(), publishes=True)

    def enable(self, reader: Person | str) -> None:
        nc = reader if isinstance(reader, str) else reader.nc
        self.supervisor.enable(self.token, nc, self.supervisor.language("en"))

    def disable(self, reader: Person) -> None:
        self.supervisor.disable(self.token, reader.nc)

    async def joined(self) -> None:
        """Wait until the bot is in the room."""
        async with asyncio.timeout(PATIENCE_S):
            await self.bot.joined.wait()

    async def gone(self) -> None:
        """Wait until the bot has left the room."""
        async with asyncio.timeout(PATIENCE_S):
            await self.bot.gone.wait()

    async def _join(self, name: str, microphone: Source | None, *, publishes: bool, nc: str = "") -> Person:
        ticket = self.server.issue_ticket(user_id=name.lower(), display_name=name)
        captions: list[TranscriptReceived] = []
        news = asyncio.Event()

        def heard(caption: TranscriptReceived) -> None:
            captions.append(caption)
            news.set()

        participant = Participant(
            self._http,
            url=signaling_url(self.server.url),
            room=self.token,
            nextcloud_session_id=nc or f"nc-{name}-{secrets.token_hex(8)}",
            credentials=TicketCredentials(ticket=ticket, backend=self._backend),
            microphone=microphone,
            on_caption=heard,
            addresses=self._addresses,
            publishes=publishes,
        )
        person = Person(self, name, participant, microphone, captions, news)
        person.task = self._crew.start(participant.run())
        async with asyncio.timeout(PATIENCE_S):
            await participant.entered.wait()
        await person.joins_call(microphone=publishes)
        return person


def broken_offer() -> Offer:
    """Whoever reads it fails, and nobody knows how: such a thing does not come from outside."""
    offer = object.__new__(Offer)
    object.__setattr__(offer, "sdp", "")
    return offer


@asynccontextmanager
async def meeting(
    engine: EngineSettings,
    *,
    secret: str = SECRET,
    signaling: Mapping[str, Any] = MappingProxyType({}),
    **room_settings: object,
) -> AsyncIterator[Meeting]:
    """Everything up and the model loaded. `secret` is what the bot believes; `signaling` are settings of the server;
    `room_settings` replace the defaults.
    """
    server = EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND, **signaling))
    async with server:
        settings = RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(server.url),
                credentials=InternalCredentials(secret=secret, backend=BACKEND),
                backoff=BackoffSettings(first_s=0.2, cap_s=1.0),
            ),
            addresses=LOOPBACK,
        )
        async with hosted(server, engine, replace(settings, **room_settings), backend=BACKEND) as room:
            yield room


@asynccontextmanager
async def hosted(
    server: EmbeddedServer | RealStack, engine: EngineSettings, settings: RoomSettings, *, backend: str
) -> AsyncIterator[Meeting]:
    """A meeting at a server that is up. `backend` is what ordinary participants give for the chat server."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_session())
        crew = await stack.enter_async_context(Crew())
        product = await stack.enter_async_context(AsyncExitStack())
        supervisor = await product.enter_async_context(Supervisor(rooms=settings, engine=engine))
        await supervisor.engine.wait_ready()
        room = Meeting(server, supervisor, http, crew, backend=backend, addresses=settings.addresses)
        room.shut_down = product.aclose
        yield room
