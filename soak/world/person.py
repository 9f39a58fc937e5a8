"""Somebody in a room: enters with a ticket, joins the call, comes back when the server was away, as Talk does."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp

from signaling import TranscriptReceived
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.crew import Crew
from soak.participant import NotAdmitted, Participant
from soak.stack.nextcloud import NotTold

from .mouth import Mouth
from .place import Place

log = logging.getLogger("roomscribe.soak.world")

PATIENCE_S: Final = 30.0  # to be let in
LOOK_S: Final = 0.1  # states of parts have no event
SILENT_S: Final = 3.0  # a publisher whom the media server does not receive for so long joins the call again
GOODBYE_S: Final = 5.0


class NotIn(Exception):
    """Somebody could not enter the room in time."""

    component = "soak.world.person"


class Person:
    """Built by `present`. Without a `mouth`, somebody who reads. `gone`: the server has sent them away."""

    def __init__(self, place: Place, participant: Participant, room: str, mouth: Mouth | None) -> None:
        self.participant = participant
        self.mouth = mouth
        self.gone = asyncio.Event()
        self._place = place
        self._room = room

    @property
    def nextcloud_session_id(self) -> str:
        return self.participant.nextcloud_session_id

    async def take_part(self) -> None:
        """Until they leave, or are sent away."""
        try:
            await self.participant.run()
        except NotAdmitted as error:
            log.warning("somebody was sent away: %s", error)
        finally:
            self.gone.set()

    async def stay(self) -> None:
        """Be in the call, after each return to the room again, until cancelled."""
        while True:
            await self.participant.entered.wait()
            await self._in_call()
            silent_since: float | None = None
            clock = asyncio.get_running_loop().time
            session = self.participant.session_id
            while self.participant.entered.is_set() and self.participant.session_id == session:
                await asyncio.sleep(LOOK_S)
                if self._place.stack is None or self.mouth is None or self.mouth.live:
                    silent_since = None
                elif silent_since is None:
                    silent_since = clock()
                elif clock() - silent_since > SILENT_S:
                    await self._publish_again()
                    silent_since = None

    async def _publish_again(self) -> None:
        """What Talk's page does when its own connection to the media server has failed."""
        await self._flags(0)
        await self._in_call()
        self.participant.publish()

    async def _in_call(self) -> None:
        await self._flags(IN_CALL | (WITH_AUDIO if self.mouth is not None else 0))

    async def _flags(self, flags: int) -> None:
        with suppress(
            NotTold, aiohttp.ClientError, TimeoutError
        ):  # the server is away: they come back, and say it again
            await self._place.set_in_call(self._room, self.nextcloud_session_id, flags)


@asynccontextmanager
async def present(
    place: Place,
    http: aiohttp.ClientSession,
    *,
    room: str,
    name: str,
    mouth: Mouth | None = None,
    on_caption: Callable[[TranscriptReceived], None] | None = None,
) -> AsyncIterator[Person]:
    """In the room and in the call, until the block is left, with a goodbye. Raises `NotIn`."""
    participant = Participant(
        http,
        url=place.people_url,
        room=room,
        nextcloud_session_id=secrets.token_hex(32),
        credentials=place.ticket(name),
        microphone=mouth,
        on_caption=on_caption,
        addresses=place.addresses,
    )
    person = Person(place, participant, room, mouth)
    async with Crew() as crew:
        running = crew.start(person.take_part())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await participant.entered.wait()
        except TimeoutError as error:
            raise NotIn(f"{name} was not let in within {PATIENCE_S:.0f} s") from error
        crew.start(person.stay())
        yield person
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await participant.leave()
                await asyncio.wait([running])
