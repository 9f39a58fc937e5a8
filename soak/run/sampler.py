"""Looks at the service now and then, from outside, and notes what it holds and what it has done so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from soak.service.process import RoomscribeProcess, ServiceFailed
from soak.service.scrape import Scrape
from soak.verdict.sample import LOAD, REST, WARM_UP, Sample
from soak.world.room import Tally

from .journal import Journal

EACH_S: Final = 5.0  # between two samples while people talk; 350 kB of journal an hour …
MOST: Final = 20_000  # … but in a run of days, no more of them than this
JOINS: Final = "roomscribe_peer_state_total"
RECONNECTS: Final = "roomscribe_reconnects_total"


class Sampler:
    """Of one life of the service, the `leg`-th of a run of so many `seconds`. `before`: the last sample of the life
    before, if any.
    """

    def __init__(
        self,
        service: RoomscribeProcess,
        journal: Journal,
        tally: Tally,
        *,
        leg: int,
        before: Sample | None,
        warm_up_s: float,
        seconds: float = 0.0,
    ) -> None:
        self._service = service
        self._journal = journal
        self._tally = tally
        self._leg = leg
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._before = before
        self._warm_up_s = warm_up_s
        self._each_s = max(EACH_S, seconds / MOST)
        self.phase = LOAD
        self.missed = 0
        self.on_sample: Callable[[Sample], None] = lambda _: None

    @property
    def elapsed_s(self) -> float:
        """Of the whole run."""
        return (self._before.at_s if self._before else 0.0) + self._clock() - self._began

    async def run(self) -> None:
        """Until cancelled. Who does not answer is asked again later."""
        while True:
            if self.phase != REST:
                await self.take()
            await asyncio.sleep(self._each_s)

    async def take(self) -> Scrape | None:
        """A sample now; None: there was no answer."""
        phase = self.phase
        try:
            scrape = await self._service.scrape()
            values = await asyncio.to_thread(self._service.measure, scrape)
        except ServiceFailed:
            self.missed += 1
            return None
        warm = self._clock() - self._began < self._warm_up_s
        before = self._before
        sample = Sample(
            leg=self._leg,
            at_s=round(self.elapsed_s, 2),
            phase=WARM_UP if warm else phase,
            joins=round(scrape.value(JOINS, state="connected")) + (before.joins if before else 0),
            utterances=self._tally.utterances + (before.utterances if before else 0),
            reconnects=round(scrape.sum(RECONNECTS)) + (before.reconnects if before else 0),
            values=values,
        )
        self._journal.sample(sample)
        self.on_sample(sample)
        return scrape
