"""The captioned rooms of `roomscribe bench api`: in each, people who read aloud, and one who reads the captions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from pipeline import WIRE_RATE
from signaling import TicketCredentials, TranscriptReceived, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.clip import Clip, Pcm
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, http_session
from soak.service.process import free_port

from .api_service import ServiceProcess
from .hostile_attack import TRANSCRIBE, written
from .hostile_connection import LOOPBACK
from .readers import deal
from .voices import monologue

PATIENCE_S: Final = 60.0  # for everybody to come, and for the model to be loaded
LOOK_S: Final = 0.1
MOST_ROOMS: Final = 1000  # of the signaling server: those of the attackers are among them
MOST_SESSIONS: Final = 4000


class NotCaptioned(Exception):
    """The rooms could not be set up. The message says what was waited for."""

    component = "soak.bench.api_rooms"


@dataclass(slots=True, kw_only=True, eq=False)
class Room:
    """`captions`: how many its reader got."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))
    reader: Participant | None = None
    speakers: list[Participant] = field(default_factory=list)
    captions: int = 0

    def heard(self, _: TranscriptReceived) -> None:
        self.captions += 1


class Rooms:
    """Built by `open_rooms`. `secret` is shared with the service, and `backend` is its chat server's address."""

    def __init__(self, signaling: EmbeddedServer, http: aiohttp.ClientSession, *, backend: str, secret: str) -> None:
        self.rooms: list[Room] = []  # ≤ as many as were asked for
        self.secret = secret
        self.backend = backend
        self._signaling = signaling
        self._http = http

    @property
    def signaling_url(self) -> str:
        return self._signaling.url

    @property
    def readers(self) -> tuple[tuple[str, str], ...]:
        """Token of each room, and session of its reader."""
        return tuple((room.token, room.reader.nextcloud_session_id) for room in self.rooms if room.reader is not None)

    def counts(self) -> list[int]:
        """Captions that came into each room so far."""
        return [room.captions for room in self.rooms]

    async def captions_since(self, before: Sequence[int], within_s: float) -> list[int]:
        """Wait until each room has had another caption, or for so long. How many each had since."""
        until = asyncio.get_running_loop().time() + within_s
        while True:
            since = [now - then for now, then in zip(self.counts(), before, strict=True)]
            if all(since) or asyncio.get_running_loop().time() > until:
                return since
            await asyncio.sleep(LOOK_S)

    async def fill(self, clips: Sequence[Clip], *, rooms: int, speakers: int, crew: Crew) -> None:
        """Everybody enters and calls; the speakers begin to read. Raises `NotCaptioned`."""
        scripts = deal(clips, rooms * speakers)
        for number in range(rooms):
            room = Room()
            self.rooms.append(room)
            room.reader = await self._enter(room, crew)
            for script in scripts[number * speakers : (number + 1) * speakers]:
                microphone = Microphone()
                room.speakers.append(await self._enter(room, crew, microphone))
                crew.start(_read_aloud(microphone, await asyncio.to_thread(monologue, script)))

    async def caption(self, service: ServiceProcess) -> None:
        """Ask for captions in each room, once there is a model, and wait for the first. Raises `NotCaptioned`."""
        for token, session in self.readers:
            body = written({"roomToken": token, "ncSessionId": session, "enable": True, "langId": "en"})
            await _until_granted(service, body)
        since = await self.captions_since([0] * len(self.rooms), PATIENCE_S)
        if not all(since):
            raise NotCaptioned(f"{since.count(0)} of {len(since)} rooms had no caption within {PATIENCE_S:.0f} s")

    async def _enter(self, room: Room, crew: Crew, microphone: Microphone | None = None) -> Participant:
        name = "reader" if microphone is None else "speaker"
        ticket = self._signaling.issue_ticket(user_id=f"{name}-{secrets.token_hex(4)}", display_name=name)
        person = Participant(
            self._http,
            url=signaling_url(self._signaling.url),
            room=room.token,
            nextcloud_session_id=secrets.token_hex(32),
            credentials=TicketCredentials(ticket=ticket, backend=self.backend),
            microphone=microphone,
            on_caption=room.heard if microphone is None else None,
        )
        crew.start(person.run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await person.entered.wait()
        except TimeoutError as error:
            raise NotCaptioned(f"a {name} was not let in within {PATIENCE_S:.0f} s") from error
        flags = IN_CALL if microphone is None else IN_CALL | WITH_AUDIO
        self._signaling.set_in_call(room.token, nextcloud_session_id=person.nextcloud_session_id, flags=flags)
        return person


@asynccontextmanager
async def open_rooms() -> AsyncIterator[Rooms]:
    """A signaling server without anybody. It answers for the chat server as well, which there is none of: 404."""
    secret, port = secrets.token_hex(16), free_port()
    backend = f"http://{LOOPBACK}:{port}"
    settings = EmbeddedSettings(
        internal_secret=secret, backend_url=backend, port=port, max_rooms=MOST_ROOMS, max_sessions=MOST_SESSIONS
    )
    async with AsyncExitStack() as exits:
        signaling = await exits.enter_async_context(EmbeddedServer(settings))
        http = await exits.enter_async_context(http_session())
        yield Rooms(signaling, http, backend=backend, secret=secret)


async def _read_aloud(microphone: Microphone, pcm: Pcm) -> None:
    """Again and again, until cancelled."""
    clock = asyncio.get_running_loop().time
    while True:
        begun = microphone.play(pcm)
        await asyncio.sleep(begun + len(pcm) / WIRE_RATE - clock())


async def _until_granted(service: ServiceProcess, body: bytes) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            status, _ = await service.post(TRANSCRIBE, body)
            while status == 503:
                await asyncio.sleep(LOOK_S)
                status, _ = await service.post(TRANSCRIBE, body)
    except TimeoutError as error:
        raise NotCaptioned(f"the service was not ready within {PATIENCE_S:.0f} s: {service.last_words()}") from error
    if status != 200:
        raise NotCaptioned(f"captions were not granted: status {status}")
