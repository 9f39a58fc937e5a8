"""How much one process takes on: rooms, speakers, memory. Sans-IO.

A new room is refused while any of the three is used up. A new speaker waits while it is speakers or memory: first come,
first heard, in whatever room. What runs already is never stopped for it.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

FREE_AGAIN: Final = 0.9  # of the memory limit: what was full stays full until less than this is in use
MB: Final = 1_000_000  # bytes
KEEP_S: Final = 30.0  # a room whose signaling session is made anew keeps its places: its people come back by then


class Bound(enum.Enum):
    """What is used up."""

    ROOMS = "rooms"
    SPEAKERS = "speakers"
    MEMORY = "memory"
    ROOM_SPEAKERS = "room_speakers"  # of one room, not of the process


PROCESS: Final = (Bound.ROOMS, Bound.SPEAKERS, Bound.MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionSettings:
    """`memory_limit_mb` is for the process and its recogniser together; None: memory is not looked at."""

    max_rooms: int = 100
    max_total_speakers: int = 500
    memory_limit_mb: int | None = None


class Admission:
    """One for the process. Rooms are named by their keys, speakers by anything that is unique in their room."""

    def __init__(self, settings: AdmissionSettings) -> None:
        self.settings = settings
        self.speakers = 0  # places that are held, in all rooms
        self.memory_full = False
        self.refused_rooms = 0  # counted by whoever asked `no_room` in earnest
        self.refused_speakers = 0  # each once, when it begins to wait
        self._memory = 0  # bytes, when last looked at
        self._held: dict[str, int] = {}  # places by room; ≤ rooms that are being served
        self._line: dict[tuple[str, str], None] = {}  # who waits, first come first; ≤ the speakers of those rooms
        self._waiting: dict[str, frozenset[str]] = {}  # the same, by room

    @property
    def memory_limit(self) -> float:
        """Bytes."""
        limit_mb = self.settings.memory_limit_mb
        return math.inf if limit_mb is None else float(limit_mb * MB)

    def observe(self, *, memory: int) -> None:
        """How many bytes are in use now."""
        self._memory, limit = memory, self.memory_limit
        self.memory_full = memory > limit or (self.memory_full and memory >= limit * FREE_AGAIN)

    def no_room(self, *, rooms: int) -> dict[Bound, str]:
        """Why no new room may start while so many are being served, for whoever runs this; empty: one may."""
        reasons = {}
        if rooms >= self.settings.max_rooms:
            limit = f"ROOMSCRIBE_MAX_ROOMS is {self.settings.max_rooms}"
            reasons[Bound.ROOMS] = f"{rooms} rooms are being served, and {limit}"
        return reasons | self.no_speaker()

    def no_speaker(self) -> dict[Bound, str]:
        """Why no new speaker may start now, for whoever runs this; empty: there are places."""
        reasons = {}
        if self.speakers >= self.settings.max_total_speakers:
            limit = f"ROOMSCRIBE_MAX_TOTAL_SPEAKERS is {self.settings.max_total_speakers}"
            reasons[Bound.SPEAKERS] = f"{self.speakers} speakers are heard, and {limit}"
        if self.memory_full:
            mark_mb = self.memory_limit / MB
            reasons[Bound.MEMORY] = (
                f"{self._memory / MB:.0f} MB of memory are in use, and ROOMSCRIBE_MEMORY_LIMIT_MB is {mark_mb:.0f}: "
                f"there is room again below {mark_mb * FREE_AGAIN:.0f} MB"
            )
        return reasons

    def admit(self, room: str, *, held: int, waiting: Sequence[str]) -> list[str]:
        """A room holds so many places, and these speakers of it want one. Returns who may start, and holds one now.

        The others are in line from when they were first named until they are named no more. So rooms ask again and
        again; for one that does not, call `gone`.
        """
        before = self._waiting.get(room, frozenset())
        self._hold(room, held)
        self._line_up(room, waiting)
        free = 0 if self.memory_full else max(self.settings.max_total_speakers - self.speakers, 0)
        first = set(itertools.islice(self._line, free)) if waiting else set()
        admitted = [each for each in waiting if (room, each) in first]
        if admitted:
            self._hold(room, held + len(admitted))
            self._line_up(room, [each for each in waiting if (room, each) not in first])
        self.refused_speakers += len(self._waiting.get(room, frozenset()) - before)
        return admitted

    def gone(self, room: str) -> None:
        """The room holds no place any more, and wants none."""
        self._hold(room, 0)
        self._line_up(room, ())

    def _hold(self, room: str, places: int) -> None:
        self.speakers += places - self._held.pop(room, 0)
        if places:
            self._held[room] = places

    def _line_up(self, room: str, waiting: Sequence[str]) -> None:
        here = frozenset(waiting)
        for each in self._waiting.pop(room, frozenset()) - here:
            del self._line[room, each]
        for each in waiting:
            self._line.setdefault((room, each))
        if here:
            self._waiting[room] = here


class Places:
    """One room's view of it: who of its speakers is heard, and who waits for a place in the room or in the process."""

    def __init__(self, admission: Admission, *, room: str, max_speakers: int) -> None:
        self._admission = admission
        self._room = room
        self._max_speakers = max_speakers
        self._heard_before: frozenset[str] = frozenset()  # before the signaling session was made anew; ≤ max_speakers
        self._kept = 0  # places that are kept since then …
        self._kept_until = 0.0  # … until then
        self.waiting: tuple[str, ...] = ()  # first come first; ≤ what the roster knows
        self.full: dict[Bound, str] = {}  # why they wait, for whoever runs this

    def seat(self, wanted: Set[str], *, heard: Set[str], now: float) -> list[str]:
        """Who of those that are `wanted` may start now. `heard` have their place: they are being listened to, or will
        be again in a moment.
        """
        places = self._places(heard, now)
        missing = [each for each in self.waiting if each in wanted and each not in heard]
        missing += sorted(wanted - heard - set(missing))
        missing.sort(key=lambda each: each not in self._heard_before)
        fitting = missing[: max(self._max_speakers - len(heard), 0)]
        back, new = fitting[: places - len(heard)], fitting[places - len(heard) :]  # for the former, places were kept
        started = [*back, *self._admission.admit(self._room, held=places, waiting=new)]
        self.full = self._admission.no_speaker() if len(started) < len(fitting) else {}
        if len(fitting) < len(missing):
            limit = f"ROOMSCRIBE_MAX_SPEAKERS is {self._max_speakers}"
            self.full[Bound.ROOM_SPEAKERS] = f"more than {self._max_speakers} speak in one room, and {limit}"
        seated = frozenset(started)
        self.waiting = tuple(each for each in missing if each not in seated)
        return started

    def keep(self, heard: Set[str], *, now: float) -> None:
        """The signaling session is a new one, in which everybody has to be asked anew. Those who were heard find their
        places kept for a while: it was no fault of theirs.
        """
        self._kept, self._kept_until = self._places(heard, now), now + KEEP_S
        self._heard_before = frozenset(heard) or self._heard_before

    def leave(self) -> None:
        """The room is over."""
        self.waiting, self.full = (), {}
        self._admission.gone(self._room)

    def _places(self, heard: Set[str], now: float) -> int:
        return max(len(heard), self._kept if now < self._kept_until else 0)
