"""The engine: the line of requests, the workers that serve it, and what is given up when there are too many.

`run` keeps the backend alive and the workers busy for as long as it is not cancelled. `transcribe` may be called from
any number of tasks; what the scheduler takes first is decoded first. A final whose decoder died is tried once more;
a partial is not worth it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .audio import Pcm, samples, seconds
from .backend import Backend
from .errors import DecodeFailed, EngineDied, EngineError, EngineFatal, Shed, Superseded
from .overload import Ladder, Step
from .request import DecodeRequest, Hypothesis, Kind
from .scheduler import Job, Scheduler, SchedulerFull

log = logging.getLogger("roomscribe.pipeline.engine")

WIDE_BEAM: Final = 5  # costs decoder time only, and wins back words that short utterances lose
NARROW_BEAM: Final = 1
LOOK_S: Final = 0.25  # how often the line is looked at for what is late
MAX_AUDIO: Final = samples(30.0)


class EngineState(enum.Enum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class _Request:
    job: Job
    result: asyncio.Future[Hypothesis]
    tries_left: int = 1


class Engine:
    """One for the process."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._scheduler = Scheduler(slots=backend.slots)
        self.ladder = Ladder()
        self._requests: dict[Job, _Request] = {}  # ≤ what the scheduler holds
        self._work = asyncio.Event()
        self._up = asyncio.Event()
        self._up_since = 0.0
        self._settled = asyncio.Event()
        self.state = EngineState.STARTING
        self.failure = ""
        self.failed = asyncio.Event()  # set when `state` is FAILED
        self.languages: tuple[str, ...] = ()
        self.decodes = {Kind.FINAL: 0, Kind.PARTIAL: 0}
        self.suppressed: Counter[str] = Counter()  # by the name of the guard; ≤ `guards.Rule`
        self.trimmed = 0
        self.full_windows = 0
        self.busy_s = 0.0
        self.decoded_s = 0.0  # of audio

    @property
    def scheduler(self) -> Scheduler:
        """For its counters."""
        return self._scheduler

    @property
    def restarts(self) -> int:
        return self._backend.restarts

    @property
    def pid(self) -> int | None:
        """Of the process that holds the model, while there is one."""
        return self._backend.pid

    async def wait_ready(self) -> None:
        """Wait until the model is loaded. Raises `EngineFatal` when it cannot be."""
        await self._settled.wait()
        if self.state is EngineState.FAILED:
            raise EngineFatal(self.failure)

    async def transcribe(self, job: Job) -> Hypothesis:
        """Decode what `job.cut` gives when its turn comes.

        Raises `DecodeFailed`, `EngineDied` (twice in a row for a final), `EngineFatal`, `Superseded`, `Shed` and
        `SchedulerFull`. A cancelled call withdraws the request.
        """
        if self.state is EngineState.FAILED:
            raise EngineFatal(self.failure)
        result: asyncio.Future[Hypothesis] = asyncio.get_running_loop().create_future()
        self._requests[job] = _Request(job, result, tries_left=2 if job.kind is Kind.FINAL else 1)
        try:
            self._submit(job)
        except SchedulerFull:
            del self._requests[job]
            raise
        try:
            return await result
        finally:
            self._scheduler.withdraw(job)
            self._requests.pop(job, None)

    def forget(self, speaker: str) -> None:
        """The speaker is gone; whoever waits for its partial is told `Superseded`."""
        self._reject(self._scheduler.forget(speaker), Superseded("the speaker is gone"))

    async def run(self) -> None:
        """Serve. Returns only when the model can never be had (`state` is FAILED)."""
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(self._serve()) for _ in range(self._backend.slots)]
                helpers.append(tasks.create_task(self._look_after_the_late()))
                try:
                    await self._backend.run(self)
                except EngineFatal as error:
                    self._fail(str(error))
                for helper in helpers:
                    helper.cancel()
        finally:
            self._abandon(EngineDied("the engine was stopped"))

    # What the backend tells.

    def backend_ready(self, languages: Sequence[str], *, note: str) -> None:
        self.languages = tuple(languages)
        self.state = EngineState.READY
        self._settled.set()
        self._up.set()
        self._up_since = asyncio.get_running_loop().time()
        log.info("model ready: %s", note)

    def backend_lost(self) -> None:
        self._up.clear()
        if self.state is not EngineState.FAILED:
            self.state = EngineState.RESTARTING

    # The workers.

    async def _serve(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._up.wait()
            jobs = self._scheduler.take(now=clock(), most=self._backend.max_batch)
            if not jobs:
                self._work.clear()
                await self._work.wait()
                continue
            try:
                await self._decode(jobs)
            finally:
                for job in jobs:
                    self._scheduler.done(job)
                self._work.set()

    async def _decode(self, jobs: list[Job]) -> None:
        requests = [(job, request) for job in jobs if (request := self._cut(job)) is not None]
        if not requests:
            return
        try:
            hypotheses = await self._backend.decode([request for _, request in requests])
        except EngineDied as died:
            for job, _ in requests:
                self._try_again(job, died)
        except EngineError as error:
            for job, _ in requests:
                self._reject(job, error)
        else:
            for (job, request), hypothesis in zip(requests, hypotheses, strict=True):
                self._count(job, request, hypothesis)
                waiting = self._requests.get(job)
                if waiting is not None and not waiting.result.done():
                    waiting.result.set_result(hypothesis)

    def _cut(self, job: Job) -> DecodeRequest | None:
        if job not in self._requests:
            return None  # nobody waits any more
        try:
            pcm: Pcm = job.cut()
            if len(pcm) > MAX_AUDIO:
                raise ValueError(f"{seconds(len(pcm)):.1f} s, at most {seconds(MAX_AUDIO):.0f} s")
        except Exception as error:  # noqa: BLE001 — whatever is wrong with one request stays with it
            self._reject(job, DecodeFailed(f"the audio cannot be sent: {error}"))
            return None
        wide = job.kind is Kind.FINAL and self.ladder.step < Step.NARROW
        return DecodeRequest(
            kind=job.kind,
            language=job.language,
            pcm=pcm,
            beam=WIDE_BEAM if wide else NARROW_BEAM,
            hints=job.hints,
            allowed=job.allowed,
        )

    def _count(self, job: Job, request: DecodeRequest, hypothesis: Hypothesis) -> None:
        self.decodes[job.kind] += 1
        self.busy_s += hypothesis.decode_s
        self.decoded_s += seconds(len(request.pcm))
        self.trimmed += hypothesis.trimmed
        self.full_windows += hypothesis.full_window
        if hypothesis.suppressed:
            self.suppressed[hypothesis.suppressed] += 1

    def _try_again(self, job: Job, died: EngineDied) -> None:
        request = self._requests.get(job)
        if request is None or request.result.done():
            return
        request.tries_left -= 1
        if request.tries_left <= 0:
            request.result.set_exception(died)
            return
        try:
            self._submit(job)
        except SchedulerFull as error:
            request.result.set_exception(error)

    async def _look_after_the_late(self) -> None:
        """Climb the ladder when finals are late, and give up what nobody would want to read any more."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_S)
            now = clock()
            before = self.ladder.step
            late_s = self._late_s(now)
            if self.ladder.observe(late_s=late_s, now=now) is not before:
                log.warning("overload: %s (finals are %.1f s late)", self.ladder.step.name.lower(), late_s)
            while self.ladder.step is Step.SHED and self._late_s(now) > self.ladder.shed_below_s:
                job = self._scheduler.shed(due_before=now - self.ladder.shed_below_s)
                self._reject(job, Shed("recognition cannot keep up"))

    def _late_s(self, now: float) -> float:
        """Being without a backend is no overload: what waited for it is not late yet."""
        return self._scheduler.lateness(now=now, since=self._up_since) if self._up.is_set() else 0.0

    def _submit(self, job: Job) -> None:
        self._reject(self._scheduler.submit(job), Superseded("something newer took its place"))
        self._work.set()

    def _reject(self, job: Job | None, error: EngineError) -> None:
        request = self._requests.get(job) if job is not None else None
        if request is not None and not request.result.done():
            request.result.set_exception(error)

    def _fail(self, reason: str) -> None:
        self.state, self.failure = EngineState.FAILED, reason
        self._settled.set()
        self.failed.set()
        self._abandon(EngineFatal(reason))

    def _abandon(self, error: EngineError) -> None:
        """Nobody will answer any more: tell everyone who waits."""
        for request in list(self._requests.values()):
            if not request.result.done():
                request.result.set_exception(error)
