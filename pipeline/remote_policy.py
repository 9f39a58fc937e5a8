"""When to ask a recognition server again, and when to leave it alone. Pure: `now` and what was spent are arguments.

    failure        is                                          then
    FATAL          401, 403, 404, 405, a permanent redirect    no retry: the key, the address or the model is wrong
    BAD_REQUEST    any other 4xx                               no retry: the server cannot decode this audio
    THROTTLED      429                                         again after 5, 10, 20 s, or after what it asks for
    TRANSIENT      5xx, a broken answer, no answer, no way     again after 0, 0.1, 1, 3, 5 s

Finals are tried again; partials are not: a late one is worth nothing. Where somebody else can decode a final, it waits
for no throttled server, and for no other longer than `FALLBACK_AFTER_S` in all.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from .languages import NAMES
from .request import Kind

TRANSIENT_DELAYS_S: Final = (0.0, 0.1, 1.0, 3.0, 5.0)
THROTTLED_DELAYS_S: Final = (5.0, 10.0, 20.0)
MAX_RETRY_AFTER_S: Final = 30.0  # however long the server asks for
RETRY_FOR_S: Final = 30.0  # no transient retry begins later: a server that hangs must not keep a speaker for minutes
FALLBACK_AFTER_S: Final = 5.0  # so long a final is the server's, retries and all, where somebody else can decode it
LEAST_TRY_S: Final = 1.0  # a try that gets less time would say nothing of the server
TRIP_AFTER: Final = 5  # failures in a row
FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 60.0

#: 405: something is there, but nothing that takes audio. Redirects are not followed: speech goes where we were told.
FATAL_STATUSES: Final = frozenset({301, 308, 401, 403, 404, 405})
#: The server gave up waiting for our bytes, or for something of its own: nothing is said about the audio.
TRANSIENT_STATUSES: Final = frozenset({408, 425})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """An OpenAI-compatible recognition server. `url` with or without `/v1`; `slots` requests at once.

    `timeout_s` is for one request, from the connection to the last byte. `languages` are the Whisper codes that its
    model knows; empty: all of them. `fallback`: while it is down, the model on this machine is used.
    """

    url: str
    api_key: str = field(default="", repr=False)
    model: str = "whisper-1"
    slots: int = 8
    timeout_s: float = 20.0
    fallback: bool = False
    languages: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """With `/v1` and without a slash at the end."""
        base = self.url.strip().rstrip("/").removesuffix("/audio/transcriptions").rstrip("/")
        return base if base.endswith("/v1") else f"{base}/v1"

    @property
    def spoken(self) -> tuple[str, ...]:
        """The Whisper codes to offer."""
        return self.languages or tuple(NAMES)


class FailureKind(enum.Enum):
    FATAL = "fatal"
    BAD_REQUEST = "bad request"
    THROTTLED = "throttled"
    TRANSIENT = "transient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`reason` is for people, and has neither address nor words. `retry_after_s` is what the server asked for."""

    kind: FailureKind
    reason: str
    status: int = 0
    retry_after_s: float | None = None


def classify(cause: int | BaseException, *, retry_after: str = "") -> Failure:
    """What went wrong: a status other than 200, or what the network raised. `retry_after` is the header's text."""
    if isinstance(cause, BaseException):
        # Only its type: the text of a network error has the address in it.
        reason = "no answer in time" if isinstance(cause, TimeoutError) else f"no answer: {type(cause).__name__}"
        return Failure(kind=FailureKind.TRANSIENT, reason=reason)
    reason = f"status {cause}"
    if cause in FATAL_STATUSES:
        return Failure(kind=FailureKind.FATAL, reason=reason, status=cause)
    if cause == HTTPStatus.TOO_MANY_REQUESTS:
        wait_s = parse_retry_after(retry_after)
        return Failure(kind=FailureKind.THROTTLED, reason=reason, status=cause, retry_after_s=wait_s)
    if 400 <= cause < 500 and cause not in TRANSIENT_STATUSES:
        return Failure(kind=FailureKind.BAD_REQUEST, reason=reason, status=cause)
    return Failure(kind=FailureKind.TRANSIENT, reason=reason, status=cause)


def malformed(reason: str) -> Failure:
    """A 200 whose body is not an answer: a proxy's page, half a body, another protocol. The next try may be better."""
    return Failure(kind=FailureKind.TRANSIENT, reason=reason, status=200)


def advice(failure: Failure, *, model: str) -> str:
    """What to do about a fatal failure, for people."""
    said = f"the recognition server at ROOMSCRIBE_ASR_URL answered with {failure.reason}: "
    if failure.status in (301, 308):
        return said + "it has moved. Set ROOMSCRIBE_ASR_URL to where it is now; redirects are not followed."
    if failure.status in (401, 403):
        return said + (
            "it does not accept our key. Set ROOMSCRIBE_ASR_API_KEY (or ROOMSCRIBE_ASR_API_KEY_FILE) to a key that it "
            "knows and that may transcribe."
        )
    return said + (
        f"it takes no audio at /v1/audio/transcriptions, or has no model {model!r}. Set ROOMSCRIBE_ASR_URL to its base "
        "address, such as http://box:8000, and ROOMSCRIBE_ASR_MODEL to a model that it lists at /v1/models."
    )


