"""Everything that can go wrong between us and the signaling server.

    SignalingError
    ├── InvalidSignalingUrl     the setting cannot be turned into a websocket address
    ├── SignalingUnreachable    no connection, or no answer in time          (worth retrying)
    ├── AuthRejected            the server refused our credentials           (fatal: never retried)
    ├── MessageTooLarge         we would send more than the server takes     (never sent)
    └── MalformedMessage        the server sent what the protocol forbids    (skipped, logged once)

`component` names the part that speaks; room and speaker are added by whoever owns them.
"""

from __future__ import annotations

import enum


class Obstacle(enum.Enum):
    """What was in the way of a connection, as far as it can be told."""

    NAME = "name"  # it cannot be resolved
    REFUSED = "refused"  # nobody listens there
    SILENT = "silent"  # no answer in time
    CERTIFICATE = "certificate"  # it is not trusted here
    NO_TLS = "no_tls"  # https was asked for, and there is none
    NO_WEBSOCKET = "no_websocket"  # a web server answered, but not as a signaling server does
    NO_WELCOME = "no_welcome"  # a websocket, but not of a signaling server
    OTHER = "other"


class SignalingError(Exception):
    """Root of all signaling failures."""

    component = "signaling"


class InvalidSignalingUrl(SignalingError):
    """The configured address is not an http(s) or ws(s) URL with a host."""


class SignalingUnreachable(SignalingError):
    """No websocket could be opened, or the server did not finish the greeting in time."""

    def __init__(self, message: str, obstacle: Obstacle = Obstacle.OTHER) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class AuthRejected(SignalingError):
    """The server refused the hello. HPB locks an address out after ten of these: never retry in a loop."""

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(explanation)
        self.code = code


class MalformedMessage(SignalingError):
    """A frame that is not JSON, not an object, or lacks what its type must carry."""


class MessageTooLarge(SignalingError):
    """More than `MAX_MESSAGE_BYTES`: the server would close the connection on it."""
