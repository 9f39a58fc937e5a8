"""A room on the real stack with the product in it: what the benchmarks play with."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from bot import LocalAddresses, RoomBot, RoomSettings, SignalingSettings, Supervisor
from pipeline import EngineSettings
from signaling import InternalCredentials, TicketCredentials, TranscriptReceived, signaling_url
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, http_session
from soak.stack import Programs, RealStack
from soak.stack.wire import Wire

LANGUAGE: Final = "en"
PATIENCE_S: Final = 30.0
LOOK_S: Final = 0.005


@dataclass(slots=True, kw_only=True, eq=False)
class Guest:
    """Somebody in a room. `captions`: when each came, and what it was."""

    room: str
    participant: Participant
    microphone: Microphone | None
    captions: list[tuple[float, TranscriptReceived]] = field(default_factory=list)


class Scene:
    def __init__(
        self, stack: RealStack, wire: Wire, supervisor: Supervisor, http: aiohttp.ClientSession, crew: Crew, media: str
    ) -> None:
        self.stack = stack
        self.wire = wire
        self.supervisor = supervisor
        self._http = http
        self._crew = crew
        self._addresses = LocalAddresses((media,), auto=False)

    def new_room(self) -> str:
        return f"bench-{secrets.token_hex(4)}"

    async def guest(self, room: str, *, speaks: bool) -> Guest:
        """Enter the room and the call; a speaker publishes, in silence."""
        name = "speaker" if speaks else "reader"
        captions: list[tuple[float, TranscriptReceived]] = []
        clock = asyncio.get_running_loop().time
        microphone = Microphone() if speaks else None
        ticket = self.stack.issue_ticket(user_id=name, display_name=name)
        participant = Participant(
            self._http,
            url=signaling_url(self.stack.url),
            room=room,
            nextcloud_session_id=f"nc-{name}-{secrets.token_hex(8)}",
            credentials=TicketCredentials(ticket=ticket, backend=self.stack.chat.signaling_backend),
            microphone=microphone,
            on_caption=lambda caption: captions.append((clock(), caption)),
            addresses=self._addresses,
        )
        guest = Guest(room=room, participant=participant, microphone=microphone, captions=captions)
        self._crew.start(participant.run())
        await self.rejoin(guest)
        return guest

    async def rejoin(self, guest: Guest) -> None:
        """(Again) in the room: join the call, as Talk's page does, and wait until the media server receives us."""
        async with asyncio.timeout(PATIENCE_S):
            await guest.participant.entered.wait()
            flags = IN_CALL | (WITH_AUDIO if guest.microphone else 0)
            session = guest.participant.nextcloud_session_id
            await self.stack.set_in_call(guest.room, nextcloud_session_id=session, flags=flags)
            if guest.microphone is not None:
                await guest.participant.connected.wait()

    def enable(self, guest: Guest) -> None:
        """The guest asks for captions."""
        language = self.supervisor.language(LANGUAGE)
        self.supervisor.enable(guest.room, guest.participant.nextcloud_session_id, language)

    def disable(self, guest: Guest) -> None:
        self.supervisor.disable(guest.room, guest.participant.nextcloud_session_id)

    def bot(self, room: str) -> RoomBot:
        return self.supervisor.rooms[room]

    async def heard(self, guest: Guest) -> None:
        """The bot receives this speaker's packets."""

        def hears() -> bool:
            bot = self.supervisor.rooms.get(guest.room)
            speaker = bot.speakers.of(guest.participant.session_id) if bot is not None else None
            return speaker is not None and speaker.subscriber.hears

        await until(hears)


async def until(condition: Callable[[], bool]) -> float:
    """The loop time at which the condition was first seen to hold. Raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 — states of parts have no event
            await asyncio.sleep(LOOK_S)
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def scene(programs: Programs, media_address: str, environment: dict[str, str]) -> AsyncIterator[Scene]:
    """Everything up, the model loaded. The bot's own connection goes through a wire that can be cut."""
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(RealStack(programs, media_address=media_address, number=9))
        wire = await exits.enter_async_context(Wire(stack.hpb_port))
        settings = RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(wire.url),
                credentials=InternalCredentials(secret=stack.internal_secret, backend=stack.backend_url),
            ),
            addresses=LocalAddresses((media_address,), auto=False),
            leave_after_s=0.0,
        )
        http = await exits.enter_async_context(http_session())
        crew = await exits.enter_async_context(Crew())
        engine = EngineSettings(environment=environment)
        supervisor = await exits.enter_async_context(Supervisor(rooms=settings, engine=engine))
        await supervisor.engine.wait_ready()
        yield Scene(stack, wire, supervisor, http, crew, media_address)
