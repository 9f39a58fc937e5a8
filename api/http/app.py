"""The HTTP application: a factory that puts the routes behind what every request passes.

A request passes, in this order: the gate's clock, the access log, errors → HTTP, who may call from a browser, the body
and the caller, the content type; then its handler.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import time
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from api.settings.load import HttpSettings
from bot import Gauges, Metrics, Supervisor

from . import reference
from .admit import admit
from .appapi import REPORTER, Reporter
from .auth import Auth
from .bodies import MAX_BODY_BYTES
from .gate import SERVER, watched
from .keys import APP_ID, APP_VERSION, DEFAULT_LANGUAGE, DOCUMENT, LIFE, SUPERVISOR, Life
from .limits import RateLimiter
from .openapi import describe
from .origin import json_only, own_pages_only
from .problems import Handler, problems
from .request_id import method_of, request_ids, route_of
from .routes import ROUTES

PAGES: Final = {
    "captions.html": "text/html",
    "captions.css": "text/css",
    "captions.js": "text/javascript",
    "reference.css": "text/css",
}
SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def create_app(
    supervisor: Supervisor,
    http: HttpSettings | None = None,
    *,
    auth: Auth | None = None,
    reporter: Reporter | None = None,
    app_id: str = "live_transcription",
    app_version: str = "1.0.0",
) -> web.Application:
    """The application around a supervisor, which need not run yet.

    Without any secret in `auth` it is open to every program that can reach it, but not to web pages of other servers.
    """
    http = http or HttpSettings()
    auth = auth or Auth(secrets=http.secrets)
    metrics = supervisor.metrics
    limiter = RateLimiter(rate=http.rate_limit)
    gates = [
        watched,
        request_ids,
        measured(metrics),
        problems,
        own_pages_only(secret=auth.required, host=http.host),
        admit(auth, limiter, refused=metrics.http_refused),
        json_only,
    ]
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=gates)  # type: ignore[arg-type]
    app[SUPERVISOR] = supervisor
    app[LIFE] = Life(since=asyncio.get_running_loop().time())
    app[DEFAULT_LANGUAGE] = http.default_language
    app[APP_ID], app[APP_VERSION] = app_id, app_version
    app[DOCUMENT] = describe(ROUTES)
    app[REPORTER] = reporter or Reporter(supervisor)
    metrics.registry.register(Gauges(supervisor))
    metrics.watch("roomscribe_http_callers", "Callers whose pace is remembered", lambda: len(limiter))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    app.router.add_get("/", page)
    app.router.add_get("/pages/{name}", page)
    app.router.add_get("/reference", reference.page)
    app.on_response_prepare.append(_headers)
    return app


def measured(metrics: Metrics) -> Handler:
    """A middleware that counts each request by its route; a path alone might hold a room's token."""

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        status = 500
        try:
            answer = await handler(request)
            status = answer.status
            return answer
        finally:
            metrics.http_request(route_of(request), method_of(request), status, time.monotonic() - began)

    return measure  # type: ignore[return-value]  # aiohttp's middleware takes two arguments


async def page(request: web.Request) -> web.Response:
    """The captions page and the parts of pages, out of the package."""
    name = request.match_info.get("name", "captions.html")
    if name not in PAGES:
        raise web.HTTPNotFound
    body = importlib.resources.files("api.pages").joinpath(name).read_bytes()
    return web.Response(body=body, content_type=PAGES[name], charset="utf-8")


async def _headers(request: web.Request, answer: web.StreamResponse) -> None:
    """Of every answer: what a browser may do with it. What it is made with is nobody's business."""
    answer.headers["Server"] = SERVER
    answer.headers["X-Content-Type-Options"] = "nosniff"
    shown: Sequence[str] = ("text/html", "text/css", "text/javascript")
    if answer.content_type in shown:
        answer.headers.update(SECURITY)
    else:
        answer.headers.setdefault("Cache-Control", "no-store")
