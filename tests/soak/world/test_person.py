"""Somebody in a room of the embedded server: comes in, is in the call while they are in the room, and says goodbye."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from signaling import TicketCredentials
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.crew import Crew
from soak.participant import http_session
from soak.service.process import free_port
from soak.stack.nextcloud import NotTold
from soak.world import person as module
from soak.world.mouth import Conductor
from soak.world.network import Network
from soak.world.person import NotIn, present
from soak.world.place import embedded_place
from tests.soak.world.stage import Receiver

GUARD_S = 20.0


class Flags:
    """Stands before a place, and notes who is in the call. The first so many times, the chat server is away."""

    def __init__(self, place, errors=()):
        self._place = place
        self._errors = list(errors)
        self.said = []  # by whom, and what
        self.news = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._place, name)

    async def set_in_call(self, room, nextcloud_session_id, flags):
        self.said.append((nextcloud_session_id, flags))
        self.news.set()
        if self._errors:
            raise self._errors.pop(0)
        await self._place.set_in_call(room, nextcloud_session_id, flags)

    async def says(self, number):
        """Wait until it was said so many times."""
        async with asyncio.timeout(GUARD_S):
            while len(self.said) < number:
                self.news.clear()
                await self.news.wait()
        return [flags for _, flags in self.said]


@asynccontextmanager
async def attic(*errors):
    async with asyncio.timeout(GUARD_S), http_session() as http, embedded_place(port=free_port()) as place:
        flags = Flags(place, errors)

        def enters(name="ada", **more):
            return present(flags, http, room="attic", name=name, **more)

        yield flags, enters


@pytest.fixture
def mouth():
    with Conductor().mouth(Network()) as mouth:
        yield mouth


async def test_who_reads_is_in_the_call_without_a_microphone():
    async with attic() as (place, enters), enters() as ada:
        assert ada.participant.entered.is_set()
        assert await place.says(1) == [IN_CALL]
        assert place.said == [(ada.nextcloud_session_id, IN_CALL)]
        assert not ada.gone.is_set()


async def test_who_speaks_is_in_the_call_with_one(mouth):
    async with attic() as (place, enters), enters(mouth=mouth):
        assert await place.says(1) == [IN_CALL | WITH_AUDIO]


async def test_who_leaves_says_goodbye_and_others_know_at_once():
    async with attic() as (_, enters), enters("ada") as ada:
        async with enters("bob") as bob:
            session = bob.participant.session_id
            while not ada.participant.is_here(session):  # noqa: ASYNC110 — the participant's is no event of ours
                await asyncio.sleep(0.01)
        assert bob.gone.is_set()
        while ada.participant.is_here(session):  # noqa: ASYNC110 — as above
            await asyncio.sleep(0.01)


async def test_who_vanishes_is_gone():
    async with attic() as (_, enters), enters() as ada:
        await ada.participant.vanish()
        await ada.gone.wait()


async def test_whose_connection_broke_comes_back_and_is_in_the_call_again():
    async with attic() as (place, enters), enters() as ada:
        await place.says(1)
        place._server.cut(ada.participant.session_id)
        assert await place.says(2) == [IN_CALL] * 2
        assert ada.participant.entered.is_set()
        assert not ada.gone.is_set()


@pytest.mark.parametrize("error", [NotTold("it is away"), aiohttp.ClientError(), TimeoutError()])
async def test_a_chat_server_that_is_away_sends_nobody_out_of_the_room(error):
    async with attic(error) as (place, enters), enters() as ada:
        await place.says(1)
        place._server.cut(ada.participant.session_id)
        assert await place.says(2) == [IN_CALL] * 2


async def test_who_is_not_let_in_is_told_so(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    async with attic() as (place, enters):
        place.ticket = lambda name: TicketCredentials(ticket="forged", backend=place.backend)
        with pytest.raises(NotIn, match="ada was not let in"):
            async with enters():
                pytest.fail("a forged ticket is good for nothing")


async def test_an_error_of_the_block_stays_what_it_is():
    async with attic() as (_, enters):
        with pytest.raises(KeyError):
            async with enters():
                raise KeyError("mistake")


# With a media server


class Publisher:
    """Notes that somebody offers their voice anew."""

    def __init__(self, person, monkeypatch):
        self.again = asyncio.Event()
        monkeypatch.setattr(person.participant, "publish", self.again.set)


async def test_whom_a_media_server_does_not_receive_leaves_the_call_and_joins_again(mouth, monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 0.0)
    async with attic() as (place, enters):
        place.stack = "there is one"
        async with enters(mouth=mouth) as ada:
            publisher = Publisher(ada, monkeypatch)
            await publisher.again.wait()
            assert (await place.says(3))[:3] == [IN_CALL | WITH_AUDIO, 0, IN_CALL | WITH_AUDIO]


async def test_whom_it_receives_stays_in_the_call(mouth, monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 0.0)
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    async with attic() as (place, enters):
        place.stack = "there is one"
        mouth.connected(Receiver())
        async with enters(mouth=mouth) as ada, Crew() as crew:
            publisher = Publisher(ada, monkeypatch)
            waiting = crew.start(publisher.again.wait())
            await asyncio.wait([waiting], timeout=0.3)
            assert not waiting.done()
            assert await place.says(1) == [IN_CALL | WITH_AUDIO]
