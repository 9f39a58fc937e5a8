"""The signaling server without its sockets: what each input changes, and what is to be sent because of it.

Sans-I/O: connections are numbers, time is an argument, ids come from outside. Feed inputs as they happen, with a
`now` that does not go back; execute the returned commands in order; call `tick` when `deadline` is reached.

    opened ──▶ GREETING ──hello──▶ attached to a session ──lost──▶ the session lingers, for `resume_window_s`
                  │                   ▲                                   │
                  └──bye hello_timeout└───────────resume──────────────────┴──▶ destroyed; a bye does so at once

A connection that we closed is forgotten at once, so whatever still arrives on it is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar, assert_never

from . import replies
from .commands import Close, Command, Send
from .errors import Refused, no_such_session
from .gate import Gate
from .replies import Payload
from .requests import (
    Bye,
    Deliver,
    InCall,
    InternalHello,
    Invalid,
    Join,
    Kind,
    Leave,
    Request,
    ResumeHello,
    Scope,
    TicketHello,
    Unknown,
    parse,
)
from .rooms import Rooms, Tell
from .sessions import Session, Sessions
from .settings import EmbeddedSettings, EmbeddedStats
from .tickets import Holder

_Key = TypeVar("_Key")


@dataclass(slots=True, eq=False)
class _Link:
    conn: int
    address: str
    session: Session | None = None


class Hub:
    """One per server. `wallclock_at_zero` is the time since the epoch at which `now` was zero."""

    def __init__(
        self,
        settings: EmbeddedSettings,
        *,
        key: bytes,
        new_id: Callable[[], str],
        wallclock_at_zero: float = 0.0,
    ) -> None:
        self._settings = settings
        self._wallclock_at_zero = wallclock_at_zero
        self._gate = Gate(settings, key=key)
        self._rooms = Rooms(max_rooms=settings.max_rooms)
        self._links: dict[int, _Link] = {}  # ≤ max_connections
        self._sessions = Sessions(
            max_sessions=settings.max_sessions, max_missed=settings.max_buffered_messages, new_id=new_id
        )
        # Both in the order of their deadlines, because each has one constant delay: the first is the next.
        self._greeting: dict[int, float] = {}  # ⊆ _links, those without a session
        self._lingering: dict[Session, float] = {}  # ⊆ _sessions, those without a connection
        self._dropped_messages = 0

    # Inputs

    def opened(self, conn: int, *, address: str, now: float) -> list[Command]:
        if len(self._links) >= self._settings.max_connections:
            return [Send(conn, replies.error("too_many_connections", "The server is full.")), Close(conn)]
        self._links[conn] = _Link(conn, address)
        self._greeting[conn] = now + self._settings.hello_timeout_s
        return [Send(conn, replies.welcome())]

    def received(self, conn: int, text: str, *, now: float) -> list[Command]:
        """A text frame, whatever is in it. What was due before it happens first."""
        commands = self.tick(now=now)
        link = self._links.get(conn)
        if link is None:
            return commands
        request = parse(text)
        try:
            if link.session is None:
                return commands + self._greet(link, request, now)
            return commands + self._serve(link.session, request, now)
        except Refused as refused:
            error = replies.error(refused.code, refused.message, refused.details)
            return [*commands, Send(conn, replies.answering(request.id, error))]

    def lost(self, conn: int, *, now: float) -> list[Command]:
        """The connection is gone without a bye: its session may resume."""
        link = self._forget(conn)
        if link is not None and link.session is not None:
            link.session.conn = None
            self._lingering[link.session] = now + self._settings.resume_window_s
        return []

    def tick(self, *, now: float) -> list[Command]:
        """Let everything happen that is due."""
        commands: list[Command] = []
        for conn in _due(self._greeting, now):
            self._forget(conn)
            commands += [Send(conn, replies.bye("hello_timeout")), Close(conn)]
        for session in _due(self._lingering, now):
            commands += self._destroy(session, now)
        return commands

    def set_in_call(self, room: str, *, nextcloud_session_id: str, flags: int, now: float) -> list[Command]:
        """What Nextcloud's "incall" request does; nothing where that session is not in that room."""
        return self._tell(
            self._rooms.set_in_call(
                room,
                nextcloud_session_id=nextcloud_session_id,
                flags=flags,
                wallclock=self._wallclock(now),
            )
        )

    def end_call(self, room: str) -> list[Command]:
        return self._tell(self._rooms.end_call(room))

    # Questions

    def deadline(self) -> float | None:
        """When `tick` has something to do; None: not before the next input."""
        first = [next(iter(due.values())) for due in (self._greeting, self._lingering) if due]
        return min(first, default=None)

    def issue_ticket(self, *, user_id: str, display_name: str, now: float) -> str:
        return self._gate.issue_ticket(Holder(user_id=user_id, display_name=display_name), now=now)

    def connection_of(self, sessionid: str) -> int | None:
        session = self._sessions.get(sessionid)
        return None if session is None else session.conn

    def stats(self) -> EmbeddedStats:
        return EmbeddedStats(
            sessions=len(self._sessions),
            connections=len(self._links),
            rooms=len(self._rooms),
            dropped_messages=self._dropped_messages,
        )

    # Before the session: hello

    def _greet(self, link: _Link, request: Request, now: float) -> list[Command]:
        match request.body:
            case ResumeHello() as hello:
                self._await_hello(link, now)
                sessionid = self._gate.sessionid(hello, address=link.address, now=now)
                session = self._sessions.get(sessionid)
                if session is None:
                    raise no_such_session()
                return self._resume(link, session, request, hello.version, now)
            case InternalHello() | TicketHello() as hello:
                self._await_hello(link, now)
                identity = self._gate.identify(hello, address=link.address, now=now)
                session = self._sessions.create(identity)
                return self._attach(link, session, request, hello.version)
            case Invalid(error):
                raise error
            case _:
                raise Refused("hello_expected", "Expected Hello request.")

    def _await_hello(self, link: _Link, now: float) -> None:
        """A hello that fails may be followed by another one, within the same time again."""
        del self._greeting[link.conn]
        self._greeting[link.conn] = now + self._settings.hello_timeout_s

    def _resume(self, link: _Link, session: Session, request: Request, version: str, now: float) -> list[Command]:
        """Continue on this connection: first the reply, then all that was missed, in order."""
        commands = self._hang_up(session, "session_resumed")
        self._lingering.pop(session, None)
        commands += self._attach(link, session, request, version)
        missed = tuple(session.missed)
        session.missed.clear()
        commands += self._tell((session, payload) for payload in missed)
        if not any(map(replies.is_participants_list, missed)):
            commands += self._tell(self._rooms.participants(session, wallclock=self._wallclock(now)))
        return commands

    def _attach(self, link: _Link, session: Session, request: Request, version: str) -> list[Command]:
        del self._greeting[link.conn]
        link.session = session
        session.conn = link.conn
        reply = replies.hello(
            version=version,
            sessionid=session.sessionid,
            resumeid=self._gate.resumeid(session.sessionid),
            userid=session.user_id,
        )
        return self._answer(session, request, reply)

    # With a session

    def _serve(self, session: Session, request: Request, now: float) -> list[Command]:
        match request.body:
            case Join() as join:
                return self._join(session, join, request, now)
            case Leave():
                return self._leave(session, request, now)
            case Deliver() as deliver:
                return self._deliver(session, deliver)
            case InCall(flags=flags):
                return self._set_internal_in_call(session, flags, now)
            case Bye():
                farewell = self._answer(session, request, replies.bye())
                return farewell + self._hang_up(session) + self._destroy(session, now)
            case Invalid(error):
                raise error
            case Unknown() | InternalHello() | TicketHello() | ResumeHello():
                return []  # the real server ignores them too
            case never:
                assert_never(never)

    def _join(self, session: Session, join: Join, request: Request, now: float) -> list[Command]:
        older = self._sessions.rival(session, join.nextcloud_session_id)
        if session.room == join.roomid:
            if older is None and join.nextcloud_session_id:
                session.nextcloud_session_id = join.nextcloud_session_id
            details = {"room": replies.room_state(join.roomid)}
            raise Refused("already_joined", "Already joined this room.", details=details)
        if not self._rooms.admits(session, join.roomid):
            raise Refused("room_join_failed", "Too many rooms on this server.")
        commands: list[Command] = []
        if older is not None:
            commands += self._hang_up(older, "room_session_reconnected") + self._destroy(older, now)
        wallclock = self._wallclock(now)
        commands += self._tell(self._rooms.leave(session, wallclock=wallclock))
        commands += self._answer(session, request, replies.room(join.roomid))
        entered = self._rooms.enter(
            session, join.roomid, nextcloud_session_id=join.nextcloud_session_id, wallclock=wallclock
        )
        return commands + self._tell(entered)

    def _leave(self, session: Session, request: Request, now: float) -> list[Command]:
        if not session.room:
            return []  # nor does the real server reply
        tells = self._rooms.leave(session, wallclock=self._wallclock(now))
        return self._answer(session, request, replies.room("")) + self._tell(tells)

    def _deliver(self, session: Session, deliver: Deliver) -> list[Command]:
        if deliver.kind is Kind.CONTROL and not session.internal:
            return []  # moderators may too, but nobody is one here
        payload = replies.delivery(
            deliver.kind,
            scope=deliver.scope,
            sessionid=session.sessionid,
            userid=session.user_id,
            data=deliver.data,
        )
        return self._tell((recipient, payload) for recipient in self._recipients(session, deliver))

    def _recipients(self, session: Session, deliver: Deliver) -> list[Session]:
        """Never the sender; nobody for an unknown id, and no error: talk-contract.md §2.8."""
        match deliver.scope:
            case Scope.SESSION:
                recipient = self._sessions.get(deliver.to)
                return [recipient] if recipient is not None and recipient is not session else []
            case Scope.USER:
                if deliver.to == session.user_id:
                    return []
                return [other for other in self._sessions if other.user_id == deliver.to]
            case Scope.ROOM | Scope.CALL:
                return self._rooms.neighbours(session, deliver.scope)
            case never:
                assert_never(never)

    def _set_internal_in_call(self, session: Session, flags: int, now: float) -> list[Command]:
        if not session.internal:
            return []  # Nextcloud speaks for ordinary clients
        return self._tell(self._rooms.set_internal_in_call(session, flags, wallclock=self._wallclock(now)))

    # What all of them need

    def _answer(self, session: Session, request: Request, payload: Payload) -> list[Command]:
        return self._tell([(session, replies.answering(request.id, payload))])

    def _tell(self, tells: Iterable[Tell]) -> list[Command]:
        """Send to those who are connected, keep for those who may come back."""
        commands: list[Command] = []
        for session, payload in tells:
            if session.conn is not None:
                commands.append(Send(session.conn, payload))
                continue
            self._dropped_messages += len(session.missed) == session.missed.maxlen
            session.missed.append(payload)
        return commands

    def _hang_up(self, session: Session, reason: str = "") -> list[Command]:
        """Take the connection from the session, saying why; without a reason the farewell was said already."""
        conn, session.conn = session.conn, None
        if conn is None:
            return []
        self._forget(conn)
        farewell: list[Command] = [Send(conn, replies.bye(reason))] if reason else []
        return [*farewell, Close(conn)]

    def _destroy(self, session: Session, now: float) -> list[Command]:
        """The end of a session without a connection."""
        self._sessions.remove(session)
        self._lingering.pop(session, None)
        return self._tell(self._rooms.leave(session, wallclock=self._wallclock(now)))

    def _forget(self, conn: int) -> _Link | None:
        self._greeting.pop(conn, None)
        return self._links.pop(conn, None)

    def _wallclock(self, now: float) -> int:
        return int(self._wallclock_at_zero + now)


def _due(deadlines: dict[_Key, float], now: float) -> list[_Key]:
    """Those whose deadline has come, earliest first; the dict is in that order."""
    return list(takewhile(lambda key: deadlines[key] <= now, deadlines))
