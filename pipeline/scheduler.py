"""Who is decoded next. Sans-IO: one for the process, asked whenever a worker is free.

Finals go first, in the order of their deadlines; then the partial of the speaker who has waited longest since the
last one. A speaker has at most one partial waiting or running: its audio is cut when a worker takes it, so the
newest words are in it. A final supersedes the waiting partial of its utterance.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .audio import Pcm

MAX_WAITING_FINALS: Final = 256  # over all speakers; each speaker hands in one at a time


class Kind(enum.Enum):
    FINAL = "final"
    PARTIAL = "partial"


class SchedulerFull(Exception):
    """More finals are waiting than the bound allows: more speakers than the machine can serve."""

    component = "pipeline.scheduler"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """`speaker` is any key that is unique in the process. `cut` gives the audio when the job is taken.

    `due` is the moment (in *now*) that orders finals: the end of the speech they belong to.
    """

    kind: Kind
    speaker: str
    language: str
    due: float
    cut: Callable[[], Pcm] = field(repr=False)


class Scheduler:
    """`slots` is the number of workers: as many jobs may be running at once."""

    def __init__(self, *, slots: int, max_finals: int = MAX_WAITING_FINALS) -> None:
        self._slots = slots
        self.max_finals = max_finals
        self._finals: list[Job] = []  # ≤ max_finals
        self._partials: dict[str, Job] = {}  # ≤ one a speaker
        self._running: set[Job] = set()  # ≤ slots
        self._last_partial: dict[str, float] = {}  # ≤ one a speaker; `forget` removes it

    @property
    def waiting_finals(self) -> int:
        return len(self._finals)

    @property
    def waiting_partials(self) -> int:
        return len(self._partials)

    @property
    def running(self) -> int:
        return len(self._running)

    def submit(self, job: Job) -> Job | None:
        """Put `job` in line. Returns the waiting partial of the same speaker that it supersedes, if any.

        Raises `SchedulerFull` for a final too many.
        """
        if job.kind is Kind.PARTIAL:
            superseded = self._partials.get(job.speaker)
            self._partials[job.speaker] = job
            return superseded
        if len(self._finals) >= self.max_finals:
            raise SchedulerFull(f"{len(self._finals)} finals are waiting")
        self._finals.append(job)
        self._finals.sort(key=lambda waiting: waiting.due)
        return self._partials.pop(job.speaker, None)

    def take(self, *, now: float) -> Job | None:
        """The next job to run, or None: nothing may start now. Call `done` when it has ended."""
        if len(self._running) >= self._slots:
            return None
        job = self._finals.pop(0) if self._finals else self._oldest_partial()
        if job is None:
            return None
        if job.kind is Kind.PARTIAL:
            del self._partials[job.speaker]
            self._last_partial[job.speaker] = now
        self._running.add(job)
        return job

    def done(self, job: Job) -> None:
        """A running job ended, well or not."""
        self._running.discard(job)

    def withdraw(self, job: Job) -> None:
        """Nobody wants the result of a waiting job any more."""
        if self._partials.get(job.speaker) is job:
            del self._partials[job.speaker]
        if job in self._finals:
            self._finals.remove(job)

    def forget(self, speaker: str) -> Job | None:
        """The speaker is gone: drop what is kept about it. Returns its waiting partial, if there was one."""
        self._last_partial.pop(speaker, None)
        return self._partials.pop(speaker, None)

    def _oldest_partial(self) -> Job | None:
        never = float("-inf")
        return min(self._partials.values(), key=lambda job: self._last_partial.get(job.speaker, never), default=None)
