"""One leg of a soak: from the start of the service until the time is over, somebody says stop, or it is gone."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from soak.crew import Crew, first_of
from soak.verdict.sample import Sample

from .book import Book
from .chaos import Chaos
from .journal import Journal, Story, read
from .options import Attach, Options
from .result import result
from .rounds import SHORTEST_S, Rounds
from .sampler import Sampler
from .stage import Stage, open_stage

TALLY_S: Final = 20.0  # between two lines of what was counted: so much is lost at most when a run is broken off
GONE_S: Final = 1.0

log = logging.getLogger("roomscribe.soak.run")

Watcher = Callable[[Sample, Mapping[str, Any]], None]


async def soak(
    options: Options,
    folder: Path,
    environment: Mapping[str, str],
    stop: asyncio.Event,
    *,
    story: Story | None = None,
    attach: Attach | None = None,
    watch: Watcher | None = None,
) -> dict[str, Any]:
    """The report. `story`: of the run that goes on. Raises what `open_stage` raises, and `BadJournal`."""
    before = story.samples[-1] if story is not None and story.samples else None
    leg = story.legs if story is not None else 0
    left_s = options.profile.seconds - (before.at_s if before else 0.0)
    if story is not None and left_s < SHORTEST_S:  # it has been done
        return result(options, read(folder))
    began, run = time.monotonic(), None
    with Journal(folder) as journal:
        if story is None:
            journal.begin(options.as_json())
        try:
            async with open_stage(options, environment, folder, attach, stop=stop) as stage:
                book = Book(options.profile.rooms, stage.cuts)
                sampler = Sampler(
                    stage.service,
                    journal,
                    stage.world.tally,
                    leg=leg,
                    before=before,
                    warm_up_s=options.profile.warm_up_s,
                    seconds=options.profile.seconds,
                )
                if watch is not None:
                    sampler.on_sample = lambda sample: watch(sample, asdict(book.counts()))
                run = _Leg(options, stage, sampler, book, journal, leg)
                await run.play(asyncio.get_running_loop().time() + left_s - (time.monotonic() - began), stop)
        except Exception as error:  # what was seen until then is worth a report
            if run is None:
                raise
            log.exception("the soak broke off")
            first = first_of(error)
            journal.accident(f"{type(first).__name__}: {first}")
    return result(options, read(folder))


class _Leg:
    def __init__(
        self, options: Options, stage: Stage, sampler: Sampler, book: Book, journal: Journal, leg: int
    ) -> None:
        self._stage = stage
        self._sampler = sampler
        self._book = book
        self._journal = journal
        self._leg = leg
        self._rounds = Rounds(stage, sampler, book, options)
        self._chaos = Chaos(stage, sampler, journal, options)
        self._began = asyncio.get_running_loop().time()
        self._interrupted = True  # until it has come to its end

    async def play(self, until: float, stop: asyncio.Event) -> None:
        """Until then, or until `stop` is set, or the service is gone."""
        try:
            async with Crew() as crew:
                crew.start(self._sampler.run())
                crew.start(self._tallies())
                work = crew.start(self._work(until))
                ends = [work, crew.start(stop.wait()), crew.start(self._gone())]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                self._interrupted = not work.done()
        finally:
            self._book.settle(asyncio.get_running_loop().time())
            self._note()
            self._note_strikes()

    async def _work(self, until: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            striking = tasks.create_task(self._chaos.run(until))
            await self._rounds.run(until)
            striking.cancel()

    async def _gone(self) -> None:
        """Returns when the service has ended by itself."""
        while self._stage.service.is_running:  # noqa: ASYNC110 — the end of a process of somebody else has no event
            await asyncio.sleep(GONE_S)

    async def _tallies(self) -> None:
        while True:
            await asyncio.sleep(TALLY_S)
            now = asyncio.get_running_loop().time()
            self._book.settle(now)
            self._note()
            self._note_strikes(now)

    def _note_strikes(self, now: float = math.inf) -> None:
        for observed in self._chaos.observed(self._book, now):
            self._journal.fault(observed)

    def _note(self) -> None:
        world = self._stage.world
        self._journal.tally(
            self._leg,
            {
                **self._book.so_far(),
                "rooms_opened": world.tally.rooms,
                "speakers_came": world.tally.joins,
                "guests_came": world.tally.guests,
                "utterances": world.tally.utterances,
                "not_in": world.tally.not_in,
                "unheard": world.tally.unheard,
                "accidents": world.tally.accidents,
                "captions_of_nobody": world.tally.of_nobody,
                "packets_dropped": sum(network.dropped for network in world.networks),
                "held_up_s": round(world.conductor.held_up_s, 1),
                "rooms_refused": self._rounds.refused,
                "not_emptied": self._rounds.not_emptied,
                "asked_again": world.captions.put_off,
                "samples_missed": self._sampler.missed,
                "crashed": not self._stage.service.is_running,
                "interrupted": self._interrupted,
                "seconds": round(asyncio.get_running_loop().time() - self._began, 1),
            },
        )
