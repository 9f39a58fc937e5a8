"""Who is in the room, and whose microphone we want. A reconciler: facts in, the wanted set out. Sans-IO.

Lists of the signaling server are partial, late and out of order, so nothing is concluded from an absence: a session
goes when a leave event names it or its in-call flags say so.
"""

from __future__ import annotations

from typing import Final

from signaling import Participant, Person
from signaling.messages import IN_CALL, WITH_AUDIO

MAX_SESSIONS: Final = 5000  # a room's sessions; beyond it newcomers are not seen
MAX_DEPARTED: Final = 1000  # those who left last; the longest gone are forgotten


class Roster:
    def __init__(self) -> None:
        self._own = ""
        self._reset()

    def _reset(self) -> None:
        self._flags: dict[str, int] = {}  # ≤ MAX_SESSIONS
        self._internal: set[str] = set()  # ≤ MAX_SESSIONS
        self._departed: dict[str, None] = {}  # ≤ MAX_DEPARTED
        self._call_seen = False

    def started(self, own_session_id: str) -> None:
        """A new signaling session: what was known belongs to the old one."""
        self._reset()
        self._own = own_session_id

    def joined(self, people: tuple[Person, ...]) -> None:
        for person in people:
            self._departed.pop(person.session_id, None)

    def left(self, session_ids: tuple[str, ...]) -> None:
        for session_id in session_ids:
            self._flags.pop(session_id, None)
            self._internal.discard(session_id)
            self._departed[session_id] = None
            if len(self._departed) > MAX_DEPARTED:
                del self._departed[next(iter(self._departed))]

    def updated(self, participants: tuple[Participant, ...]) -> None:
        for participant in participants:
            session_id = participant.session_id
            if len(self._flags) >= MAX_SESSIONS and session_id not in self._flags:
                continue
            self._flags[session_id] = participant.in_call
            if participant.internal:
                self._internal.add(session_id)
        self._call_seen = self._call_seen or self._in_call() > 0

    def everyone(self, flags: int) -> None:
        """One update for all: `0` means that the call was ended for everyone."""
        for session_id in self._flags:
            self._flags[session_id] = flags
        self._call_seen = self._call_seen or self._in_call() > 0

    def wanted(self) -> frozenset[str]:
        """Session ids of the publishers to subscribe to: in the call, with a microphone, and not a bot."""
        both = IN_CALL | WITH_AUDIO
        return frozenset(
            session_id for session_id, flags in self._flags.items() if flags & both == both and self._human(session_id)
        )

    def call_is_over(self) -> bool:
        """People were in the call, and now nobody is."""
        return self._call_seen and self._in_call() == 0

    def _in_call(self) -> int:
        return sum(1 for session_id, flags in self._flags.items() if flags & IN_CALL and self._human(session_id))

    def _human(self, session_id: str) -> bool:
        # A list may be older than a leave event: what it says of somebody who left counts once they join again.
        return session_id not in self._internal and session_id not in self._departed and session_id != self._own
