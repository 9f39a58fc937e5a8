"""Who is decoded next. Sans-IO: one for the process, asked whenever a worker is free.

Finals go first. Translations of them are finals too, but for this: while a transcript waits, in whatever room, no
translation is begun; then partials and translations take turns. Rooms take turns by how much has been done for them
(fair queueing), so that a room of fifty cannot starve a room of two. Within a room, finals go by when they are due.
Among partials, in whatever room, the first of an utterance goes first; then, within a room, that of the speaker who has
waited longest since the last one. A speaker has at most one partial waiting: its audio is cut when a worker takes it,
so the newest words are in it. A final supersedes the waiting partial of its speaker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from .audio import Pcm
from .errors import EngineError
from .request import Kind
from .totals import QueueTotals

MAX_WAITING_FINALS: Final = 256  # over all speakers; each speaker hands in three at most
NEVER: Final = float("-inf")


class SchedulerFull(EngineError):
    """More finals are waiting than the bound allows: more speakers than the machine can serve."""

    component = "pipeline.scheduler"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """`speaker` and `room` are any keys that are unique in the process. `cut` gives the audio when the job is taken.

    `due` is the moment (in *now*) at which a final is wanted; `backlog_s` is how much audio of the speaker waits for
    its final; `fresh`: a partial of an utterance of which readers have seen nothing yet. `language`, `hints`, `allowed`
    and `translate` as in `DecodeRequest`.
    """

    kind: Kind
    speaker: str
    language: str
    due: float
    cut: Callable[[], Pcm] = field(repr=False)
    room: str = ""
    hints: str = field(default="", repr=False)
    allowed: tuple[str, ...] = ()
    fresh: bool = False
    translate: bool = False
    backlog_s: Callable[[], float] = field(default=lambda: 0.0, repr=False)


@dataclass(slots=True)
class _Room:
    """What one room waits for, and how much was done for it, in virtual time."""

    finals: list[Job] = field(default_factory=list)  # transcripts first, by `due`; ≤ max_finals over all rooms
    partials: dict[str, Job] = field(default_factory=dict)  # ≤ one a speaker
    running: int = 0
    served: float = 0.0

    @property
    def transcribes(self) -> bool:
        """A transcript waits."""
        return bool(self.finals) and not self.finals[0].translate

    @property
    def shows_nothing(self) -> bool:
        """Of an utterance that somebody speaks here, nobody has read a word yet."""
        return any(job.fresh for job in self.partials.values())


class Scheduler:
    """`slots` is the number of workers: each may take jobs once."""

    def __init__(self, *, slots: int, max_finals: int = MAX_WAITING_FINALS) -> None:
        self._slots = slots
        self.max_finals = max_finals
        self.finals = QueueTotals()
        self._rooms: dict[str, _Room] = {}  # ≤ rooms with a job waiting or running
        self._virtual = 0.0  # the most that any room has been served: where one that comes to wait joins the round
        self._running: dict[Job, int] = {}  # ≤ slots × the largest batch; the number of the take
        self._takes = 0
        self._last_partial: dict[str, float] = {}  # ≤ one a speaker; `forget` removes it
        self._translated = False  # of partials and translations, it was one of these that was taken last

    @property
    def waiting_finals(self) -> int:
        return sum(len(room.finals) for room in self._rooms.values())

    @property
    def waiting_partials(self) -> int:
        return sum(len(room.partials) for room in self._rooms.values())

    @property
    def running(self) -> int:
        return len(self._running)

    def lateness(self, *, now: float, since: float = NEVER) -> float:
        """How long the most overdue waiting transcript is overdue; time before `since` does not count."""
        dues = (room.finals[0].due for room in self._rooms.values() if room.transcribes)
        return max((now - max(due, since) for due in dues), default=0.0)

    def make_way(self, job: Job) -> Job | None:
        """Before a transcript is put in line: take out a waiting translation, if there is no place otherwise."""
        if job.kind is Kind.PARTIAL or job.translate or self.waiting_finals < self.max_finals:
            return None
        translation = self.shed_translation()
        self.finals.dropped += translation is not None
        return translation

    def submit(self, job: Job) -> Job | None:
        """Put `job` in line. Returns the waiting partial of the same speaker that it supersedes, if any.

        Raises `SchedulerFull` for a final too many.
        """
        if job.kind is Kind.FINAL and self.waiting_finals >= self.max_finals:
            self.finals.dropped += 1
            raise SchedulerFull(f"{self.max_finals} finals are waiting")
        room = self._rooms.get(job.room)
        if room is None:
            room = self._rooms[job.room] = _Room()
        if not (room.finals or (job.kind is Kind.PARTIAL and room.partials)):
            room.served = max(room.served, self._virtual)  # time in which it wanted nothing gives it no claim
        # A translation is of an utterance that has ended, and the partial may be of the next one.
        superseded = room.partials.pop(job.speaker, None) if not job.translate else None
        if job.kind is Kind.PARTIAL:
            room.partials[job.speaker] = job
        else:
            room.finals.append(job)
            room.finals.sort(key=lambda waiting: (waiting.translate, waiting.due))
            self.finals.holds(self.waiting_finals)
        return superseded

    def take(self, *, now: float, most: int = 1) -> list[Job]:
        """What a worker does next: one job, or up to `most` of one kind that already wait. Empty: nothing.

        Call `done` for each when it has ended.
        """
        if len(set(self._running.values())) >= self._slots:
            return []
        self._takes += 1
        jobs: list[Job] = []
        while len(jobs) < most and (job := self._next(jobs[0].kind if jobs else None)) is not None:
            room = self._rooms[job.room]
            if job.kind is Kind.PARTIAL:
                del room.partials[job.speaker]
                self._last_partial[job.speaker] = now
            else:
                room.finals.remove(job)
            if job.kind is Kind.PARTIAL or job.translate:
                self._translated = job.translate
            room.running += 1
            room.served += 1.0
            self._virtual = max(self._virtual, room.served)
            self._running[job] = self._takes
            jobs.append(job)
        return jobs

    def done(self, job: Job) -> None:
        """A running job ended, well or not."""
        if self._running.pop(job, None) is not None:
            self._rooms[job.room].running -= 1
            self._leave(job.room)

    def withdraw(self, job: Job) -> None:
        """Nobody wants the result of a waiting job any more."""
        room = self._rooms.get(job.room)
        if room is None:
            return
        if room.partials.get(job.speaker) is job:
            del room.partials[job.speaker]
        if job in room.finals:
            room.finals.remove(job)
        self._leave(job.room)

    def forget(self, speaker: str) -> Job | None:
        """The speaker is gone: drop what is kept about it. Returns its waiting partial, if there was one."""
        self._last_partial.pop(speaker, None)
        for room in self._rooms.values():
            if speaker in room.partials:
                job = room.partials.pop(speaker)
                self._leave(job.room)
                return job
        return None

    def shed(self, *, due_before: float) -> Job | None:
        """Of the finals that were due before then, take out the oldest of the speaker of whom most audio waits."""
        finals = [job for room in self._rooms.values() for job in room.finals if job.due < due_before]
        job = max(finals, key=lambda job: (job.backlog_s(), -job.due), default=None)
        return self._taken_out(job)

    def shed_translation(self) -> Job | None:
        """Take out a translation that waits."""
        finals = (job for room in self._rooms.values() for job in room.finals)
        return self._taken_out(next((job for job in finals if job.translate), None))

    def _taken_out(self, final: Job | None) -> Job | None:
        if final is not None:
            self._rooms[final.room].finals.remove(final)
            self._leave(final.room)
        return final

    def _next(self, kind: Kind | None) -> Job | None:
        if kind is not Kind.PARTIAL:
            room = _least_served(room for room in self._rooms.values() if room.transcribes)
            if room is None and (kind is Kind.FINAL or not (self._translated and self.waiting_partials)):
                room = _least_served(room for room in self._rooms.values() if room.finals)
            if room is not None:
                return room.finals[0]
        if kind is not Kind.FINAL:
            room = _least_served(room for room in self._rooms.values() if room.shows_nothing)
            room = room or _least_served(room for room in self._rooms.values() if room.partials)
            if room is not None:
                return min(room.partials.values(), key=self._turn)
        return None

    def _turn(self, partial: Job) -> tuple[bool, float]:
        return not partial.fresh, self._last_partial.get(partial.speaker, NEVER)

    def _leave(self, key: str) -> None:
        room = self._rooms[key]
        if not room.finals and not room.partials and not room.running:
            del self._rooms[key]


def _least_served(rooms: Iterable[_Room]) -> _Room | None:
    return min(rooms, key=lambda room: (room.served, room.finals[0].due if room.finals else 0.0), default=None)
