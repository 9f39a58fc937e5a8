"""The HTTP application: a factory and its handlers. Each answers at once; what is slow happens in the supervisor.

Contract: `POST /api/v1/call/transcribe` and `…/set-language`, and `GET /api/v1/languages`, as the PHP of Nextcloud Talk
calls them. AppAPI gives up after 3 s.
"""

from __future__ import annotations

import importlib.resources
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot import Gauges, NotReady, Supervisor
from pipeline import EngineState, catalogue

from .auth import require_secret
from .origin import json_only, own_pages_only
from .problems import FULL, PATIENCE_S, TranslationUnsupported, later, problems, respond
from .schemas import MAX_BODY_BYTES, parse_set_language, parse_transcribe

LANGUAGE_SET: Final = "Language set successfully for the call"
PROCESSED: Final = "Transcription or translation request processed successfully."
RETRY_AFTER_S: Final = 2  # while the model is being loaded
PAGES: Final = {"captions.html": "text/html", "captions.css": "text/css", "captions.js": "text/javascript"}
SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

SUPERVISOR: Final = web.AppKey("supervisor", Supervisor)


def create_app(supervisor: Supervisor, *, secret: str, host: str = "127.0.0.1") -> web.Application:
    """The application around a running supervisor. `host` is what it listens on.

    An empty `secret` opens it to every program that can reach it, but not to web pages of other servers.
    """
    gates = [problems, own_pages_only(secret=secret, host=host), require_secret(secret), json_only]
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=gates)  # type: ignore[arg-type]
    app[SUPERVISOR] = supervisor
    supervisor.metrics.registry.register(Gauges(supervisor))
    app.router.add_post("/api/v1/call/transcribe", transcribe)
    app.router.add_post("/api/v1/call/set-language", set_language)
    app.router.add_get("/api/v1/languages", languages)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/", page)
    app.router.add_get("/pages/{name}", page)
    return app


async def transcribe(request: web.Request) -> web.Response:
    """Turn captions on or off for one participant of one room."""
    wanted = parse_transcribe(await request.read())
    supervisor = request.app[SUPERVISOR]
    if not wanted.enable:
        supervisor.disable(wanted.room_token, wanted.nc_session_id)
        return web.json_response({"message": PROCESSED})
    if wanted.translation_target is not None:
        raise TranslationUnsupported("this server does not translate")
    try:
        language = supervisor.language(wanted.lang_id)
    except NotReady as error:
        return without_model(supervisor.engine.state, str(error))
    supervisor.enable(wanted.room_token, wanted.nc_session_id, language)
    return web.json_response({"message": PROCESSED})


async def set_language(request: web.Request) -> web.Response:
    """Another language for a room that is being served, from everybody's next utterance on."""
    wanted = parse_set_language(await request.read())
    supervisor = request.app[SUPERVISOR]
    try:
        language = supervisor.language(wanted.lang_id)
    except NotReady as error:
        return without_model(supervisor.engine.state, str(error))
    supervisor.set_language(wanted.room_token, language)
    return web.json_response({"message": LANGUAGE_SET})


async def languages(request: web.Request) -> web.Response:
    """The languages of the loaded model; empty while there is none."""
    return web.json_response(catalogue(request.app[SUPERVISOR].engine.languages))


async def healthz(request: web.Request) -> web.Response:
    """200 when captions can be made, 503 with the reason when not (yet). Being full is no illness: those who are served
    must not lose their captions to a restart.
    """
    return health(request.app[SUPERVISOR])


async def readyz(request: web.Request) -> web.Response:
    """As `healthz`, and 503 with the reasons also while the process is full: other rooms must wait, or go elsewhere."""
    supervisor = request.app[SUPERVISOR]
    answer = health(supervisor)
    used_up = supervisor.full
    if answer.status != 200 or not used_up:
        return answer
    bounds = [bound.value for bound in used_up]
    error = "; ".join(used_up.values())
    return later(respond(503, error, status=FULL, full=bounds, **state_of(supervisor)), PATIENCE_S)


def health(supervisor: Supervisor) -> web.Response:
    engine = supervisor.engine
    state = state_of(supervisor)
    if supervisor.rejected is not None:
        return respond(503, str(supervisor.rejected), status="failed", **state)
    if engine.state is not EngineState.READY:
        return without_model(engine.state, engine.failure or f"the model is {engine.state.value}", **state)
    return web.json_response({"status": "ok", **state})


def state_of(supervisor: Supervisor) -> dict[str, object]:
    return {"model": supervisor.engine.state.value, "rooms": len(supervisor.rooms)}


def without_model(state: EngineState, error: str, **more: object) -> web.Response:
    """503. Callers read from `status` and `Retry-After` whether waiting helps: not if the model cannot be had."""
    answer = respond(503, error, status=state.value, **more)
    return answer if state is EngineState.FAILED else later(answer, RETRY_AFTER_S)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text format."""
    body = generate_latest(request.app[SUPERVISOR].metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def page(request: web.Request) -> web.Response:
    """The captions page and its parts, out of the package."""
    name = request.match_info.get("name", "captions.html")
    if name not in PAGES:
        raise web.HTTPNotFound
    body = importlib.resources.files("api.pages").joinpath(name).read_bytes()
    return web.Response(body=body, content_type=PAGES[name], charset="utf-8", headers=SECURITY)
