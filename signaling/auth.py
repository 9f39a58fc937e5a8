"""Credentials for the hello message.

An internal client proves that it knows the server's internal secret: it sends a random string and the
HMAC-SHA256 of that string, keyed with the secret, in lowercase hex (HPB protocol, "internal" auth).
An ordinary client carries a ticket that somebody else issued.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

MIN_RANDOM_LENGTH = 32  # characters; HPB refuses shorter ones


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalCredentials:
    """`secret` is HPB's `[clients] internalsecret`; `backend` the base URL of the chat server."""

    secret: str = field(repr=False)
    backend: str

    def hello_auth(self, random: str) -> dict[str, Any]:
        """The `auth` object of a hello; `random` is a fresh string of at least 32 characters."""
        if len(random) < MIN_RANDOM_LENGTH:
            raise ValueError(f"random must have at least {MIN_RANDOM_LENGTH} characters, got {len(random)}")
        token = hmac.new(self.secret.encode(), random.encode(), hashlib.sha256).hexdigest()
        return {"type": "internal", "params": {"random": random, "token": token, "backend": self.backend}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCredentials:
    """An ordinary participant: `ticket` was issued by the chat server (or the embedded server)."""

    ticket: str = field(repr=False)
    backend: str

    def hello_auth(self, random: str) -> dict[str, Any]:
        """The `auth` object of a hello, version 1.0; the ticket already is unique, so `random` is not used."""
        del random
        return {"url": self.backend, "params": {"ticket": self.ticket}}


Credentials = InternalCredentials | TicketCredentials
