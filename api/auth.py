"""Who may call the API: whoever shows the shared secret.

Two forms are taken: `Authorization: Bearer SECRET`, and what Nextcloud's AppAPI sends, the header
`AUTHORIZATION-APP-API` with base64("user:SECRET"). Compared in constant time, never logged.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from .problems import Handler, respond

#: Reachable without the secret: health for the orchestrator, and the page, which shows nothing by itself.
OPEN_PATHS: Final = frozenset({"/", "/healthz"})
OPEN_PREFIXES: Final = ("/pages/", "/demo/")


def require_secret(secret: str) -> Handler:
    """A middleware; with an empty secret everybody on loopback may call."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        opened = request.path in OPEN_PATHS or request.path.startswith(OPEN_PREFIXES)
        if secret and not opened and not shows(request.headers, secret):
            return respond(401, "the shared secret (ROOMSCRIBE_HTTP_SECRET) is missing or wrong")
        return await handler(request)

    return check  # type: ignore[return-value]  # aiohttp's middleware takes two arguments


def shows(headers: Mapping[str, str], secret: str) -> bool:
    """Do these headers carry the secret?"""
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    shown = [bearer.strip()] if scheme.lower() == "bearer" else []
    try:
        app_api = base64.b64decode(headers.get("AUTHORIZATION-APP-API", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        app_api = ""
    if ":" in app_api:
        shown.append(app_api.partition(":")[2])
    return any(hmac.compare_digest(each.encode(), secret.encode()) for each in shown)
