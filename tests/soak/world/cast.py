"""A room's people without a network: they come in at once, are received, speak in real time, and get captions."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

from signaling import TranscriptReceived
from soak.crew import Crew
from soak.world import profile as profiles
from soak.world import room as module
from soak.world.captions import Captions
from soak.world.ledger import Ledger
from soak.world.mouth import Conductor
from soak.world.network import Network
from soak.world.profile import PROFILES, Churn
from soak.world.room import Room, World
from tests.soak.world.stage import PHRASE, Receiver

QUICK = replace(
    PROFILES["smoke"], rooms=1, speakers=2, guests=0, pause_s=(0.01, 0.04), churn=Churn(stay_s=0.0, away_s=0.01)
)


class Someone:
    """As a `Person` of a `Participant`; `name` is "reader", "speaker" or "guest"."""

    def __init__(self, name, number, mouth):
        self.name, self.mouth = name, mouth
        self.session_id = f"session {number}"
        self.nextcloud_session_id = f"nc {number}"
        self.participant = self
        self.gone = asyncio.Event()

    async def vanish(self):
        self.gone.set()


class Books(Ledger):
    """Notes what it is told."""

    def __init__(self):
        super().__init__("attic")
        self.spoken = []

    def said(self, spoken):
        self.spoken.append(spoken)
        super().said(spoken)


class Cast:
    """`captions`: an utterance has its final as soon as it is over. What a test sets after that holds from then on."""

    def __init__(self, monkeypatch, crew, *, last_words_s=0.3, **changes):
        self.captions, self.received, self.statuses = True, True, {}
        self.errors = {}  # who cannot come in, or not speak: by name
        self.people = []  # all who ever came, in order
        self.asked = []
        self.books = Books()
        self._numbers = count()
        self._crew = crew
        for place, name, seconds in (
            (profiles, "ARRIVE_S", 0.02), (module, "ARRIVE_S", 0.01), (module, "LIVE_S", 0.05),
            (module, "LAST_LOOK_S", 0.01),
        ):  # fmt: skip
            monkeypatch.setattr(place, name, seconds)
        monkeypatch.setattr(profiles, "ARRIVALS_A_SECOND", 1000.0)
        monkeypatch.setattr(module, "present", self._present)
        self.conductor = Conductor()
        crew.start(self.conductor.run())
        self.world = World(
            place=type("Nowhere", (), {"stack": None})(),
            http=None,
            captions=Captions(self._ask),
            conductor=self.conductor,
            networks=[Network()],
            phrases=[PHRASE],
            profile=replace(QUICK, **changes),
            last_words_s=last_words_s,
        )
        self.room = Room(self.world, 0, self.books, random.Random(1))

    @property
    def tally(self):
        return self.world.tally

    async def lives(self, seconds=0.8):
        """How long it took in all."""
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.room.live(began + seconds)
        self.books.close(clock())
        return clock() - began

    def begins(self, seconds=60.0):
        return self._crew.start(self.lives(seconds))

    def named(self, name):
        return [each for each in self.people if each.name == name]

    def show(self, speaker, text=PHRASE.text, *, final=True):
        """A reader is sent this."""
        self._heard(
            TranscriptReceived(sender="bot", speaker=speaker.session_id, text=text, language_id="en", final=final)
        )

    async def until(self, true):
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 — what a test waits for has no event
                await asyncio.sleep(0.005)

    async def _ask(self, path, body):
        self.asked.append((body["ncSessionId"], body["enable"]))
        return self.statuses.get(self._name_of(body["ncSessionId"]), 200), {}

    def _name_of(self, nextcloud_session_id):
        return next(each.name for each in self.people if each.nextcloud_session_id == nextcloud_session_id)

    @asynccontextmanager
    async def _present(self, place, http, *, room, name, mouth=None, on_caption=None):
        if name in self.errors:
            raise self.errors[name]
        someone = Someone(name, next(self._numbers), mouth)
        self.people.append(someone)
        if on_caption is not None:
            self._heard = on_caption
        if mouth is not None:
            if self.received:
                mouth.connected(Receiver())
            mouth.say = self._captioned(someone, mouth.say)
        yield someone
        someone.gone.set()

    def _captioned(self, someone, say):
        async def captioned(phrase):
            said = await say(phrase)
            if self.captions:
                self.show(someone, phrase.text)
            return said

        return captioned


@asynccontextmanager
async def cast(monkeypatch, **changes):
    async with asyncio.timeout(30), Crew() as crew:
        yield Cast(monkeypatch, crew, **changes)