def parse_retry_after(header: str) -> float | None:
    """Seconds, at most `MAX_RETRY_AFTER_S`. None: nothing usable; a date is not, as nothing here knows wallclock."""
    try:
        wait_s = float(header)
    except ValueError:
        return None
    return min(wait_s, MAX_RETRY_AFTER_S) if math.isfinite(wait_s) and wait_s >= 0 else None


def pause_s(failure: Failure) -> float:
    """How long the server wants no request that can be spared."""
    if failure.kind is not FailureKind.THROTTLED:
        return 0.0
    return THROTTLED_DELAYS_S[0] if failure.retry_after_s is None else failure.retry_after_s


class Retries:
    """The retries of one request. Each kind of failure has its own delays, so there are at most eight in all.

    `relief`: somebody else decodes what the server does not.
    """

    def __init__(self, kind: Kind, *, relief: bool = False) -> None:
        worthwhile = kind is Kind.FINAL
        self._transient = iter(TRANSIENT_DELAYS_S if worthwhile else ())
        self._throttled = iter(THROTTLED_DELAYS_S if worthwhile and not relief else ())
        self._relief = relief

    def limit_s(self, timeout_s: float, *, spent_s: float) -> float:
        """How long the next try may take. `spent_s` is the time since the first try began."""
        return min(timeout_s, max(FALLBACK_AFTER_S - spent_s, LEAST_TRY_S)) if self._relief else timeout_s

    def after(self, failure: Failure, *, spent_s: float) -> float | None:
        """Seconds to wait before the next try; None: give up."""
        if failure.kind is FailureKind.THROTTLED:
            delay = next(self._throttled, None)
            asked = failure.retry_after_s
            return asked if delay is not None and asked is not None else delay
        if failure.kind is FailureKind.TRANSIENT:
            delay = next(self._transient, None)
            latest_s = FALLBACK_AFTER_S - LEAST_TRY_S if self._relief else RETRY_FOR_S
            return delay if delay is not None and spent_s + delay <= latest_s else None
        return None


class Circuit(enum.Enum):
    CLOSED = "closed"  # requests go through
    OPEN = "open"  # none does, for a while
    HALF_OPEN = "half-open"  # one is out to try


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send one request. It counts only for the state it was given in: old news does not move the circuit.

    `seen` is how many failures had been counted by then.
    """

    era: int
    seen: int


class CircuitBreaker:
    """Opens after `TRIP_AFTER` failures in a row; then lets one request try after 10 s, 20 s, 40 s, 60 s, 60 s …

    In a row: each request began after the failure before. What fails side by side has one cause, and counts once.
    Whoever was admitted says how it went, by `succeeded` or `failed`.
    """

    def __init__(self) -> None:
        self.state = Circuit.CLOSED
        self._era = 0
        self._failures = 0  # in a row, while closed
        self._counted = 0  # failures, ever
        self._wait_s = FIRST_WAIT_S
        self._try_at = 0.0  # in *now*, while open

    def admit(self, now: float) -> Ticket | None:
        """May a request be sent? While half-open, nobody else may."""
        if self.state is Circuit.OPEN and now >= self._try_at:
            self._enter(Circuit.HALF_OPEN)
            return self._ticket()
        return self._ticket() if self.state is Circuit.CLOSED else None

    def wait_s(self, now: float) -> float:
        """Seconds until a request may try; zero unless the circuit is open."""
        return max(0.0, self._try_at - now) if self.state is Circuit.OPEN else 0.0

    def succeeded(self, ticket: Ticket) -> None:
        if ticket.era != self._era:
            return
        self._failures = 0
        if self.state is Circuit.HALF_OPEN:
            self._wait_s = FIRST_WAIT_S
            self._enter(Circuit.CLOSED)

    def failed(self, ticket: Ticket, now: float) -> bool:
        """Returns True when this opened a closed circuit."""
        if ticket.era != self._era:
            return False
        if self.state is Circuit.HALF_OPEN:
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
            self._open(now)
            return False
        if ticket.seen != self._counted:
            return False
        self._counted += 1
        self._failures += 1
        if self._failures < TRIP_AFTER:
            return False
        self._open(now)
        return True

    def _ticket(self) -> Ticket:
        return Ticket(era=self._era, seen=self._counted)

    def _open(self, now: float) -> None:
        self._failures = 0
        self._try_at = now + self._wait_s
        self._enter(Circuit.OPEN)

    def _enter(self, state: Circuit) -> None:
        self.state = state
        self._era += 1
