"""Speakers come and go, a thousand of them: are memory, threads, sockets and tasks back where they were?

They come the way that speakers do in the service: peer connection, tap, sweeper, receiver, decoding, voice detection.
The publishers are in another process, so that what is counted here is the receiving side alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from bot import LOOPBACK
from bot.peer import Peer
from bot.rtp_tap import Tap
from bot.sweep import Sweeper
from pipeline import Media, MediaSettings, VoiceDetectors
from pipeline.audio import FRAME
from pipeline.encoded import Lost
from pipeline.media import GATHERED_S
from pipeline.opus_stream import Decoded, Heard
from soak.crew import Crew

from .join_figures import Sample, figures, left, look
from .media_ours import Ear
from .media_run import Child, child

SENDER: Final = ("-m", "soak.bench.join_sender")
HEARD: Final = 25  # packets of each speaker, in whose audio …
WORDS: Final = 5  # … so many frames of speech must be found
PATIENCE_S: Final = 20.0  # to be heard, to be hung up on, to be let go
START_S: Final = 60.0  # the publishers encode their voice first
CALM_S: Final = 10.0  # ICE and DTLS may take so long to let go
LOOK_S: Final = 0.05
MOMENTS: Final = 16  # of a handshake at which we close, one after another …
MOMENT_S: Final = 0.003  # … so far apart


class NotHeard(Exception):
    """A speaker came, but something that had to happen did not. The message says what, and how it was to go."""

    component = "soak.bench.joins"


class Way(StrEnum):
    """How a speaker goes."""

    WE_CLOSE = "we close first"
    THEY_HANG_UP = "they hang up first"
    IN_HANDSHAKE = "closed in the middle of the handshake"
    TWICE = "closed twice"


WAYS: Final = tuple(Way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`warm_up` come before the `count` that are measured; `at_once` at the same time; a sample after `every`."""

    count: int = 1000
    warm_up: int = 100
    at_once: int = 8
    every: int = 100


class Guest(Ear):
    """Knows when it has been heard, and when nothing more will come."""

    def __init__(self, detectors: VoiceDetectors) -> None:
        super().__init__(detectors)
        self.heard = asyncio.Event()
        self.finished = asyncio.Event()
        self._samples = self._speech = 0

    def hear(self, decoded: Decoded) -> None:
        super().hear(decoded)
        for item in decoded.heard:
            if isinstance(item, Heard):
                self._samples += len(item.chunk.pcm)
            if not isinstance(item, Lost):
                self._speech += sum(frame.speech for frame in item.judged)
        if self._samples >= HEARD * FRAME and self._speech >= WORDS:
            self.heard.set()

    def finish(self) -> None:
        self.finished.set()


class Publishers:
    """Those in the other process, by number."""

    def __init__(self, process: Child) -> None:
        self._process = process
        self._awaited: dict[int, asyncio.Future[str]] = {}  # ≤ those that are there at once

    async def listen(self) -> None:
        """Until cancelled. Raises `RunFailed`."""
        while True:
            told = await self._process.line(PATIENCE_S + CALM_S)
            self._awaited.pop(told["number"]).set_result(told.get("offer", ""))

    async def offer(self, number: int) -> str:
        """Somebody comes, and offers this."""
        return await self._ask({"number": number})

    async def answer(self, number: int, sdp: str) -> None:
        await self._process.tell(json.dumps({"number": number, "answer": sdp}))

    async def hang_up(self, number: int) -> None:
        """When this returns, that side of the connection is closed."""
        await self._ask({"number": number, "leave": True})

    async def _ask(self, question: Mapping[str, Any]) -> str:
        answer = asyncio.get_running_loop().create_future()
        self._awaited[question["number"]] = answer
        await self._process.tell(json.dumps(question))
        return str(await answer)


