"""Who asked for captions, and in which language. Sans-IO.

The chat server names a reader by the Nextcloud session id; captions go to signaling session ids. The room's join
events tie the two together, before or after the request. A reader whose session is unknown, has left the room or the
call is kept for a while, because it may be about to come (back); then it is forgotten. Finals that are said while it is
away from the room wait for it. Who reads a translation gets finals only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pipeline import NO_WISHES, FinalTranscript, Language, Wishes
from signaling import Participant, Person

from .errors import NotATarget, TooManyTargets

MAX_TARGETS: Final = 1000  # readers of one room
MAX_SESSIONS: Final = 5000  # sessions in one room; those beyond cannot become readers
MAX_MISSED: Final = 200  # finals that wait for one absent reader; the oldest is dropped


@dataclass(slots=True, kw_only=True)
class _Target:
    here: set[str] = field(default_factory=set)  # its sessions in the room, usually one; ≤ MAX_SESSIONS
    out: set[str] = field(default_factory=set)  # those of them that are not in the call
    absent_since: float | None = None  # set while nothing can be sent to it
    translation: Language | None = None  # None: it reads what is said as it is said
    missed: deque[FinalTranscript] = field(default_factory=lambda: deque(maxlen=MAX_MISSED))

    def note(self, now: float) -> None:
        if self.here - self.out:
            self.absent_since = None
        elif self.absent_since is None:
            self.absent_since = now


class Targets:
    """`forget_after_s`: how long an absent reader is remembered."""

    def __init__(self, *, forget_after_s: float) -> None:
        self._forget_after_s = forget_after_s
        self._targets: dict[str, _Target] = {}  # by Nextcloud session id; ≤ MAX_TARGETS
        self._present: dict[str, str] = {}  # signaling session id → Nextcloud session id; ≤ MAX_SESSIONS
        self._out: set[str] = set()  # those of them that are not in the call
        self._last_seen: float | None = None  # when the last reader went; None: there never was one
        self.wishes: Wishes = NO_WISHES  # made anew with each change, so whoever took it keeps what it was

    def __len__(self) -> int:
        return len(self._targets)

    def enable(self, nextcloud_session_id: str, *, now: float, translation: Language | None = None) -> None:
        """This reader wants captions, translated if `translation` says so. Asking twice changes nothing: a reader of
        translations remains one. Raises `TooManyTargets`.
        """
        if nextcloud_session_id not in self._targets:
            if len(self._targets) >= MAX_TARGETS:
                raise TooManyTargets(f"more than {MAX_TARGETS} readers in one room")
            here = {ours for ours, theirs in self._present.items() if theirs == nextcloud_session_id}
            target = self._targets[nextcloud_session_id] = _Target(here=here, out=here & self._out)
            target.note(now)
        if translation is not None:
            self.translate(nextcloud_session_id, translation)

    def translate(self, nextcloud_session_id: str, translation: Language | None) -> None:
        """From the next final on, this reader reads `translation`; None: what is said. Raises `NotATarget`."""
        target = self._targets.get(nextcloud_session_id)
        if target is None:
            raise NotATarget("this participant has not asked for captions; enable them first")
        if target.translation != translation:
            target.translation = translation
            self._note_wishes()

    def disable(self, nextcloud_session_id: str, *, now: float) -> None:
        """This reader wants no captions any more."""
        self._forget(nextcloud_session_id, now)

    # What the room says.

    def started(self, *, now: float) -> None:
        """A new signaling session: every reader has to be seen again."""
        self.left(tuple(self._present), now=now)

    def connected(self, *, now: float) -> None:
        """The connection is (back) up: only from now on does an absence say something about a reader."""
        for target in self._targets.values():
            if target.absent_since is not None:
                target.absent_since = now

    def joined(self, people: tuple[Person, ...], *, now: float) -> None:
        for person in people:
            owner = self._present.get(person.session_id)
            if owner == person.nextcloud_session_id or (owner is None and len(self._present) >= MAX_SESSIONS):
                continue
            self.left((person.session_id,), now=now)
            if person.nextcloud_session_id:
                self._present[person.session_id] = person.nextcloud_session_id
                self._place(person.session_id, now)

    def left(self, session_ids: tuple[str, ...], *, now: float) -> None:
        for session_id in session_ids:
            self._out.discard(session_id)
            target = self._targets.get(self._present.pop(session_id, ""))
            if target is not None:
                target.here.discard(session_id)
                target.out.discard(session_id)
                target.note(now)

    def updated(self, participants: tuple[Participant, ...], *, now: float) -> None:
        """Who is not in the call reads no captions until it is (back) in it."""
        for participant in participants:
            if participant.session_id in self._present:
                change = self._out.discard if participant.in_call else self._out.add
                change(participant.session_id)
                self._place(participant.session_id, now)

    def _place(self, session_id: str, now: float) -> None:
        target = self._targets.get(self._present[session_id])
        if target is not None:
            target.here.add(session_id)
            target.out = target.here & self._out
            target.note(now)

    # What delivery asks and says.

    def readers(self) -> tuple[str, ...]:
        """Everybody who asked, present or not, by Nextcloud session id."""
        return tuple(self._targets)

    def sessions(self, reader: str) -> frozenset[str]:
        """The signaling session ids at which `reader` can be reached just now."""
        target = self._targets.get(reader)
        return frozenset(target.here - target.out) if target is not None else frozenset()

    def recipients(self) -> tuple[str, ...]:
        """All signaling session ids to send partials to, just now: translated, there are none."""
        plain = (target for target in self._targets.values() if target.translation is None)
        return tuple(session_id for target in plain for session_id in target.here - target.out)

    def miss(self, reader: str, final: FinalTranscript) -> bool:
        """`reader` could not be reached. One that is away from the room will want to know; others have left the call
        or asked no more. True: an older final was dropped for it.
        """
        target = self._targets.get(reader)
        if target is None or target.here:
            return False
        full = len(target.missed) == MAX_MISSED
        target.missed.append(final)
        return full

    def back(self) -> tuple[str, ...]:
        """Readers who can be reached again and have missed something."""
        return tuple(key for key, target in self._targets.items() if target.missed and target.absent_since is None)

    def missed(self, reader: str) -> FinalTranscript | None:
        """The first final that `reader` missed, if it can be reached again; `caught_up` when it was sent."""
        target = self._targets.get(reader)
        return target.missed[0] if target is not None and target.missed and target.absent_since is None else None

    def caught_up(self, reader: str) -> None:
        target = self._targets.get(reader)
        if target is not None and target.missed:
            target.missed.popleft()

    # What time says.

    def expire(self, *, now: float) -> None:
        """Forget readers that have been absent for too long. Call it only while the connection is up."""
        for key, target in list(self._targets.items()):
            if target.absent_since is not None and now - target.absent_since >= self._forget_after_s:
                self._forget(key, target.absent_since)

    def idle_for(self, *, now: float) -> float | None:
        """Seconds since the last reader was seen or said no; None while somebody is one, or nobody ever was."""
        return None if self._targets or self._last_seen is None else now - self._last_seen

    def _forget(self, key: str, since: float) -> None:
        target = self._targets.pop(key, None)
        if target is None:
            return
        self._last_seen = since if self._last_seen is None else max(self._last_seen, since)
        if target.translation is not None:
            self._note_wishes()

    def _note_wishes(self) -> None:
        wishes = {key: each.translation for key, each in self._targets.items() if each.translation is not None}
        self.wishes = MappingProxyType(wishes) if wishes else NO_WISHES
