"""The engine: a supervised child process that turns audio into hypotheses, and the line in front of it.

`run` owns the child and restarts it with backoff for as long as it is not cancelled. `transcribe` may be called
from any number of tasks; what the scheduler takes first is sent first. A final whose worker died is sent once
more; a partial is not worth it. A decode that takes longer than `watchdog_s` ends the child.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from .audio import Pcm
from .child_process import ChildProcess, ModelSettings
from .errors import DecodeFailed, EngineDied, EngineError, EngineFatal, Superseded
from .scheduler import Job, Kind, Scheduler, SchedulerFull
from .transcript import Hypothesis
from .wire import check_payload

log = logging.getLogger("roomscribe.pipeline.engine")

MAX_STILLBORN: Final = 3  # deaths before the first sign of life; then it is a fault of the installation
STILLBORN: Final = (
    "the recognition process ended three times {end} before the model {model!r} (ROOMSCRIBE_MODEL) was loaded. Its own "
    "words, if it had any, are above, on standard error. SIGKILL mostly means too little memory: give roomscribe more, "
    "or choose a smaller model."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """`environment` is what the child inherits: the parent's own, given by whoever may read it."""

    model: ModelSettings = field(default_factory=ModelSettings)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    watchdog_s: float = 60.0
    restart_first_s: float = 0.5
    restart_cap_s: float = 30.0
    steady_after_s: float = 60.0  # a child that lived this long starts the restart delays afresh


