"""Which Nextcloud a hello names: equal scheme and host, then a prefix of the path (talk-contract.md §2.2)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

STANDARD_PORTS: Final = {"http": 80, "https": 443}


def canonical(url: str) -> str:
    """The URL as it is compared: lower-case host, no standard port, a "/" at its end.

    Raises ValueError where it is not an http(s) URL with a host, or carries credentials.
    """
    parts = urlsplit(url)
    if parts.scheme not in STANDARD_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError("a backend must be an http(s) URL with a host and without credentials")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, STANDARD_PORTS[parts.scheme]) else f":{parts.port}"
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return f"{parts.scheme}://{host}{port}{path}"


def serves(backend_url: str, named_url: str) -> bool:
    """Whether the URL a client names belongs to our backend; the "/" keeps /cloud from serving /cloudy."""
    return canonical(named_url).startswith(canonical(backend_url))
