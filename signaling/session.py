"""The signaling session: hello, resume, room join and backoff as a sans-IO state machine.

Feed one input at a time (`start`, `opened`, `received`, `lost`, `woke`, `shutdown`), always with `now` in
seconds of a monotonic clock. Each call returns the commands to execute, in order. A later `Wake` replaces an
earlier one; no `Wake` in the list leaves the old one in force.

    state        input                                   → state         commands
    IDLE         start                                   → CONNECTING    Dial, Wake
    WAITING      woke                                    → CONNECTING    Dial, Wake
    CONNECTING   opened                                  → GREETING      Send hello (resume if we can), Wake
    GREETING     hello, same session id as resumed       → ESTABLISHED   Emit SessionResumed, Wake(stable)
    GREETING     the same, but the join was never heard of → JOINING     Emit SessionResumed, Send incall, Send join
    GREETING     hello, any other                        → JOINING       Emit SessionStarted, Send incall, Send join
                                                          (ESTABLISHED at once where no room is wanted)
    GREETING     error no_such_session                   → GREETING      Send full hello on the same socket, Wake
    GREETING     error too_many_requests                 → WAITING       Hangup, Emit SessionLost, Wake(floored)
    GREETING     any other error, bye                    → CLOSED/WAITING  auth codes are fatal: SessionRejected
    JOINING      room reply, or error already_joined     → ESTABLISHED   Emit RoomEntered, Wake(stable)
    JOINING      other error on the join                 → CLOSED/WAITING
    ESTABLISHED  woke                                    → ESTABLISHED   (stable: the backoff starts afresh)
    CONNECTING…  lost, timeout, bye                      → WAITING       Hangup, Emit SessionLost, Wake(backoff)
    any          shutdown                                → CLOSED        Send bye (while talking), Hangup

Resume (HPB protocol, "Resuming sessions"): the server keeps a lost session for 30 s, in its room and with its
subscriptions; joining again would be answered with `already_joined`. The backoff is reset only after the
session has been stable, never when a socket opens: a server that accepts and drops must not cause a hot loop.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from .auth import Credentials, InternalCredentials
from .backoff import BackoffSettings, delays
from .events import (
    Event,
    MessageReceived,
    RoomEntered,
    SessionLost,
    SessionRejected,
    SessionResumed,
    SessionStarted,
)
from .messages import IN_CALL, Bye, ErrorReply, HelloReply, RoomClosed, RoomReply, ServerMessage, Unknown, Welcome

HELLO_ID: Final = "hello"
JOIN_ID: Final = "join"

#: Answers to a hello that trying again cannot mend, with what the operator can do.
FATAL_HELLO: Final = {
    "invalid_token": "the signaling server refused our secret",
    "invalid_ticket": "the signaling server refused our ticket",
    "auth_failed": "the signaling server refused our credentials",
    "invalid_client_type": "the signaling server has no internal secret configured",
    "invalid_backend": "the signaling server does not serve this chat server",
    "invalid_hello_version": "the signaling server does not speak version 1.0 of the protocol",
    "session_limit_exceeded": "the signaling server has reached its session limit",
}
FATAL_JOIN: Final = {
    "no_such_room": "the room does not exist",
    "duplicate_session": "this participant already is in the room",
    "not_allowed": "joining the room is not allowed",
}


class State(enum.Enum):
    IDLE = "idle"
    WAITING = "waiting"
    CONNECTING = "connecting"
    GREETING = "greeting"
    JOINING = "joining"
    ESTABLISHED = "established"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a socket; then call `opened` or `lost`."""


@dataclass(frozen=True, slots=True)
class Send:
    message: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close the socket, if there is one. `lost` need not be called for it."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Call `woke` at this time, unless another `Wake` comes first. `None` takes the alarm back."""

    at: float | None


@dataclass(frozen=True, slots=True)
class Emit:
    event: Event


