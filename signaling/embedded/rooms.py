"""Rooms: who is in them, who of those is in the call, and who must hear of each change.

Sans-I/O. Every change returns what is to be told to whom, in order; whether that is sent or kept for later is the
hub's business. A room exists while somebody is in it.

Two notions of "in call" live side by side, as in the real server (talk-contract.md §2.5, §2.6): the flags that
participants lists show, and the members that messages to the "call" reach. They differ for an internal client that
set its flags before it joined: it is shown, and not reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from . import replies
from .replies import Payload
from .requests import Scope
from .sessions import IN_CALL, Session

Tell: TypeAlias = tuple[Session, Payload]


@dataclass(slots=True, eq=False)
class Room:
    token: str
    members: dict[str, Session] = field(default_factory=dict)  # ≤ max_sessions: live sessions, in order of joining
    calling: set[str] = field(default_factory=set)  # ⊆ members

    def tell(self, payload: Payload) -> list[Tell]:
        return [(member, payload) for member in self.members.values()]


class Rooms:
    """All rooms of the server. `wallclock` is whole seconds since the epoch, for the lists that show it."""

    def __init__(self, *, max_rooms: int) -> None:
        self._max_rooms = max_rooms
        self._rooms: dict[str, Room] = {}  # ≤ max_rooms: ask `admits` before `enter`

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def admits(self, session: Session, token: str) -> bool:
        """Whether the session can enter, counting the room it would leave empty behind itself."""
        room = self._rooms.get(session.room)
        freed = room is not None and len(room.members) == 1
        return token in self._rooms or len(self._rooms) - freed < self._max_rooms

    def enter(self, session: Session, token: str, *, nextcloud_session_id: str, wallclock: int) -> list[Tell]:
        """Put a session that is in no room into this one. It hears of itself first, then of the others."""
        room = self._rooms.setdefault(token, Room(token))
        others = [_entry(member) for member in room.members.values()]
        session.room = token
        session.nextcloud_session_id = nextcloud_session_id
        room.members[session.sessionid] = session
        tells = room.tell(replies.joined([_entry(session)]))
        if others:
            tells.append((session, replies.joined(others)))
        if session.internal:
            tells += self._republish(room, wallclock)
        return tells

    def leave(self, session: Session, *, wallclock: int) -> list[Tell]:
        """Take the session out of its room, if it is in one. It hears nothing of that itself."""
        room = self._rooms.get(session.room)
        if room is None:
            return []
        del room.members[session.sessionid]
        room.calling.discard(session.sessionid)
        session.room = session.nextcloud_session_id = ""
        if not session.internal:
            session.in_call = 0
        if not room.members:
            del self._rooms[room.token]
            return []
        tells = room.tell(replies.left(session.sessionid))
        if session.internal:
            tells += self._republish(room, wallclock)
        return tells

    def set_in_call(self, token: str, *, nextcloud_session_id: str, flags: int, wallclock: int) -> list[Tell]:
        """Nextcloud says who is in the call. Whom we do not know (yet) is not listed, as in the real server."""
        room = self._rooms.get(token)
        changed = None if room is None else _find(room, nextcloud_session_id)
        if room is None or changed is None:
            return []
        changed.in_call = flags
        _mark(room, changed)
        return room.tell(_participants(room, wallclock, changed=changed))

    def set_internal_in_call(self, session: Session, flags: int, *, wallclock: int) -> list[Tell]:
        """An internal client speaks for itself. Outside a room the flags are only kept."""
        if session.in_call == flags:
            return []
        session.in_call = flags
        room = self._rooms.get(session.room)
        if room is None:
            return []
        _mark(room, session)
        return self._republish(room, wallclock)

    def end_call(self, token: str) -> list[Tell]:
        """The call is over for everybody; nothing is told where nobody was in it."""
        room = self._rooms.get(token)
        if room is None or not room.calling:
            return []
        room.calling.clear()
        for member in room.members.values():
            if not member.internal:
                member.in_call = 0
        return room.tell(replies.call_ended(token))

    def participants(self, session: Session, *, wallclock: int) -> list[Tell]:
        """The whole list for one session, where there is one."""
        room = self._rooms.get(session.room)
        return [] if room is None else [t for t in self._republish(room, wallclock) if t[0] is session]

    def neighbours(self, session: Session, scope: Scope) -> list[Session]:
        """The others in the session's room, or of those the ones in the call."""
        room = self._rooms.get(session.room)
        if room is None:
            return []
        reached: Iterable[str] = room.members if scope is Scope.ROOM else room.calling
        return [room.members[sessionid] for sessionid in reached if sessionid != session.sessionid]

    def _republish(self, room: Room, wallclock: int) -> list[Tell]:
        update = _participants(room, wallclock)
        return room.tell(update) if update["event"]["update"]["users"] else []


def _find(room: Room, nextcloud_session_id: str) -> Session | None:
    for member in room.members.values():
        if not member.internal and member.nextcloud_session_id == nextcloud_session_id:
            return member
    return None


def _mark(room: Room, session: Session) -> None:
    if session.in_call & IN_CALL:
        room.calling.add(session.sessionid)
    else:
        room.calling.discard(session.sessionid)


def _entry(session: Session) -> Payload:
    return replies.session_entry(
        sessionid=session.sessionid,
        userid=session.user_id,
        display_name=session.identity.display_name,
        roomsessionid=session.nextcloud_session_id,
        features=session.identity.features,
    )


def _participants(room: Room, wallclock: int, *, changed: Session | None = None) -> Payload:
    """Those Nextcloud has in the call, the one that just changed (it may have left the call), then internal ones."""
    members = room.members.values()
    users = [
        replies.participant(
            sessionid=member.sessionid,
            nextcloud_session_id=member.nextcloud_session_id,
            userid=member.user_id,
            in_call=member.in_call,
            last_ping=wallclock,
        )
        for member in members
        if not member.internal and (member.in_call or member is changed)
    ]
    users += [
        replies.internal_participant(
            sessionid=member.sessionid,
            in_call=member.in_call,
            last_ping=wallclock,
            features=member.identity.features,
        )
        for member in members
        if member.internal
    ]
    return replies.participants(room.token, users)
