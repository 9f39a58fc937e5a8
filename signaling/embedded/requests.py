"""What a client may say: any text becomes one typed request, never an exception.

What cannot be understood becomes `Invalid`, with the error to answer; a type we do not know becomes `Unknown`
and is ignored, as the real server does. Nothing past this file sees a client's JSON, except the opaque `data`
of messages between clients.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from .errors import Refused, invalid_format
from .replies import Payload

MAX_NAME: Final = 512  # characters of a room token or session id; Talk's own have 8 to 32 and 255
MAX_FEATURES: Final = 64  # they are repeated to every participant of a room; real clients send fewer than ten
MAX_DEPTH: Final = 64  # levels of JSON; json's encoder gives up near Python's recursion limit of 1000
MAX_URL: Final = 2048  # characters; what browsers agree on
MAX_TICKET: Final = 16384  # characters of a ticket, a token, or the random string an internal client signs
MAX_FLAGS: Final = 255  # Talk knows the bits 1, 2, 4 and 8
VERSIONS: Final = ("1.0", "2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalHello:
    version: str
    features: tuple[str, ...]
    random: str
    token: str
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHello:
    version: str
    features: tuple[str, ...]
    ticket: str
    backend: str
    """Empty: not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeHello:
    version: str
    resumeid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    roomid: str
    nextcloud_session_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    pass


class Scope(StrEnum):
    SESSION = "session"
    USER = "user"
    ROOM = "room"
    CALL = "call"


class Kind(StrEnum):
    MESSAGE = "message"
    CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    kind: Kind
    scope: Scope
    to: str
    """A session id, a user id, or empty: the sender's room or call."""
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class InCall:
    flags: int


@dataclass(frozen=True, slots=True)
class Bye:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    pass


@dataclass(frozen=True, slots=True)
class Invalid:
    error: Refused


Hello: TypeAlias = InternalHello | TicketHello | ResumeHello
Body: TypeAlias = Hello | Join | Leave | Deliver | InCall | Bye | Unknown | Invalid


@dataclass(frozen=True, slots=True)
class Request:
    id: str
    body: Body


def parse(text: str) -> Request:
    """Total: whatever the text, a request comes back. The id is kept wherever it can be read."""
    try:
        message = _decode(text)
        request_id = _text(message, "id", limit=len(text))
    except Refused as refused:
        return Request("", Invalid(refused))
    try:
        return Request(request_id, _body(message))
    except Refused as refused:
        return Request(request_id, Invalid(refused))


def _decode(text: str) -> Payload:
    try:
        message = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise invalid_format() from None
    level = [message]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
    if level or not isinstance(message, dict):
        raise invalid_format()
    return message


def _finite(number: str) -> float:
    """Python reads 1e999 and NaN, and would send on what no browser can parse."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("not a JSON number")
    return value


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _body(message: Payload) -> Body:
    match _text(message, "type"):
        case "hello":
            return _hello(_object(message, "hello"))
        case "room":
            return _room(_object(message, "room"))
        case "message":
            return _deliver(Kind.MESSAGE, _object(message, "message"))
        case "control":
            return _deliver(Kind.CONTROL, _object(message, "control"))
        case "internal":
            return _internal(_object(message, "internal"))
        case "bye":
            return Bye()
        case "":
            raise invalid_format("The message has no type.")
        case _:
            return Unknown()


def _hello(hello: Payload) -> Hello:
    version = _text(hello, "version")
    if version not in VERSIONS:
        raise Refused("invalid_hello_version", "The hello version is not supported.")
    if resumeid := _text(hello, "resumeid"):
        return ResumeHello(version=version, resumeid=resumeid)
    auth = _object(hello, "auth")
    params = _object(auth, "params")
    features = _features(hello)
    match _text(auth, "type"):
        case "" | "client":
            # Version 1.0 passes a ticket that Nextcloud would check, 2.0 a token it has signed. Both are ours here.
            ticket = _text(params, "ticket" if version == "1.0" else "token", limit=MAX_TICKET)
            url = _text(auth, "url", limit=MAX_URL)
            return TicketHello(version=version, features=features, ticket=ticket, backend=url)
        case "internal":
            return InternalHello(
                version=version,
                features=features,
                random=_text(params, "random", limit=MAX_TICKET),
                token=_text(params, "token"),
                backend=_text(params, "backend", limit=MAX_URL),
            )
        case _:
            raise Refused("invalid_client_type", "The client type is not supported.")


def _room(room: Payload) -> Join | Leave:
    roomid = _text(room, "roomid")
    sessionid = _text(room, "sessionid")
    return Join(roomid=roomid, nextcloud_session_id=sessionid) if roomid else Leave()


def _deliver(kind: Kind, message: Payload) -> Deliver:
    recipient = _object(message, "recipient")
    try:
        scope = Scope(_text(recipient, "type"))
    except ValueError:
        raise invalid_format("The type of the recipient is not supported.") from None
    to = ""
    if scope in (Scope.SESSION, Scope.USER):
        to = _text(recipient, "sessionid" if scope is Scope.SESSION else "userid")
        if not to:
            raise invalid_format("The recipient is not named.")
    if "data" not in message:
        raise invalid_format("The message has no data.")
    return Deliver(kind=kind, scope=scope, to=to, data=message["data"])


def _internal(internal: Payload) -> InCall | Unknown:
    if _text(internal, "type") != "incall":
        return Unknown()
    flags = _object(internal, "incall").get("incall", 0)
    if type(flags) is not int or not 0 <= flags <= MAX_FLAGS:
        raise invalid_format("The in-call flags are not a small number.")
    return InCall(flags=flags)


def _features(hello: Payload) -> tuple[str, ...]:
    features = hello.get("features") or []
    if not isinstance(features, list) or len(features) > MAX_FEATURES:
        raise invalid_format("The features are not a short list.")
    if not all(isinstance(feature, str) and len(feature) <= MAX_NAME for feature in features):
        raise invalid_format("The features are not names.")
    return tuple(features)


def _object(parent: Payload, key: str) -> Payload:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise invalid_format(f"The {key} is missing.")
    return value


def _text(parent: Payload, key: str, *, limit: int = MAX_NAME) -> str:
    """The string under the key; missing and null count as empty."""
    value = parent.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise invalid_format(f"The {key} is not a text of at most {limit} characters.")
    return value
