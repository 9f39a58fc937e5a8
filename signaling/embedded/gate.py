"""Who may come in: the proof in a hello becomes an identity, or a refusal that says what was wrong."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from .backend import serves
from .errors import Refused, invalid_format, no_such_session, too_many_requests
from .requests import InternalHello, ResumeHello, TicketHello
from .settings import EmbeddedSettings
from .throttle import Action, Throttle
from .tickets import Holder, Seal, Tickets, octets, same

MIN_RANDOM: Final = 32  # octets an internal client must sign: talk-contract.md §2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    internal: bool
    user_id: str
    display_name: str
    features: tuple[str, ...]


class Gate:
    """Checks secrets, tickets and resume ids; knows addresses only to throttle those that guess."""

    def __init__(self, settings: EmbeddedSettings, *, key: bytes) -> None:
        self._settings = settings
        self._tickets = Tickets(key, ttl_s=settings.ticket_ttl_s)
        self._resume = Seal(key, purpose="resume")
        self._throttle = Throttle()

    def issue_ticket(self, holder: Holder, *, now: float) -> str:
        return self._tickets.issue(holder, now=now)

    def resumeid(self, sessionid: str) -> str:
        """What its client must show to resume the session. Signed, so that guesses can be told from late comers."""
        return self._resume.seal(sessionid)

    def sessionid(self, hello: ResumeHello, *, address: str, now: float) -> str:
        """The session a resume id was made for, which may be gone: that is no guess and is not throttled."""
        if self._throttle.locked(Action.HELLO_RESUME, address, now=now):
            raise too_many_requests()
        sessionid = self._resume.open(hello.resumeid)
        if sessionid is None:
            self._throttle.failed(Action.HELLO_RESUME, address, now=now)
            raise no_such_session()
        return sessionid

    def identify(self, hello: InternalHello | TicketHello, *, address: str, now: float) -> Identity:
        match hello:
            case InternalHello():
                return self._internal(hello, address=address, now=now)
            case TicketHello():
                return self._ordinary(hello, now=now)

    def _internal(self, hello: InternalHello, *, address: str, now: float) -> Identity:
        if not self._settings.internal_secret:
            raise Refused("invalid_client_type", "This server has no secret for internal clients.")
        if self._throttle.locked(Action.HELLO_INTERNAL, address, now=now):
            raise too_many_requests()
        try:
            self._check_internal(hello)
        except Refused as refused:
            if refused.code != "invalid_format":
                self._throttle.failed(Action.HELLO_INTERNAL, address, now=now)
            raise
        return Identity(internal=True, user_id="", display_name="", features=hello.features)

    def _check_internal(self, hello: InternalHello) -> None:
        if not hello.backend:
            raise invalid_format("The backend is missing.")
        random = octets(hello.random)
        token = hmac.new(octets(self._settings.internal_secret), random, hashlib.sha256).hexdigest()
        if not same(token, hello.token) or len(random) < MIN_RANDOM:
            raise Refused("invalid_token", "The passed token is invalid.")
        self._check_backend(hello.backend)

    def _ordinary(self, hello: TicketHello, *, now: float) -> Identity:
        if hello.backend:
            self._check_backend(hello.backend)
        holder = self._tickets.check(hello.ticket, now=now)
        if holder is None and hello.version == "1.0":
            raise Refused("invalid_ticket", "The passed ticket is invalid or has expired.")
        if holder is None:
            raise Refused("invalid_token", "The passed token is invalid or has expired.")
        return Identity(
            internal=False,
            user_id=holder.user_id,
            display_name=holder.display_name,
            features=hello.features,
        )

    def _check_backend(self, url: str) -> None:
        try:
            ours = serves(self._settings.backend_url, url)
        except ValueError:
            raise invalid_format("The backend is not a URL.") from None
        if not ours:
            raise Refused("invalid_backend", "The backend URL is not supported.")
