"""One life of a room: people come, talk, mute, leave and come back, somebody reads along, and it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from pipeline import GAP_MARK
from signaling import TranscriptReceived
from soak.crew import Crew, first_of

from .captions import Captions, Refused
from .ledger import Caption, Ledger, Spoken
from .mouth import Conductor, Mouth
from .network import Network
from .person import NotIn, Person, present
from .phrases import Phrase
from .place import Place
from .profile import Profile

log = logging.getLogger("roomscribe.soak.world")

LIVE_S: Final = 10.0  # until somebody is received, and begins to talk
ARRIVE_S: Final = 0.4  # who has just come is not heard at once, and does not talk at once …
ARRIVE_BY_SERVER_S: Final = 1.5  # … and with a media server in between, others have to subscribe first
INTERRUPTS: Final = 0.2  # of the turns begin before the one before has ended
LAST_WORDS_S: Final = 20.0  # for the captions that are still to come when a room is closed
LAST_LOOK_S: Final = 0.1
SPREAD: Final = 0.5  # a mean of 10 s is between 5 and 15 s
MAX_SESSIONS: Final = 4096  # of speakers of one life of a room, whose captions may still come


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened in all rooms, so far."""

    rooms: int = 0
    joins: int = 0
    utterances: int = 0
    guests: int = 0
    not_in: int = 0  # people who could not enter, or not read
    unheard: int = 0  # speakers whom nobody received within `LIVE_S`
    of_nobody: int = 0  # captions of speakers whom nobody knows
    accidents: int = 0  # errors by which a person's stay, or a room's life, ended before its time

    def accident(self, what: str, error: BaseException) -> None:
        """Count it, so that it does not end a run of days; but whoever is to end anyway does so."""
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error
        self.accidents += 1
        first = first_of(error)
        log.error("%s ended before its time (%s: %s)", what, type(first).__name__, first)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all rooms share. `networks`: between the speakers of each room, by its number, and the server."""

    place: Place
    http: aiohttp.ClientSession
    captions: Captions
    conductor: Conductor
    networks: Sequence[Network]
    phrases: Sequence[Phrase]
    profile: Profile
    tally: Tally = field(default_factory=Tally)
    last_words_s: float = LAST_WORDS_S


class Room:
    """`number` is its place among the rooms that are open at the same time."""

    def __init__(self, world: World, number: int, ledger: Ledger, chance: random.Random) -> None:
        self.number = number
        self.token = secrets.token_hex(8)
        self.ledger = ledger
        self._world = world
        self._chance = chance
        self._floor = asyncio.Lock()
        self._life = self.token[:6]  # tells its speakers from those of the room that was here before
        self._names: dict[str, str] = {}  # by session id; ≤ MAX_SESSIONS
        self._waiting: dict[str, int] = {}  # utterances of each speaker without a caption since; ≤ MAX_SESSIONS
        self._speakers: dict[Person, str] = {}  # who are there, and how the ledger calls them; ≤ seats

    async def live(self, until: float) -> None:
        """Until the loop time `until`, and until the last captions are here. Raises `NotIn`, `Refused`; and a group of
        errors where nobody can tell any more what readers are shown.
        """
        world = self._world
        world.tally.rooms += 1
        async with (
            present(world.place, world.http, room=self.token, name="reader", on_caption=self._heard) as reader,
            world.captions.on(self.token, reader.nextcloud_session_id),
            Crew() as crew,
        ):
            crew.start(_missed(reader))
            async with asyncio.TaskGroup() as tasks:
                for seat in range(world.profile.speakers):
                    tasks.create_task(self._seat(seat, until))
                for _ in range(world.profile.guests):
                    tasks.create_task(self._guests(until))
            await self._last_words()

    def cut_off(self) -> None:
        """The media server is dead: nobody receives the speakers any more, until they publish again."""
        for person in self._speakers:
            if person.mouth is not None:
                person.mouth.cut_off()

    async def scatter(self) -> None:
        """All speakers vanish without a goodbye. They come back by themselves."""
        for person in list(self._speakers):
            await person.participant.vanish()

    # Those who talk.

    async def _seat(self, seat: int, until: float) -> None:
        """One after another in this seat."""
        churn = self._world.profile.churn
        number = 0
        await asyncio.sleep(self._chance.uniform(0.0, self._world.profile.arrive_s))
        while _now() < until:
            stay_until = min(until, _now() + self._about(churn.stay_s)) if churn.stay_s else until
            try:
                await self._stay(seat, number, stay_until)
            except NotIn:
                self._world.tally.not_in += 1
            except Exception as error:  # noqa: BLE001 — one person's accident is not the end of the others
                self._world.tally.accident("the stay of a speaker", error)
            number += 1
            await asyncio.sleep(self._about(churn.away_s))

    async def _stay(self, seat: int, number: int, until: float) -> None:
        world = self._world
        arrive_s = ARRIVE_S if world.place.stack is None else ARRIVE_BY_SERVER_S
        with world.conductor.mouth(world.networks[self.number], heard_after_s=arrive_s) as mouth:
            async with present(world.place, world.http, room=self.token, name="speaker", mouth=mouth) as person:
                world.tally.joins += 1
                try:
                    async with asyncio.timeout(LIVE_S):
                        await mouth.received()
                except TimeoutError:
                    world.tally.unheard += 1
                await asyncio.sleep(arrive_s)
                name = self._speakers[person] = f"{self._life}/{seat}/{number}"
                try:
                    if seat < round(world.profile.talking * world.profile.speakers):
                        await self._talk(person, mouth, name, until)
                    else:
                        await _until(person.gone, until)
                finally:
                    self._knows(person)
                    del self._speakers[person]

    async def _talk(self, person: Person, mouth: Mouth, name: str, until: float) -> None:
        profile = self._world.profile
        while _now() < until and not person.gone.is_set():
            await asyncio.sleep(self._chance.uniform(*profile.pause_s))
            if self._chance.random() < profile.churn.mute:
                mouth.muted = True
                await asyncio.sleep(self._chance.uniform(*profile.pause_s))
                mouth.muted = False
            waits = profile.in_turns and self._chance.random() >= INTERRUPTS
            async with self._floor if waits else contextlib.nullcontext():
                if _now() < until:
                    await self._say(person, mouth, name)

    async def _say(self, person: Person, mouth: Mouth, name: str) -> None:
        phrase, began = self._chance.choice(self._world.phrases), _now()
        self._knows(person)
        self._waiting[name] = self._waiting.get(name, 0) + 1
        try:
            said = await mouth.say(phrase)
        except asyncio.CancelledError:  # nobody counts on its caption, which may come all the same
            self.ledger.said(Spoken(speaker=name, text=phrase.text, first=began, last=_now(), delivered=0.0))
            raise
        self._world.tally.utterances += 1
        self.ledger.said(
            Spoken(speaker=name, text=phrase.text, first=said.first_at, last=said.last_at, delivered=said.delivered)
        )

    def _knows(self, person: Person) -> None:
        """Under their present session, which is another one after some outages."""
        self._names[person.participant.session_id] = self._speakers[person]
        while len(self._names) > MAX_SESSIONS:
            del self._names[next(iter(self._names))]

    # Those who read.

    def _heard(self, caption: TranscriptReceived) -> None:
        for person in self._speakers:
            self._knows(person)
        name = self._names.get(caption.speaker)
        if name is None:
            self._world.tally.of_nobody += 1
            return
        if not caption.final:
            self.ledger.interim(name, _now())
            return
        self.ledger.heard(Caption(speaker=name, text=caption.text, at=_now()))
        if caption.text == GAP_MARK:
            self._waiting.pop(name, None)
        elif name in self._waiting:
            self._waiting[name] -= 1
            if self._waiting[name] <= 0:
                del self._waiting[name]

    async def _guests(self, until: float) -> None:
        """People who turn captions on, read a little, and turn them off."""
        world, churn = self._world, self._world.profile.churn
        while churn.guest_s and _now() < until:
            try:
                async with (
                    present(world.place, world.http, room=self.token, name="guest") as guest,
                    world.captions.on(self.token, guest.nextcloud_session_id),
                ):
                    world.tally.guests += 1
                    await asyncio.sleep(min(self._about(churn.guest_s), max(0.0, until - _now())))
            except (NotIn, Refused):
                world.tally.not_in += 1
            except Exception as error:  # noqa: BLE001 — as for speakers
                world.tally.accident("the stay of a guest", error)
            await asyncio.sleep(self._about(churn.away_s))

    async def _last_words(self) -> None:
        """Until each utterance has been answered for, or for so long."""
        until = _now() + self._world.last_words_s
        while self._waiting and _now() < until:  # noqa: ASYNC110 — captions have no event of their own
            await asyncio.sleep(LAST_LOOK_S)

    def _about(self, mean_s: float) -> float:
        return mean_s * self._chance.uniform(1 - SPREAD, 1 + SPREAD)


async def _missed(reader: Person) -> None:
    """The steady reader must not go before the others: what is shown in a room would not be seen any more."""
    await reader.gone.wait()
    raise NotIn("the reader was sent away")


async def _until(event: asyncio.Event, at: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(at):
            await event.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