class EngineState(enum.Enum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class _Request:
    job: Job
    result: asyncio.Future[Hypothesis]
    sent_at: float = 0.0
    tries_left: int = 1


class Engine:
    """One for the process."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._scheduler = Scheduler(slots=settings.model.workers)
        self._requests: dict[Job, _Request] = {}  # ≤ what the scheduler holds
        self._running: dict[int, _Request] = {}  # ≤ workers
        self._ids = itertools.count(1)
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        self.state = EngineState.STARTING
        self.failure = ""
        self.failed = asyncio.Event()  # set when `state` is FAILED
        self.languages: tuple[str, ...] = ()
        self.restarts = 0
        self.pid: int | None = None  # of the child, while there is one
        self.decodes = {Kind.FINAL: 0, Kind.PARTIAL: 0}
        self.busy_s = 0.0

    @property
    def scheduler(self) -> Scheduler:
        """For its counters."""
        return self._scheduler

    async def wait_ready(self) -> None:
        """Wait until the model is loaded. Raises `EngineFatal` when it cannot be."""
        await self._settled.wait()
        if self.state is EngineState.FAILED:
            raise EngineFatal(self.failure)

    async def transcribe(
        self, cut: Callable[[], Pcm], *, kind: Kind, speaker: str, language: str, due: float
    ) -> Hypothesis:
        """Decode what `cut` gives when the turn comes (16 kHz mono int16, at most 30 s).

        Raises `DecodeFailed`, `EngineDied` (twice in a row for a final), `EngineFatal`, `SchedulerFull`. A cancelled
        call withdraws the request.
        """
        if self.state is EngineState.FAILED:
            raise EngineFatal(self.failure)
        job = Job(kind=kind, speaker=speaker, language=language, due=due, cut=cut)
        result: asyncio.Future[Hypothesis] = asyncio.get_running_loop().create_future()
        self._requests[job] = _Request(job, result, tries_left=2 if kind is Kind.FINAL else 1)
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
        self._supersede(self._scheduler.forget(speaker))

    async def run(self) -> None:
        """Keep a child alive. Returns only when the model can never be had (`state` is FAILED)."""
        try:
            await self._supervise()
        finally:
            self._abandon(EngineDied("the engine was stopped"))

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        delay = self._settings.restart_first_s
        stillborn = 0
        while True:
            born = clock()
            child = ChildProcess(self._settings.model, self._settings.environment)
            try:
                async with child:
                    self.pid = child.pid
                    await self._live(child)
            except EngineFatal as error:
                self._fail(str(error))
                return
            except (EngineDied, OSError) as error:
                stillborn += not self.languages  # it never was ready, so waiting may be in vain
                if stillborn >= MAX_STILLBORN:
                    self._fail(STILLBORN.format(model=self._settings.model.model, end=child.end or f"({error})"))
                    return
                log.error("%s %s; starting it again in %.1f s", error, child.end, delay)
            finally:
                self.pid = None
            if clock() - born > self._settings.steady_after_s:
                delay = self._settings.restart_first_s
            self.state = EngineState.RESTARTING
            self.restarts += 1
            self._reclaim()
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._settings.restart_cap_s)

    async def _live(self, child: ChildProcess) -> None:
        ready = await child.receive()
        if "fatal" in ready:
            raise EngineFatal(str(ready["fatal"]))
        self.languages = tuple(ready["languages"])
        self.state = EngineState.READY
        self._settled.set()
        self._work.set()
        log.info("model ready (found by %s), %d workers", ready["source"], self._settings.model.workers)
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self._feed(child)), tasks.create_task(self._watch(child))]
            died = await self._read(child)
            for helper in helpers:
                helper.cancel()
        raise died

    async def _feed(self, child: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._work.wait()
            self._work.clear()
            while (job := self._scheduler.take(now=clock())) is not None:
                request = self._requests.get(job)
                if request is None:
                    self._scheduler.done(job)
                    continue
                try:
                    payload = job.cut().tobytes()
                    check_payload(payload)
                except Exception as error:  # noqa: BLE001 — whatever is wrong with one request stays with it
                    self._scheduler.done(job)
                    if not request.result.done():
                        request.result.set_exception(DecodeFailed(f"the audio cannot be sent: {error}"))
                    continue
                number = next(self._ids)
                request.sent_at = clock()
                self._running[number] = request
                try:
                    header = {"id": number, "kind": job.kind.value, "language": job.language}
                    await child.send(header, payload)
                except EngineDied:
                    return  # the reader sees the same death, and ends this life

    async def _read(self, child: ChildProcess) -> EngineDied:
        """Hand out answers until the child dies; that is its only end, so it is returned, not raised."""
        while True:
            try:
                reply = await child.receive()
            except EngineDied as died:
                return died
            self._answered(reply)

    async def _watch(self, child: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(1.0)
            if any(clock() - request.sent_at > self._settings.watchdog_s for request in self._running.values()):
                log.error("a decode hung for more than %.0f s", self._settings.watchdog_s)
                child.kill()

    def _answered(self, reply: dict[str, Any]) -> None:
        request = self._running.pop(reply.get("id", 0), None)
        if request is None:
            return
        job, result = request.job, request.result
        self._scheduler.done(job)
        self._work.set()
        if "error" not in reply:
            self.decodes[job.kind] += 1
            self.busy_s += reply["decode_s"]
        if result.done():
            return  # nobody waits any more
        if "error" in reply:
            result.set_exception(DecodeFailed(reply["error"]))
        else:
            result.set_result(Hypothesis(text=reply["text"], language=job.language, decode_s=reply["decode_s"]))

    def _reclaim(self) -> None:
        """The child died: finals in its hands go back in line, once."""
        lost, self._running = list(self._running.values()), {}
        for request in lost:
            self._scheduler.done(request.job)
            request.tries_left -= 1
            if request.result.done():
                continue
            try:
                if request.tries_left <= 0:
                    raise EngineDied("the recognition process died over this audio")
                self._submit(request.job)
            except (EngineDied, SchedulerFull) as error:
                request.result.set_exception(error)

    def _submit(self, job: Job) -> None:
        self._supersede(self._scheduler.submit(job))
        self._work.set()

    def _supersede(self, job: Job | None) -> None:
        request = self._requests.get(job) if job is not None else None
        if request is not None and not request.result.done():
            request.result.set_exception(Superseded("something newer took its place"))

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
