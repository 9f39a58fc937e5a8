"""What other web pages in an operator's browser may not do here.

A browser lets any page send requests to loopback, where without a shared secret everybody is trusted. Three things
tell such a page from a caller of ours:

- `Origin` names the page that sends; only the page that this server gave out itself may. Callers that are no browsers
  send none.
- `Host` is the name by which we were called. A foreign name that was made to point at loopback (DNS rebinding) would
  make a foreign page look like our own.
- `Content-Type`: to send JSON elsewhere, a page must ask first (CORS preflight), which nobody here answers. So a body
  has to say that it is JSON; a missing type would be one that needs no asking.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from api.settings.load import is_loopback

from .auth import is_open
from .problems import Handler, respond

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def own_pages_only(*, secret: bool, host: str) -> Handler:
    """A middleware. Where a secret is asked for, only what is open without it needs this protection, and any name is
    good.

    `host` is what the server was told to listen on.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        called = request.headers.get("Host")  # HTTP/1.0 may leave it out; a browser never does
        if not secret and called is not None and not _names_us(called, host):
            return respond(
                403,
                "Host: without a shared secret this server answers only to localhost, 127.0.0.1 and [::1]; call it by "
                "one of them, or set ROOMSCRIBE_HTTP_SECRET",
            )
        ours = _origin(f"{request.scheme}://{called}")
        sent_by = request.headers.getall("Origin", [])
        if (not secret or is_open(request.path)) and any(ours is None or _origin(each) != ours for each in sent_by):
            return respond(403, "Origin: pages of other servers may not call this one")
        return await handler(request)

    return check  # type: ignore[return-value]  # aiohttp's middleware takes two arguments


@web.middleware
async def json_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method in ("POST", "PUT") and request.body_exists:
        kind = request.content_type
        if kind != "application/json" and not kind.endswith("+json"):
            return respond(415, "Content-Type: expected application/json")
        if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
            return respond(415, "Content-Type: JSON comes as UTF-8")
    return await handler(request)


def _names_us(called: str, host: str) -> bool:
    place = _origin(f"http://{called}")
    return place is not None and (is_loopback(place[1]) or place[1] == host.lower())


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None where there are none, as in `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme and parts.hostname else None
