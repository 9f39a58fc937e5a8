"""Where the signaling server is: the operator's URL → the websocket's."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from .errors import InvalidSignalingUrl


def signaling_url(address: str) -> str:
    """The websocket address of a signaling server: http becomes ws, and `/spreed` is appended.

    Raises `InvalidSignalingUrl` for anything that is not a URL with a host.
    """
    try:
        parts = urlsplit(address.strip())
        _ = parts.port  # urllib checks it only when it is read
    except ValueError as error:
        raise InvalidSignalingUrl("expected a URL such as https://signaling.example.org") from error
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise InvalidSignalingUrl("expected a URL such as https://signaling.example.org")
    path = parts.path.rstrip("/")
    if not path.endswith("/spreed"):
        path += "/spreed"
    return urlunsplit((scheme, parts.netloc, path, "", ""))
