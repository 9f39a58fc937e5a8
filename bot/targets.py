"""Who asked for captions. Sans-IO.

The chat server names a reader by the Nextcloud session id; captions go to signaling session ids. The room's join
events tie the two together, before or after the request. A reader whose session is unknown or has left is kept for
a while, because it may be about to (re)join; then it is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from signaling import Person

from .errors import TooManyTargets

MAX_TARGETS: Final = 1000  # readers of one room
MAX_SESSIONS: Final = 5000  # sessions in one room; those beyond cannot become readers


@dataclass(slots=True, kw_only=True)
class _Target:
    session_ids: set[str] = field(default_factory=set)  # usually one; ≤ MAX_SESSIONS
    absent_since: float | None = None


class Targets:
    """`forget_after_s`: how long an absent reader is remembered."""

    def __init__(self, *, forget_after_s: float) -> None:
        self._forget_after_s = forget_after_s
        self._targets: dict[str, _Target] = {}  # by Nextcloud session id; ≤ MAX_TARGETS
        self._present: dict[str, str] = {}  # signaling session id → Nextcloud session id; ≤ MAX_SESSIONS
        self._empty_since: float | None = None

    def __len__(self) -> int:
        return len(self._targets)

    def enable(self, nextcloud_session_id: str, *, now: float) -> None:
        """This reader wants captions. Asking twice changes nothing. Raises `TooManyTargets`."""
        if nextcloud_session_id in self._targets:
            return
        if len(self._targets) >= MAX_TARGETS:
            raise TooManyTargets(f"more than {MAX_TARGETS} readers in one room")
        present = {ours for ours, theirs in self._present.items() if theirs == nextcloud_session_id}
        self._targets[nextcloud_session_id] = _Target(session_ids=present, absent_since=None if present else now)
        self._empty_since = None

    def disable(self, nextcloud_session_id: str, *, now: float) -> None:
        """This reader wants no captions any more."""
        self._targets.pop(nextcloud_session_id, None)
        self._note_empty(now)

    def started(self, *, now: float) -> None:
        """A new signaling session: every reader has to be seen again."""
        for session_id in list(self._present):
            self.left((session_id,), now=now)

    def joined(self, people: tuple[Person, ...]) -> None:
        for person in people:
            if not person.nextcloud_session_id:
                continue
            if len(self._present) >= MAX_SESSIONS and person.session_id not in self._present:
                continue
            before = self._targets.get(self._present.get(person.session_id, ""))
            if before is not None:
                before.session_ids.discard(person.session_id)  # `expire` notices if it was the last
            self._present[person.session_id] = person.nextcloud_session_id
            target = self._targets.get(person.nextcloud_session_id)
            if target is not None:
                target.session_ids.add(person.session_id)
                target.absent_since = None

    def left(self, session_ids: tuple[str, ...], *, now: float) -> None:
        for session_id in session_ids:
            target = self._targets.get(self._present.pop(session_id, ""))
            if target is not None:
                target.session_ids.discard(session_id)
                if not target.session_ids:
                    target.absent_since = now

    def expire(self, *, now: float) -> None:
        """Forget readers that have been absent for too long."""
        for key, target in list(self._targets.items()):
            if not target.session_ids and target.absent_since is None:
                target.absent_since = now
            if target.absent_since is not None and now - target.absent_since >= self._forget_after_s:
                del self._targets[key]
        self._note_empty(now)

    def recipients(self) -> tuple[str, ...]:
        """Signaling session ids to send captions to, just now."""
        return tuple(session_id for target in self._targets.values() for session_id in target.session_ids)

    def empty_for(self, *, now: float) -> float:
        """Seconds since the last reader went; 0 while there is one."""
        return 0.0 if self._empty_since is None else now - self._empty_since

    def _note_empty(self, now: float) -> None:
        if not self._targets and self._empty_since is None:
            self._empty_since = now
