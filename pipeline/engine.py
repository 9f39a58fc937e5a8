"""The engine: the line of requests, the workers that serve it, and what is given up when there are too many.

`run` keeps the backend alive and the workers busy for as long as it is not cancelled. `transcribe` may be called from
any number of tasks; what the scheduler takes first is decoded first. A final whose decoder died is tried once more,
with nothing beside it: if it was the one that killed the decoder, it kills nobody else's. A partial is not worth it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .audio import Pcm, samples, seconds
from .backend import Backend
from .errors import DecodeFailed, EngineDied, EngineError, EngineFatal, ServerAway, Shed, Superseded
from .overload import Ladder, Step
from .request import DecodeRequest, Hypothesis, Kind
from .scheduler import Job, Scheduler, SchedulerFull
from .standstill import Looks
from .totals import RecentRatio

log = logging.getLogger("roomscribe.pipeline.engine")

WIDE_BEAM: Final = 5  # costs decoder time only, and wins back words that short utterances lose
NARROW_BEAM: Final = 1
LOOK_S: Final = 0.25  # how often the line is looked at for what is late
CATCH_UP: Final = 2.0  # times what an outage of the backend, or of this process, took, nothing is shed after it …
CATCH_UP_S: Final = 20.0  # … but no longer than this
SILENT_S: Final = 10.0  # without an answer: it hangs, or stands still; what takes so long by itself follows no speech
EXPIRED_S: Final = 60.0  # a final that is overdue by so much is given up, with or without a backend
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
        self._suspects: deque[Job] = deque()  # their decoder died; ≤ what it decoded at once
        self._busy = 0  # workers with something to do
        self._alone = False  # a suspect is being decoded
        self._work = asyncio.Event()
        self._up = asyncio.Event()
        self._up_since = 0.0
        self._down_since: float | None = None
        self._owes_since: float | None = None  # it was asked, and has given no words since
        self._shed_since = 0.0  # lateness before this leads to no shedding
        self._settled = asyncio.Event()
        self.state = EngineState.STARTING
        self.failure = ""
        self.failed = asyncio.Event()  # set when `state` is FAILED
        self.languages: tuple[str, ...] = ()
        self.translations: tuple[str, ...] = ()  # what can be translated into; Whisper codes, as `languages`
        self.decodes = {Kind.FINAL: 0, Kind.PARTIAL: 0}
        self.suppressed: Counter[str] = Counter()  # by the name of the guard; ≤ `guards.Rule`
        self.trimmed = 0
        self.full_windows = 0
        self.busy_s = 0.0
        self.rtf = RecentRatio()  # of the time that decodes take to the audio that they decode
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
        self._requests[job] = _Request(job, result, tries_left=1 + (job.kind is Kind.FINAL))
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
            if job in self._suspects:
                self._suspects.remove(job)

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

    def backend_ready(self, languages: Sequence[str], *, note: str, translations: Sequence[str] = ()) -> None:
        self.languages, self.translations = tuple(languages), tuple(translations)
        self.state = EngineState.READY
        self._settled.set()
        self._up.set()
        now = self._up_since = self._shed_since = asyncio.get_running_loop().time()
        self._spare(now - (self._down_since or now), now)
        self._down_since = self._owes_since = None
        self.ladder.step = Step.NORMAL  # what had led to any other is over
        log.info("model ready: %s", note)

    def backend_lost(self) -> None:
        self._up.clear()
        if self._down_since is None:  # whoever hangs is lost when it falls silent, not when somebody notices
            self._down_since = self._owes_since or asyncio.get_running_loop().time()
        if self.state is not EngineState.FAILED:
            self.state = EngineState.RESTARTING

    # The workers.

    async def _serve(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._up.wait()
            jobs = self._take(clock())
            if not jobs:
                self._work.clear()
                await self._work.wait()
                continue
            self._busy += 1
            try:
                await self._decode([(job, request) for job in jobs if (request := self._cut(job)) is not None])
            finally:
                self._busy -= 1
                self._alone = False
                for job in jobs:
                    self._scheduler.done(job)
                self._work.set()

    def _take(self, now: float) -> list[Job]:
        """What a worker does next; nothing while a suspect runs, or waits for the others to end."""
        if self._alone or self._busy >= self._backend.slots or (self._suspects and self._busy):
            return []
        if self._suspects:
            self._alone = True
            return [self._suspects.popleft()]
        while (late := self._too_late(now)) is not None:
            self._reject(late, Shed("recognition cannot keep up"))
        return self._scheduler.take(now=now, most=self._backend.max_batch)

    async def _decode(self, requests: list[tuple[Job, DecodeRequest]]) -> None:
        if not requests:
            return
        if self._owes_since is None:
            self._owes_since = asyncio.get_running_loop().time()
        try:
            hypotheses = await self._backend.decode([request for _, request in requests])
        except EngineDied as died:
            for job, _ in requests:
                self._try_again(job, died)
        except Exception as error:  # noqa: BLE001 — whatever a backend comes up with, it stays with these requests
            if len(requests) > 1:  # one of them is to blame, and the others are not
                for each in requests:
                    await self._decode([each])
                return
            if not isinstance(error, EngineError):
                log.error("a decode ended with %s", type(error).__name__)
                error = DecodeFailed(type(error).__name__)
            self._reject(requests[0][0], error)
        else:
            self._answered()
            for (job, request), hypothesis in zip(requests, hypotheses, strict=True):
                self._count(job, request, hypothesis)
                waiting = self._requests.get(job)
                if waiting is not None and not waiting.result.done():
                    waiting.result.set_result(hypothesis)

    def _answered(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._owes_since is not None and now - self._owes_since > SILENT_S:
            self._spare(now - self._owes_since, now)
        self._owes_since = now if self._busy > 1 else None

    def _spare(self, length_s: float, now: float) -> None:
        """Nobody could decode for so long: what was heard meanwhile is still held, and is not given up at once."""
        self._shed_since = max(self._shed_since, now + min(CATCH_UP * length_s, CATCH_UP_S))

    def _cut(self, job: Job) -> DecodeRequest | None:
        if job not in self._requests:
            return None  # nobody waits any more
        try:
            pcm: Pcm = job.cut()
            if len(pcm) > MAX_AUDIO:
                raise ValueError(f"{seconds(len(pcm)):.1f} s, at most {seconds(MAX_AUDIO):.0f} s")
            if not len(pcm):
                self._reject(job, Superseded("its audio is gone: the utterance has ended"))
                return None
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
            translate=job.translate,
        )

    def _count(self, job: Job, request: DecodeRequest, hypothesis: Hypothesis) -> None:
        self.decodes[job.kind] += 1
        self.busy_s += hypothesis.decode_s
        self.decoded_s += seconds(len(request.pcm))
        self.rtf.add(hypothesis.decode_s, seconds(len(request.pcm)))
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
        if not isinstance(died, ServerAway):
            self._suspects.append(job)
            self._work.set()
            return
        try:
            self._submit(request.job)
        except SchedulerFull as error:
            request.result.set_exception(error)

    async def _look_after_the_late(self) -> None:
        """Climb the ladder when finals are late, and give up what nobody would want to read any more."""
        clock = asyncio.get_running_loop().time
        looks, late_s = Looks(LOOK_S, now=clock()), 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = clock()
            if stood_s := looks.stood_still_s(now=now):
                self._stood_still(stood_s, late_s=late_s, now=now)
            before = self.ladder.step
            late_s = self._late_s(now)
            if self.ladder.observe(late_s=late_s, now=now) is not before:
                log.warning("overload: %s (finals are %.1f s late)", self.ladder.step.name.lower(), late_s)
            while (job := self._hopeless(now)) is not None:
                self._reject(job, Shed("recognition cannot keep up"))

    def _stood_still(self, length_s: float, *, late_s: float, now: float) -> None:
        """Nobody here could work: what was late by `late_s` before is no later now, and there is time to catch up."""
        log.warning("this process stood still for %.1f s", length_s)
        self._up_since = now - max(late_s, 0.0)
        self._spare(length_s, now)

    def _late_s(self, now: float) -> float:
        """Being without a backend is no overload: what waited for it is not late yet."""
        return self._scheduler.lateness(now=now, since=self._up_since) if self._up.is_set() else 0.0

    def _hopeless(self, now: float) -> Job | None:
        """What is given up without a look at what could be done instead, taken out of the line."""
        translation = self._scheduler.shed_translation() if self.ladder.step >= Step.NARROW else None
        return translation or self._scheduler.shed(due_before=now - EXPIRED_S)

    def _too_late(self, now: float) -> Job | None:
        """A final to give up, taken out of the line, now that somebody is free, but not for all who wait.

        While nobody is, it helps no one; and a recogniser that gives no words may hang, which is no overload.
        """
        limit_s = self.ladder.shed_below_s
        enough_for_all = self._scheduler.waiting_finals <= self._backend.slots - self._busy
        hangs = self._owes_since is not None and now - self._owes_since > SILENT_S
        in_time = self._scheduler.lateness(now=now, since=self._shed_since) <= limit_s
        if self.ladder.step is not Step.SHED or enough_for_all or hangs or in_time:
            return None
        return self._scheduler.shed(due_before=now - limit_s)

    def _submit(self, job: Job) -> None:
        self._reject(self._scheduler.make_way(job), Shed("a transcript needs its place in the line"))
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
