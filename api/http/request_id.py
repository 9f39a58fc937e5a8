"""Each request has an id: the caller's own, or a fresh one. It is in the answer, and on each line of the log about it.

A room's lines keep the id of the request that it was begun for.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web

from bot.log_context import about_nothing, about_request

from .problems import Handler

log = logging.getLogger("roomscribe.api")

HEADER: Final = "X-Request-ID"
TAKEN_FROM: Final = ("AA-REQUEST-ID", HEADER)  # AppAPI's, then everybody else's
UNKNOWN_ROUTE: Final = "other"
UNKNOWN_METHOD: Final = "other"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(headers: Mapping[str, str]) -> str:
    """What the caller calls this request, if that is fit for a log; else a name of ours."""
    for name in TAKEN_FROM:
        if _ID.fullmatch(given := headers.get(name, "")):
            return given
    return secrets.token_hex(8)


def route_of(request: web.Request) -> str:
    """The route's template: never the path itself, which may hold a token."""
    resource = request.match_info.route.resource
    return UNKNOWN_ROUTE if resource is None else resource.canonical


def method_of(request: web.Request) -> str:
    """Strangers may invent methods without end."""
    return request.method if request.method in hdrs.METH_ALL else UNKNOWN_METHOD


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outside of whatever else may answer."""
    name = request_id(request.headers)
    began = time.monotonic()

    def answered(answer: web.StreamResponse) -> None:
        if not answer.prepared:
            answer.headers[HEADER] = name
        took_ms = 1000 * (time.monotonic() - began)
        log.debug("%s %s: %d in %.1f ms", method_of(request), route_of(request), answer.status, took_ms)

    about_request(name)
    try:
        answer = await handler(request)
        answered(answer)
    except web.HTTPException as refusal:
        answered(refusal)
        raise
    finally:
        about_nothing()  # the connection's next request is another one
    return answer
