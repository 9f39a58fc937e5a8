"""What a signaling session tells the one who owns it. Past participles: these things have happened."""

from __future__ import annotations

from dataclasses import dataclass

from .messages import ServerMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """A new session: earlier subscriptions are gone; the room is being joined. `features` and `version` are the
    server's.
    """

    session_id: str
    features: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResumed:
    """The old session lives on: same id, same room, same peer connections. Nothing is to be made anew."""

    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEntered:
    """The server confirmed the room join (or said that we are in the room already)."""

    room_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLost:
    """The connection broke; the session tries to come back by itself."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRejected:
    """The server refused us for good. `code` is the protocol's, `explanation` is for people."""

    code: str
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A message for the owner: room events, offers, errors that answer the owner's own requests."""

    message: ServerMessage


Event = SessionStarted | SessionResumed | RoomEntered | SessionLost | SessionRejected | MessageReceived
