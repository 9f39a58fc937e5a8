"""Load and rest, in turns: rooms are open and people talk; then everybody leaves, and what is left can be counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import Final

from soak.service.process import ServiceFailed
from soak.verdict.sample import LOAD, REST
from soak.world.captions import Refused
from soak.world.person import NotIn
from soak.world.room import Room

from .book import Book
from .options import Options
from .sampler import Sampler
from .stage import Stage

log = logging.getLogger("roomscribe.soak.run")

SHORTEST_S: Final = 4.0  # a room is not opened for less
AGAIN_S: Final = 1.0  # after a room that could not be opened
EMPTY_S: Final = 40.0  # until the bots are gone: what the service takes at most for its last words, and some more
LOOK_S: Final = 0.25
CALM_S: Final = 2.5  # memory that is free is given back once a second
LOOKS: Final = 5  # at the service while nobody is there; the median of them counts
SPREAD: Final = 0.3  # of the length of a room's life
CUT_LEAST_S: Final = 0.5  # of a mean time between two cuts


class Rounds:
    """All of one leg, until `until` by the loop's clock."""

    def __init__(self, stage: Stage, sampler: Sampler, book: Book, options: Options) -> None:
        self._stage = stage
        self._sampler = sampler
        self._book = book
        self._profile = options.profile
        self._chance = random.Random(options.seed)
        self.not_emptied = 0  # rests in which somebody was still there
        self.refused = 0  # rooms that were not captioned

    async def run(self, until: float) -> None:
        while _now() + SHORTEST_S < until:
            await self.load(min(until, _now() + self._profile.load_s))
            await self.rest()

    async def load(self, until: float) -> None:
        self._sampler.phase = LOAD
        async with asyncio.TaskGroup() as tasks:
            cutting = tasks.create_task(self._cuts())
            rooms = [tasks.create_task(self._rooms(number, until)) for number in range(self._profile.rooms)]
            await asyncio.wait(rooms)
            cutting.cancel()

    async def rest(self) -> None:
        """Nobody is there; once that is so, it is looked at a few times."""
        self._sampler.phase = REST
        if not await self._empty():
            self.not_emptied += 1
        await asyncio.sleep(CALM_S)
        for _ in range(LOOKS):
            await self._sampler.take()
            await asyncio.sleep(LOOK_S)

    async def _empty(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EMPTY_S):
                while True:
                    with contextlib.suppress(ServiceFailed):  # it stands still, or is gone, which others will see
                        scrape = await self._stage.service.scrape()
                        if not scrape.sum("roomscribe_rooms") and not scrape.sum("roomscribe_speakers"):
                            return True
                    await asyncio.sleep(LOOK_S)
        return False

    async def _rooms(self, number: int, until: float) -> None:
        """One room after another in this place."""
        churn = self._profile.churn
        while _now() + SHORTEST_S < until:
            life_s = churn.room_s * self._chance.uniform(1 - SPREAD, 1 + SPREAD) if churn.room_s else until - _now()
            try:
                await self._life(number, min(until, _now() + life_s))
            except Exception as error:  # noqa: BLE001 — one room's accident is not the end of the others
                self._stage.world.tally.accident("a room", error)
                await asyncio.sleep(AGAIN_S)

    async def _life(self, number: int, until: float) -> None:
        chance = random.Random(self._chance.random())
        with self._book.room(number) as ledger:
            room = self._stage.rooms[number] = Room(self._stage.world, number, ledger, chance)
            try:
                await room.live(until)
            except (NotIn, Refused) as error:  # before anybody spoke, or after the last words
                log.warning("a room could not be opened: %s", error)
                self.refused += 1
                await asyncio.sleep(AGAIN_S)
            finally:
                del self._stage.rooms[number]

    async def _cuts(self) -> None:
        """Every signaling connection of the service breaks now and then."""
        each_s = self._profile.cut_each_s
        while each_s:
            await asyncio.sleep(each_s * self._chance.uniform(CUT_LEAST_S, 2 - CUT_LEAST_S))
            await self._stage.cut_sockets()


def _now() -> float:
    return asyncio.get_running_loop().time()