Command = Dial | Send | Hangup | Wake | Emit


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """`url` is the websocket address. `room` empty: stay outside. `room_session`: the Nextcloud session id that
    an ordinary participant must give; an internal client leaves it out (HPB would report it to the backend).
    """

    url: str
    credentials: Credentials
    room: str = ""
    room_session: str = ""
    answer_timeout_s: float = 10.0
    stable_after_s: float = 30.0
    backoff: BackoffSettings = field(default_factory=BackoffSettings)


class Session:
    """See the module's table. `nonce()` returns a fresh random string; `uniform` draws the jitter."""

    def __init__(
        self,
        settings: SessionSettings,
        *,
        nonce: Callable[[], str],
        uniform: Callable[[float, float], float],
    ) -> None:
        self._settings = settings
        self._nonce = nonce
        self._uniform = uniform
        self._delays = delays(settings.backoff, uniform)
        self._resume_id = ""
        self._resuming = False
        self._entered = False  # did the server confirm the join of this session?
        self.session_id = ""
        self.state = State.IDLE

    def start(self, *, now: float) -> list[Command]:
        """The first input, once."""
        if self.state is not State.IDLE:
            return []
        return self._dial(now)

    def opened(self, *, now: float) -> list[Command]:
        """The socket asked for by `Dial` is open."""
        if self.state is not State.CONNECTING:
            return [Hangup()]
        self.state = State.GREETING
        self._resuming = bool(self._resume_id)
        return [Send(self._hello()), self._answer_by(now)]

    def received(self, message: ServerMessage, *, now: float) -> list[Command]:
        """A message came in on the open socket."""
        match self.state:
            case State.GREETING:
                return self._greeted(message, now)
            case State.JOINING:
                return self._joined(message, now)
            case State.ESTABLISHED:
                return self._told(message, now)
            case _:
                return []

    def lost(self, reason: str, *, now: float) -> list[Command]:
        """The socket broke, or could not be opened."""
        if self.state in (State.CLOSED, State.IDLE, State.WAITING):
            return []
        return self._wait(reason, now, next(self._delays))

    def woke(self, *, now: float) -> list[Command]:
        """The time of the last `Wake` has come."""
        match self.state:
            case State.WAITING:
                return self._dial(now)
            case State.CONNECTING:
                return self.lost("the signaling server did not accept the connection in time", now=now)
            case State.GREETING | State.JOINING:
                return self.lost("the signaling server did not answer in time", now=now)
            case State.ESTABLISHED:
                self._delays = delays(self._settings.backoff, self._uniform)
                return [Wake(None)]
            case _:
                return []

    def shutdown(self) -> list[Command]:
        """Leave for good. The bye destroys the session at the server at once: never send it before a resume."""
        if self.state is State.CLOSED:
            return []
        talking = self.state in (State.GREETING, State.JOINING, State.ESTABLISHED)
        self.state = State.CLOSED
        goodbye: list[Command] = [Send({"type": "bye", "bye": {}})] if talking else []
        return [*goodbye, Hangup(), Wake(None)]

    # One method per state that listens.

    def _greeted(self, message: ServerMessage, now: float) -> list[Command]:
        match message:
            case HelloReply(session_id=session_id, resume_id=resume_id):
                resumed = self._resuming and session_id == self.session_id
                self.session_id, self._resume_id, self._resuming = session_id, resume_id, False
                if resumed and not self._entered:
                    return self._begin(Emit(SessionResumed(session_id=session_id)), now)
                if resumed:
                    self.state = State.ESTABLISHED
                    return [self._stable_at(now), Emit(SessionResumed(session_id=session_id))]
                self._entered = False
                started = SessionStarted(session_id=session_id, features=message.features, version=message.version)
                return self._begin(Emit(started), now)
            case ErrorReply(code="no_such_session") if self._resuming:
                self._forget()
                return [Send(self._hello()), self._answer_by(now)]
            case ErrorReply(code="too_many_requests" as code):
                delay = max(next(self._delays), self._settings.backoff.rate_limited_s)
                return self._wait(f"the signaling server limits our tries ({code})", now, delay)
            case ErrorReply(code=code) if code in FATAL_HELLO:
                return self._reject(code, FATAL_HELLO[code])
            case ErrorReply(code=code):
                self._forget()
                return self.lost(f"the signaling server refused the hello ({code})", now=now)
            case Bye(reason=reason):
                return self.lost(f"the signaling server said bye ({reason or 'no reason'})", now=now)
            case _:
                return []

    def _begin(self, started: Emit, now: float) -> list[Command]:
        settings = self._settings
        if not settings.room:
            self.state, self._entered = State.ESTABLISHED, True
            return [self._stable_at(now), started]
        self.state = State.JOINING
        commands: list[Command] = [started]
        room: dict[str, Any] = {"roomid": settings.room}
        if isinstance(settings.credentials, InternalCredentials):
            in_call = {"type": "incall", "incall": {"incall": IN_CALL}}
            commands.append(Send({"type": "internal", "internal": in_call}))
        else:
            room["sessionid"] = settings.room_session
        commands += [Send({"id": JOIN_ID, "type": "room", "room": room}), self._answer_by(now)]
        return commands

    def _joined(self, message: ServerMessage, now: float) -> list[Command]:
        match message:
            case RoomReply(room_id=room_id) if room_id == self._settings.room:
                return self._enter(now)
            case ErrorReply(request_id=request_id, code=code) if request_id == JOIN_ID:
                if code == "already_joined":
                    return self._enter(now)
                if code in FATAL_JOIN:
                    return self._reject(code, FATAL_JOIN[code])
                self._forget()
                return self.lost(f"joining the room failed ({code})", now=now)
            case _:
                return self._told(message, now)

    def _told(self, message: ServerMessage, now: float) -> list[Command]:
        match message:
            case Bye(reason=reason):
                self._forget()
                return self.lost(f"the signaling server said bye ({reason or 'no reason'})", now=now)
            case RoomReply(room_id=""):
                return [Emit(MessageReceived(message=RoomClosed(reason="the server took us out of the room")))]
            case HelloReply() | RoomReply() | Welcome() | Unknown():
                return []
            case _:
                return [Emit(MessageReceived(message=message))]

    # What the inputs share.

    def _enter(self, now: float) -> list[Command]:
        self.state, self._entered = State.ESTABLISHED, True
        return [self._stable_at(now), Emit(RoomEntered(room_id=self._settings.room))]

    def _dial(self, now: float) -> list[Command]:
        self.state = State.CONNECTING
        return [Dial(), self._answer_by(now)]

    def _wait(self, reason: str, now: float, delay: float) -> list[Command]:
        self.state = State.WAITING
        return [Hangup(), Emit(SessionLost(reason=reason)), Wake(now + delay)]

    def _reject(self, code: str, explanation: str) -> list[Command]:
        self.state = State.CLOSED
        self._forget()
        rejected = SessionRejected(code=code, explanation=f"{explanation} ({code})")
        return [Hangup(), Wake(None), Emit(rejected)]

    def _forget(self) -> None:
        self._resume_id, self._resuming, self.session_id = "", False, ""

    def _hello(self) -> dict[str, Any]:
        hello: dict[str, Any] = {"version": "1.0"}
        if self._resuming:
            hello["resumeid"] = self._resume_id
        else:
            hello["auth"] = self._settings.credentials.hello_auth(self._nonce())
            if isinstance(self._settings.credentials, InternalCredentials):
                # Without it the server assumes that we send audio, and browsers ask us for an offer for ever.
                hello["features"] = ["internal-incall"]
        return {"id": HELLO_ID, "type": "hello", "hello": hello}

    def _answer_by(self, now: float) -> Wake:
        return Wake(now + self._settings.answer_timeout_s)

    def _stable_at(self, now: float) -> Wake:
        return Wake(now + self._settings.stable_after_s)
