"""Open a websocket to the signaling server, and say in plain words why not."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Final

import aiohttp

from .errors import Obstacle, SignalingUnreachable

PING_INTERVAL_S: Final = 10.0  # ours, beside the server's: a half-open link is noticed within 1.5 intervals
MAX_RECEIVED_BYTES: Final = 4 * 1024 * 1024  # a participants list of some thousand entries
DISCARD_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for 0 s


async def dial(http: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    """Raises `SignalingUnreachable`; its text holds no address."""
    try:
        websocket = await http.ws_connect(url, heartbeat=PING_INTERVAL_S, max_msg_size=MAX_RECEIVED_BYTES)
    except (aiohttp.ClientError, OSError) as error:
        raise SignalingUnreachable(*_cause(error)) from error
    # What the kernel still holds when we hang up must not arrive later, when it has been sent again.
    raw = websocket.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DISCARD_ON_CLOSE)
    return websocket


def _cause(error: Exception) -> tuple[str, Obstacle]:
    """For people, and without addresses."""
    match error:
        case aiohttp.WSServerHandshakeError(status=status):
            said = f"it answered with status {status}: is this the address of a signaling server?"
            return said, Obstacle.NO_WEBSOCKET
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved", Obstacle.NAME
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted here", Obstacle.CERTIFICATE
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS as we do", Obstacle.NO_TLS
        case OSError(errno=int(number)) if number > 0:
            refused = number == errno.ECONNREFUSED
            return os.strerror(number), Obstacle.REFUSED if refused else Obstacle.OTHER
        case _:
            return type(error).__name__, Obstacle.OTHER
