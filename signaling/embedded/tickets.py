"""Proofs that the server gives and later recognises, without keeping a list of them.

A seal appends an HMAC to a text. Tickets for ordinary clients and resume ids are sealed texts; each purpose has
its own key, so that one cannot pass for the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass


class Seal:
    """Signs texts for one purpose and recognises its own signature, in constant time."""

    def __init__(self, key: bytes, *, purpose: str) -> None:
        self._key = hmac.digest(key, purpose.encode(), hashlib.sha256)

    def seal(self, text: str) -> str:
        return f"{text}.{self._signature(text)}"

    def open(self, sealed: str) -> str | None:
        """The text, or None where it does not bear our signature."""
        text, _, signature = sealed.rpartition(".")
        return text if same(signature, self._signature(text)) else None

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, octets(text), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a ticket was issued to. An empty user id is a guest."""

    user_id: str
    display_name: str


class Tickets:
    """Issues and checks the tickets of ordinary clients; they die with the key, that is with the server."""

    def __init__(self, key: bytes, *, ttl_s: float) -> None:
        self._seal = Seal(key, purpose="ticket")
        self._ttl_s = ttl_s

    def issue(self, holder: Holder, *, now: float) -> str:
        claims = [holder.user_id, holder.display_name, now + self._ttl_s]
        return self._seal.seal(base64.urlsafe_b64encode(json.dumps(claims).encode()).decode())

    def check(self, ticket: str, *, now: float) -> Holder | None:
        """The holder, or None where the ticket is forged or has expired."""
        claims = self._seal.open(ticket)
        if claims is None:
            return None
        user_id, display_name, expires_at = json.loads(base64.urlsafe_b64decode(claims))
        return Holder(user_id=user_id, display_name=display_name) if now < expires_at else None


def same(one: str, other: str) -> bool:
    """Compare secrets in constant time; `compare_digest` takes no non-ASCII text, so compare octets."""
    return hmac.compare_digest(octets(one), octets(other))


def octets(text: str) -> bytes:
    """UTF-8, also for the lone surrogates that JSON can spell."""
    return text.encode(errors="surrogatepass")