class House:
    """What the service has once, and its doors."""

    def __init__(self, crew: Crew, publishers: Publishers) -> None:
        self._media = Media(MediaSettings(batch_s=GATHERED_S))
        self._detectors = VoiceDetectors()
        self._sweeper = Sweeper()
        self._publishers = publishers
        self.closed_in: Counter[str] = Counter()  # states of aiortc: how far the handshakes were that we closed
        crew.start(self._media.run())

    def close(self) -> None:
        self._sweeper.close()

    async def visit(self, number: int) -> None:
        """Somebody comes, is heard, and goes. Raises `NotHeard`."""
        way = WAYS[number % len(WAYS)]
        step = "answered"
        guest = Guest(self._detectors)
        states: list[str] = []  # ≤ the handful that aiortc has
        gone = asyncio.Event()

        def on_state(state: str) -> None:
            states.append(state)
            if state == "closed":
                gone.set()

        receiver = self._media.receiver(judge=guest.hearing.judge, listener=guest)
        peer = Peer(LOOPBACK, (), on_state, tap=Tap(receiver, self._sweeper))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await peer.answer(await self._publishers.offer(number))
                await self._publishers.answer(number, answer)
                step = "heard"
                if way is Way.IN_HANDSHAKE:
                    await asyncio.sleep(number // len(WAYS) % MOMENTS * MOMENT_S)
                    self.closed_in[states[-1] if states else "new"] += 1
                else:
                    await guest.heard.wait()
                step = "closed"
                if way is Way.THEY_HANG_UP:
                    await self._publishers.hang_up(number)
                    await gone.wait()
                if way is Way.TWICE:
                    await asyncio.gather(peer.close(), peer.close())
                    receiver.close(now=loop.time())
                await peer.close()
                receiver.close(now=loop.time())
                if way is not Way.THEY_HANG_UP:
                    await self._publishers.hang_up(number)
                step = "forgotten"
                await guest.finished.wait()
        except TimeoutError as error:
            raise NotHeard(f"a speaker ({way}) was not {step} within {PATIENCE_S:.0f} s") from error

    async def sample(self, joins: int, before: Sample | None) -> Sample:
        """Once nothing is left beside what there was `before`, or has had its time to go. Threads stay, or are gone."""
        until = time.monotonic() + CALM_S
        while True:
            taken = look(joins, self._media, self._sweeper)
            if before is None or time.monotonic() > until:
                return taken
            if not any(left(replace(taken, threads=0), before).values()):
                return taken
            await asyncio.sleep(LOOK_S)


async def measure(options: Options, environment: Mapping[str, str], note: Callable[[str], None]) -> dict[str, Any]:
    """All figures of `roomscribe bench joins`. Raises `RunFailed`, `NotHeard`."""
    processors = frozenset(os.sched_getaffinity(0))
    command = (sys.executable, *SENDER)
    try:
        async with (
            child("the publishers", command, processors=processors, environment=environment) as process,
            Crew() as crew,
        ):
            await process.line(START_S)
            publishers = Publishers(process)
            crew.start(publishers.listen())
            house = House(crew, publishers)
            try:
                return await _measure(house, options, note)
            finally:
                house.close()
    except ExceptionGroup as group:
        raise _first(group) from group


async def _measure(house: House, options: Options, note: Callable[[str], None]) -> dict[str, Any]:
    numbers = itertools.count()
    empty = await house.sample(0, None)
    note(f"{options.warm_up} come and go to warm up")  # whatever writes it is loaded before the base is taken
    await _visits(house, numbers, options.warm_up, options.at_once)
    samples = [await house.sample(0, empty)]
    house.closed_in.clear()
    began = time.monotonic()
    while (done := samples[-1].joins) < options.count:
        more = min(options.every, options.count - done)
        await _visits(house, numbers, more, options.at_once)
        samples.append(await house.sample(done + more, samples[0]))
        note(f"{done + more} came and went: {samples[-1].rss_mb:.1f} MB, {time.monotonic() - began:.0f} s")
    return {**figures(samples, seconds=time.monotonic() - began), "closed_in": dict(house.closed_in)}


async def _visits(house: House, numbers: itertools.count[int], count: int, at_once: int) -> None:
    some = itertools.islice(numbers, count)

    async def one_after_another() -> None:
        for number in some:
            await house.visit(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(one_after_another())


def _first(group: ExceptionGroup[Exception]) -> Exception:
    for each in group.exceptions:
        return _first(each) if isinstance(each, ExceptionGroup) else each
    raise AssertionError
