"""What a hostile request is, and what all kinds are made of. Nothing but what the handed-in generator draws."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

Header = tuple[str, str | bytes]

SHORT_S: Final = 0.15  # how long an answer is waited for where the service may rightly wait for more
LONG_S: Final = 15.0  # … and where it may not
TRANSCRIBE: Final = "/api/v1/call/transcribe"
SET_LANGUAGE: Final = "/api/v1/call/set-language"
LEAVE: Final = "/api/v1/call/leave"
SET_TARGET: Final = "/api/v1/translation/set-target-language"
POSTED: Final = (TRANSCRIBE, SET_LANGUAGE, LEAVE, SET_TARGET)
GUARDED: Final = ("/metrics", "/api/v1/languages", "/api/v1/rooms", "/api/v1/translation/languages", "/capabilities")
OPEN: Final = ("/", "/healthz", "/readyz", "/pages/captions.js")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the attacker knows: everything. `rooms` are those being captioned: token, and session of a reader."""

    secret: str = field(repr=False)
    app_secret: str = field(repr=False)
    app_id: str
    rooms: tuple[tuple[str, str], ...] = field(repr=False)
    host: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`parts` are sent one after another, a moment apart.

    `refused`: an answer that grants it (2xx) is a finding; `once`: the second one is. `opens`: the room that a grant
    opens, and for whom. `translates`: 550 is the contract's own answer. `reset` hangs up as a network that breaks does.
    """

    parts: tuple[bytes, ...] = field(repr=False)
    kind: str = ""
    patience_s: float = LONG_S
    hangs_up: bool = False
    reset: bool = False
    bodiless: bool = False
    refused: bool = True
    once: bool = False
    translates: bool = False
    opens: tuple[str, str] | None = field(default=None, repr=False)


class Draw:
    """Requests and what they hold, drawn from one generator."""

    def __init__(self, rng: Random, aim: Aim) -> None:
        self.rng = rng
        self.aim = aim

    def one(self, *options: Any) -> Any:
        return self.rng.choice(options)

    def word(self, length: int = 12) -> str:
        return f"{self.rng.getrandbits(4 * length):0{length}x}"

    def victim(self) -> dict[str, Any]:
        """If this is granted to whom it must not be, somebody loses their captions."""
        token, session = self.rng.choice(self.aim.rooms)
        return {"roomToken": token, "ncSessionId": session, "enable": False}

    def stranger(self) -> dict[str, Any]:
        """If this is granted, nothing happens: there is no such room."""
        return {"roomToken": self.word(), "ncSessionId": self.word(32), "enable": False}

    def harm(self) -> tuple[str, bytes]:
        """Path and body of a request that is well-formed and would hurt."""
        token, session = self.rng.choice(self.aim.rooms)
        path = self.rng.choice(POSTED)
        fields: dict[str, Any] = {"roomToken": token}
        if path == TRANSCRIBE:
            fields |= {"ncSessionId": session, "enable": False}
        elif path == SET_LANGUAGE:
            fields |= {"langId": "en"}
        elif path == SET_TARGET:
            fields |= {"ncSessionId": session, "langId": None}
        return path, written(fields)

    def proof(self, body: bytes = b"") -> list[Header]:
        """Headers of somebody who may call, in one of the three ways."""
        way = self.rng.randrange(3)
        if way == 0:
            return self.bearer()
        if way == 1:
            return app_api(self.aim.app_id, self.aim.app_secret)
        return signed(self.word(64), body, self.aim.secret)

    def bearer(self) -> list[Header]:
        return [("Authorization", f"Bearer {self.aim.secret}")]

    def http(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Sequence[Header] = (),
        proven: bool = False,
        content_type: str | None = "application/json",
        closing: bool = True,
    ) -> bytes:
        """A request that is well-formed, apart from what was handed in."""
        all_of: list[Header] = [("Host", self.aim.host)]
        if closing:
            all_of.append(("Connection", "close"))
        if proven:
            all_of += self.proof(body or b"")
        if body is not None:
            if content_type is not None:
                all_of.append(("Content-Type", content_type))
            all_of.append(("Content-Length", str(len(body))))
        return head(method, path, [*all_of, *headers]) + (body or b"")


def head(method: str, path: str, headers: Sequence[Header]) -> bytes:
    lines = [b" ".join((_bytes(method), _bytes(path), b"HTTP/1.1"))]
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def written(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def app_api(app_id: str, secret: str, user: str = "admin") -> list[Header]:
    """As Nextcloud's AppAPI shows its secret."""
    shown = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return [
        ("AA-VERSION", "32.0.0"),
        ("EX-APP-ID", app_id),
        ("EX-APP-VERSION", "1.0.0"),
        ("AUTHORIZATION-APP-API", shown),
    ]


def signed(random: str, body: bytes, secret: str) -> list[Header]:
    """As a server shows that it knows the secret without sending it."""
    checksum = hmac.new(secret.encode(), random.encode() + body, hashlib.sha256).hexdigest()
    return [("Roomscribe-Random", random), ("Roomscribe-Checksum", checksum)]


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
