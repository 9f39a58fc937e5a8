"""A backend that decodes at once, or when the test says so, and that may be lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np

from pipeline import Engine, EngineFatal, Kind
from pipeline.errors import EngineDied, EngineError
from pipeline.request import Hypothesis
from pipeline.scheduler import Job
from soak.crew import Crew

GUARD_S = 50.0  # shorter than what makes a final expire (`EXPIRED_S`)
SILENCE = np.zeros(16_000, dtype=np.int16)


class FakeBackend:
    """Answers "Word 1", "Word 2" … in the order of the requests, or what `answer` gives or raises.

    It is there from the start unless told otherwise; on hold, decodes wait until they are let go.
    """

    def __init__(self, *, slots=2, max_batch=1, there=True, fatal=""):
        self.slots, self.max_batch = slots, max_batch
        self.restarts, self.pid = 0, None
        self.languages, self.translations = ("en", "de"), ()
        self.batches = []
        self.decoding = self.most_decoding = 0
        self.in_flight = []
        self.answer = lambda request: f"Word {sum(map(len, self.batches))}"
        self._there, self._fatal = there, fatal
        self._keeper = None
        self._life = 0
        self._free = asyncio.Event()
        self._free.set()

    @property
    def requests(self):
        return [request for batch in self.batches for request in batch]

    def hold(self):
        self._free.clear()

    def let_go(self):
        self._free.set()

    def break_off(self):
        """Whoever waits for an answer gets none; nothing is held any more."""
        self._life += 1
        self.let_go()

    def come(self):
        self._keeper.backend_ready(self.languages, note="a fake", translations=self.translations)

    def lose(self):
        self.restarts += 1
        self._keeper.backend_lost()

    async def run(self, keeper):
        self._keeper = keeper
        if self._fatal:
            raise EngineFatal(self._fatal)
        if self._there:
            self.come()
        await asyncio.get_running_loop().create_future()

    async def decode(self, requests):
        self.batches.append(requests)
        if not self.decoding:
            self.in_flight = []  # else those who end later are still judged by who was beside them
        self.in_flight = [*self.in_flight, *requests]
        self.decoding += 1
        life = self._life
        self.most_decoding = max(self.most_decoding, self.decoding)
        try:
            await self._free.wait()
        finally:
            self.decoding -= 1
        if life != self._life:
            raise EngineDied("the recogniser died over this audio")
        answers = [self.answer(request) for request in requests]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [
            each if isinstance(each, Hypothesis) else Hypothesis(text=each, language="en", decode_s=0.5)
            for each in answers
        ]


class Audio:
    """What a request is cut from, and word of each time that a worker took it."""

    def __init__(self, pcm=SILENCE):
        self.pcm = pcm
        self.times_taken = 0
        self.taken = asyncio.Event()

    def cut(self):
        self.times_taken += 1
        self.taken.set()
        return self.pcm


@asynccontextmanager
async def running(backend):
    """An engine at work, not yet ready, and a crew for who asks it."""
    engine = Engine(backend)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(engine.run())
        yield engine, crew


def ask(engine, audio=None, *, kind=Kind.FINAL, speaker="ada", due=None, **details):
    """`due` None: now."""
    if due is None:
        due = asyncio.get_running_loop().time()
    cut = (audio or Audio()).cut
    return engine.transcribe(Job(kind=kind, speaker=speaker, language="en", due=due, cut=cut, **details))


async def outcome(asking):
    """The hypothesis, or what went wrong: an expected failure must not end the crew."""
    try:
        return await asking
    except EngineError as error:
        return error


async def until(condition):
    while not condition():  # noqa: ASYNC110 — counters have no event
        await asyncio.sleep(0.001)
