"""What chat servers ask for: captions on and off, languages, translation. Each answers at once; what is slow happens in
the supervisor. Contract: as the PHP of Nextcloud Talk calls it, which gives up after 3 s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from bot import BadLanguagePair, NoSuchRoom, Supervisor, TranslationUnsupported
from bot.log_context import about_room
from pipeline import Language, UnknownLanguage, catalogue
from pipeline.languages import AUTO

from .admit import CALLER
from .bodies import InvalidBody, Model, Problem, check, parse, shown
from .keys import DEFAULT_LANGUAGE, LIFE, SUPERVISOR
from .problems import NOT_SERVED, PATIENCE_S, NoDefault, later, respond
from .schemas import (
    LeaveRequest,
    RoomQuery,
    SetLanguageRequest,
    SetTranslationRequest,
    TranscribeRequest,
)
from .status import MODEL_RETRY_S, NO_MODEL, model_state

PROCESSED: Final = "Transcription or translation request processed successfully."
LANGUAGE_SET: Final = "Language set successfully for the call"
LEFT: Final = "Leave call request processed."
RESTART_S: Final = 10  # until another process may be there
TRANSLATION_SET: Final = "Target translation language set successfully for the participant."


async def transcribe(request: web.Request) -> web.Response:
    wanted = await body(request, TranscribeRequest)
    supervisor = request.app[SUPERVISOR]
    if not wanted.enable:
        supervisor.disable(wanted.room_token, wanted.nc_session_id)
        return done(PROCESSED)
    if (refusal := not_now(request)) is not None:
        return refusal
    language = default_language(request) if not wanted.lang_id else supervisor.language(wanted.lang_id)
    target = wanted.translation_target
    with blaming("translationTargetLangId"):
        translation = None if target is None else supervisor.translation_target(target)
        supervisor.enable(wanted.room_token, wanted.nc_session_id, language, translation)
    return done(PROCESSED)


async def set_language(request: web.Request) -> web.Response:
    wanted = await body(request, SetLanguageRequest)
    must_be_served(request, wanted.room_token)
    if (refusal := without_model(request)) is not None:
        return refusal
    supervisor = request.app[SUPERVISOR]
    supervisor.set_language(wanted.room_token, supervisor.language(wanted.lang_id))
    return done(LANGUAGE_SET)


async def leave(request: web.Request) -> web.Response:
    wanted = await body(request, LeaveRequest)
    request.app[SUPERVISOR].leave(wanted.room_token)
    return done(LEFT)


async def languages(request: web.Request) -> web.Response:
    return web.json_response(catalogue(request.app[SUPERVISOR].engine.languages))


async def set_translation(request: web.Request) -> web.Response:
    wanted = await body(request, SetTranslationRequest)
    must_be_served(request, wanted.room_token)
    if wanted.lang_id is not None and (refusal := without_model(request)) is not None:
        return refusal
    supervisor = request.app[SUPERVISOR]
    with blaming("langId"):
        target = None if wanted.lang_id is None else supervisor.translation_target(wanted.lang_id)
        supervisor.set_translation(wanted.room_token, wanted.nc_session_id, target)
    return done(TRANSLATION_SET)


async def translation_languages(request: web.Request) -> web.Response:
    query(request, RoomQuery)
    if (refusal := without_model(request)) is not None:
        return refusal
    found = translations(request.app[SUPERVISOR])
    if found is None:
        return respond(550, "this server does not translate: its model cannot")
    return web.json_response(found)


def translations(supervisor: Supervisor) -> dict[str, object] | None:
    """What can be translated into what, as Talk reads it; None: nothing."""
    engine = supervisor.engine
    if not engine.translations:
        return None
    known = catalogue(engine.languages)
    origins = {code: entry for code, entry in known.items() if code != AUTO and code not in engine.translations}
    return {"origin_languages": origins, "target_languages": catalogue(engine.translations)}


async def body(request: web.Request, model: type[Model]) -> Model:
    """The checked body. A newer Talk may send more than we know: AppAPI's callers may, or captions would end."""
    wanted = parse(model, await request.read(), lenient=request.get(CALLER) == "AppAPI")
    about_room(getattr(wanted, "room_token", ""))
    return wanted


def query(request: web.Request, model: type[Model]) -> Model:
    """The checked query, as lenient as `body`."""
    twice = next((name for name in request.query if len(request.query.getall(name)) > 1), None)
    if twice is not None:
        raise InvalidBody([Problem(field=shown(twice), message="is there more than once", kind="value", place="query")])
    return check(model, dict(request.query), place="query", lenient=request.get(CALLER) == "AppAPI")


def default_language(request: web.Request) -> Language:
    """Raises `NoDefault` where the loaded model does not know it: who named none is not to blame."""
    name = request.app[DEFAULT_LANGUAGE]
    try:
        return request.app[SUPERVISOR].language(name)
    except UnknownLanguage as error:
        raise NoDefault(
            f"langId is missing, and the language of ROOMSCRIBE_DEFAULT_LANGUAGE cannot take its place: {error}"
        ) from error


def must_be_served(request: web.Request, token: str) -> None:
    """Before anything else is looked at: where there is no bot, Talk takes 404 for an answer, and nothing else.

    Raises `NoSuchRoom`.
    """
    if token not in request.app[SUPERVISOR].rooms:
        raise NoSuchRoom(NOT_SERVED, room=token)


@contextlib.contextmanager
def blaming(field: str) -> Iterator[None]:
    """What is wrong with a translation is said of the field that asked for it."""
    try:
        yield
    except (BadLanguagePair, TranslationUnsupported) as error:
        raise type(error)(f"{field}: {error}", room=error.room) from error


def done(message: str) -> web.Response:
    return web.json_response({"message": message})


def not_now(request: web.Request) -> web.Response | None:
    """Why no captions can be asked for at present; None: they can."""
    supervisor = request.app[SUPERVISOR]
    if supervisor.stopping:
        return later(respond(503, "roomscribe is shutting down", status="stopping"), RESTART_S)
    if not request.app[LIFE].enabled:
        return later(respond(503, "this app is disabled in Nextcloud", status="disabled"), PATIENCE_S)
    if supervisor.rejected is not None:
        return later(respond(503, str(supervisor.rejected), status="rejected"), PATIENCE_S)
    return without_model(request)


def without_model(request: web.Request) -> web.Response | None:
    """503 while there is none; callers read from `status` and `Retry-After` whether waiting helps."""
    supervisor = request.app[SUPERVISOR]
    state = model_state(supervisor.engine)
    if supervisor.engine.languages and state != "failed":
        return None
    error = NO_MODEL if state == "failed" else "the model is still being loaded; try again in a moment"
    answer = respond(503, error, status=state)
    return later(answer, PATIENCE_S if state == "failed" else MODEL_RETRY_S)
