"""Who may call the API: whoever shows the shared secret.

Two forms are taken: `Authorization: Bearer SECRET`, and what Nextcloud's AppAPI sends, the header
`AUTHORIZATION-APP-API` with base64("user:SECRET"). Compared in constant time, never logged.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from .problems import Handler, respond

#: Reachable without the secret: health for the orchestrator, and the page, which shows nothing by itself.
OPEN_PATHS: Final = frozenset({"/", "/healthz", "/readyz"})
OPEN_PREFIXES: Final = ("/pages/", "/demo/")


def is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def require_secret(secret: str) -> Handler:
    """A middleware; with an empty secret everybody on loopback may call."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if secret and not is_open(request.path) and not shows(request.headers, secret):
            return respond(401, "the shared secret (ROOMSCRIBE_HTTP_SECRET) is missing or wrong")
        return await handler(request)

    return check  # type: ignore[return-value]  # aiohttp's middleware takes two arguments


def shows(headers: Mapping[str, str], secret: str) -> bool:
    """Do these headers carry the secret?"""
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    shown = [_bytes(bearer.strip())] if scheme.lower() == "bearer" else []
    try:
        app_api = base64.b64decode(headers.get("AUTHORIZATION-APP-API", ""), validate=True)
    except ValueError:  # not base64, or not even ASCII
        app_api = b""
    if b":" in app_api:
        shown.append(app_api.partition(b":")[2])
    return any(hmac.compare_digest(each, _bytes(secret)) for each in shown)


def _bytes(text: str) -> bytes:
    """As they came: aiohttp, like the environment, keeps bytes that are not UTF-8 as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
