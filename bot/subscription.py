"""One subscription as a state machine: ask for the offer, answer it, notice when it dies, ask again. Sans-IO.

    state        input                   → state        commands
    IDLE         start                   → ASKED        Request, Wake(offer)
    ASKED        refused, woke           → WAITING      Wake(backoff)
    WAITING      woke                    → ASKED        Request, Wake(offer)
    any          offered, another sid    → CONNECTING   Answer(fresh), Wake(connect)
    CONNECTING, LIVE  offered, same sid  → as it was    Answer(on the same peer connection)
    CONNECTING   connected               → LIVE         Wake(stall)
    CONNECTING   woke                    → WAITING      ClosePeer, Wake(backoff)
    CONNECTING, LIVE  peer_failed        → WAITING      ClosePeer, Wake(backoff)
    CONNECTING, LIVE  answer_refused     → WAITING      ClosePeer, Wake(backoff)
    LIVE         media                   → LIVE         (the backoff starts afresh)
    LIVE         woke, media came        → LIVE         Wake(stall)
    LIVE         woke, none came         → WAITING      ClosePeer, Wake(backoff)

A re-offer with the same sid renegotiates the server's same handle; a new sid is a fresh handle, so the old peer
connection is dead. `client_not_found` and `processing_failed` are normal: the publisher does not publish yet. A
microphone that is muted still sends packets; when none come at all, the media server has lost the stream in silence
(a killed Janus), so the connection is made anew.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from signaling import BackoffSettings, delays


class State(enum.Enum):
    IDLE = "idle"
    ASKED = "asked"
    WAITING = "waiting"
    CONNECTING = "connecting"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Request:
    """Send `requestoffer`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Apply the offer and answer it; `fresh`: on a new peer connection, after closing the old one."""

    fresh: bool


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Close the peer connection."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Call `woke` at this time; a later `Wake` replaces it, `None` takes it back."""

    at: float | None


Command = Request | Answer | ClosePeer | Wake


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """HPB itself waits up to 10 s for the publisher before it answers a request with an error."""

    offer_timeout_s: float = 12.0
    connect_timeout_s: float = 8.0
    stall_s: float = 10.0
    backoff: BackoffSettings = field(default_factory=lambda: BackoffSettings(first_s=0.5, cap_s=10.0))


class Subscription:
    def __init__(self, settings: SubscriptionSettings, uniform: Callable[[float, float], float]) -> None:
        self._settings = settings
        self._uniform = uniform
        self._delays = delays(settings.backoff, uniform)
        self._sid = ""
        self._media_at: float | None = None  # when the newest packet of this connection came
        self.state = State.IDLE

    def start(self, *, now: float) -> list[Command]:
        return self._ask(now) if self.state is State.IDLE else []

    def offered(self, sid: str, *, now: float) -> list[Command]:
        """An offer came in, asked for or not."""
        if self.state in (State.CONNECTING, State.LIVE) and sid == self._sid:
            return [Answer(fresh=False)]
        self._sid = sid
        self._media_at = None
        self.state = State.CONNECTING
        return [Answer(fresh=True), Wake(now + self._settings.connect_timeout_s)]

    def connected(self, *, now: float) -> list[Command]:
        """The peer connection is up."""
        if self.state is not State.CONNECTING:
            return []
        self.state = State.LIVE
        return [Wake(now + self._settings.stall_s)]

    def media(self, *, now: float) -> None:
        """Something of the track came in."""
        if self._media_at is None:
            self._delays = delays(self._settings.backoff, self._uniform)
        self._media_at = now

    def peer_failed(self, *, now: float) -> list[Command]:
        """The peer connection failed or was closed by the other side."""
        if self.state not in (State.CONNECTING, State.LIVE):
            return []
        return [ClosePeer(), *self._wait(now)]

    @property
    def hears(self) -> bool:
        """Has anything of the current track come in?"""
        return self.state is State.LIVE and self._media_at is not None

    def refused(self, *, now: float) -> list[Command]:
        """The server answered our request with an error."""
        return self._wait(now) if self.state is State.ASKED else []

    def answer_refused(self, sid: str, *, now: float) -> list[Command]:
        """The server had no use for our answer: its end of this subscription is gone."""
        return self.peer_failed(now=now) if self.is_current(sid) else []

    def woke(self, *, now: float) -> list[Command]:
        match self.state:
            case State.WAITING:
                return self._ask(now)
            case State.ASKED:
                return self._wait(now)
            case State.CONNECTING:
                return self.peer_failed(now=now)
            case State.LIVE:
                due = (self._media_at or 0.0) + self._settings.stall_s
                return [Wake(due)] if due > now else self.peer_failed(now=now)
            case _:
                return []

    def is_current(self, sid: str) -> bool:
        """Does `sid` name the offer that is being served? Candidates of any other are stale."""
        return self.state in (State.CONNECTING, State.LIVE) and sid == self._sid

    def _ask(self, now: float) -> list[Command]:
        self.state = State.ASKED
        return [Request(), Wake(now + self._settings.offer_timeout_s)]

    def _wait(self, now: float) -> list[Command]:
        self.state = State.WAITING
        self._sid = ""
        return [Wake(now + next(self._delays))]
