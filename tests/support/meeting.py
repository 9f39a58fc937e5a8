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

from bot import LOOPBACK, RoomSettings, SignalingSettings, Supervisor
from pipeline import WIRE_RATE, EngineSettings
from signaling import BackoffSettings, InternalCredentials, TicketCredentials, TranscriptReceived, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.clip import shipped_clips
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, http_session

SECRET = "the internal secret of the test server"
BACKEND = "http://chat.test"
PATIENCE_S = 30.0
CLIPS = {clip.name: clip for clip in shipped_clips()}


@dataclass(eq=False)
class Person:
    """Somebody in the room. `captions` is what they were sent, in order."""

    room: Meeting
    name: str
    participant: Participant
    microphone: Microphone | None
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

    def finals(self) -> list[str]:
        return [caption.text for caption in self.captions if caption.final]

    async def heard(self) -> None:
        """Wait until the bot receives this speaker's track."""
        async with asyncio.timeout(PATIENCE_S):
            await self.participant.connected.wait()

    def joins_call(self, *, microphone: bool) -> None:
        self.room.server.set_in_call(
            self.room.token, nextcloud_session_id=self.nc, flags=IN_CALL | (WITH_AUDIO if microphone else 0)
        )

    def leaves_call(self) -> None:
        self.room.server.set_in_call(self.room.token, nextcloud_session_id=self.nc, flags=0)

    async def leaves(self) -> None:
        """Close the page: a goodbye, and gone."""
        self.task.cancel()
        await asyncio.wait([self.task])


class Meeting:
    """`supervisor` is the product, `server` the signaling server, `token` the room."""

    def __init__(self, server: EmbeddedServer, supervisor: Supervisor, http: aiohttp.ClientSession, crew: Crew) -> None:
        self.server = server
        self.supervisor = supervisor
        self.token = f"room-{secrets.token_hex(4)}"
        self._http = http
        self._crew = crew

    @property
    def bot(self):
        return self.supervisor.rooms.get(self.token)

    async def reader(self, name: str) -> Person:
        return await self._join(name, None)

    async def speaker(self, name: str) -> Person:
        return await self._join(name, Microphone())

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

    async def _join(self, name: str, microphone: Microphone | None) -> Person:
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
            nextcloud_session_id=f"nc-{name}-{secrets.token_hex(8)}",
            credentials=TicketCredentials(ticket=ticket, backend=BACKEND),
            microphone=microphone,
            on_caption=heard,
        )
        person = Person(self, name, participant, microphone, captions, news)
        person.task = self._crew.start(participant.run())
        async with asyncio.timeout(PATIENCE_S):
            await participant.entered.wait()
        person.joins_call(microphone=microphone is not None)
        return person


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
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND, **signaling))
        )
        settings = RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(server.url),
                credentials=InternalCredentials(secret=secret, backend=BACKEND),
                backoff=BackoffSettings(first_s=0.2, cap_s=1.0),
            ),
            addresses=LOOPBACK,
        )
        http = await stack.enter_async_context(http_session())
        crew = await stack.enter_async_context(Crew())
        product = await stack.enter_async_context(AsyncExitStack())
        supervisor = await product.enter_async_context(
            Supervisor(rooms=replace(settings, **room_settings), engine=engine)
        )
        await supervisor.engine.wait_ready()
        room = Meeting(server, supervisor, http, crew)
        room.shut_down = product.aclose
        yield room
