"""Every path of the API in one table: the application is built from it, and `openapi.json` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from . import appapi, calls, reference, status
from . import schemas as s


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint. `answers`: what each status means, beyond those that every endpoint has. `secret`: one is asked
    for, where there is any.
    """

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    group: str
    success: Any = None  # the model of a 200; None: not JSON
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: dict[int, str] = field(default_factory=dict)
    secret: bool = True


CAPTIONS: Final = "Captions"
OPERATION: Final = "Operation"
APP: Final = "Nextcloud's AppAPI"
_LOADING: Final = "The model is not loaded (yet), the app is disabled, or the process stops: `status` says which."
_LANGUAGE: Final = "The model does not know this language."

ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/call/transcribe",
        handler=calls.transcribe,
        summary="Turn captions on or off for one participant of one room",
        group=CAPTIONS,
        body=s.TranscribeRequest,
        success=s.Message,
        answers={
            400: "The model does not know this language, or cannot translate between these two.",
            503: _LOADING + " Or there is no place for another room (`full`), or the room's bot failed before: this is "
            "said once, and the next request tries anew.",
            550: "This server does not translate into that language.",
        },
    ),
    Route(
        method="POST",
        path="/api/v1/call/set-language",
        handler=calls.set_language,
        summary="Another language for a room that is captioned, from everybody's next utterance on",
        group=CAPTIONS,
        body=s.SetLanguageRequest,
        success=s.Message,
        answers={400: _LANGUAGE, 404: "No captions are being made in this room.", 503: _LOADING},
    ),
    Route(
        method="POST",
        path="/api/v1/call/leave",
        handler=calls.leave,
        summary="No captions for anybody in a room; one that is not captioned is fine",
        group=CAPTIONS,
        body=s.LeaveRequest,
        success=s.Message,
    ),
    Route(
        method="GET",
        path="/api/v1/languages",
        handler=calls.languages,
        summary="The languages of the loaded model; none while there is no model",
        group=CAPTIONS,
        success=s.Languages,
    ),
    Route(
        method="GET",
        path="/api/v1/translation/languages",
        handler=calls.translation_languages,
        summary="From what to what can be translated",
        group=CAPTIONS,
        query=s.RoomQuery,
        success=s.TranslationLanguages,
        answers={503: _LOADING, 550: "This server does not translate."},
    ),
    Route(
        method="POST",
        path="/api/v1/translation/set-target-language",
        handler=calls.set_translation,
        summary="Finals in another language for one reader, or no translation any more",
        group=CAPTIONS,
        body=s.SetTranslationRequest,
        success=s.Message,
        answers={
            400: "No known language, or the room's own.",
            404: "No captions are being made in this room.",
            412: "This participant has not asked for captions.",
            503: _LOADING,
            550: "This server does not translate into that language.",
        },
    ),
    Route(
        method="GET",
        path="/api/v1/rooms",
        handler=status.rooms,
        summary="The rooms that are captioned",
        group=OPERATION,
        success=s.Rooms,
    ),
    Route(
        method="GET",
        path="/api/v1/rooms/{token}",
        handler=status.room,
        summary="One room: also one that failed within the last minute",
        group=OPERATION,
        success=s.RoomView,
        answers={404: "No captions are being made in this room."},
    ),
    Route(
        method="GET",
        path="/healthz",
        handler=status.healthz,
        summary="Is the process alive?",
        group=OPERATION,
        success=s.Alive,
        secret=False,
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=status.readyz,
        summary="Can another room be captioned? If not, why not",
        group=OPERATION,
        success=s.Readiness,
        answers={503: "Not now: `status` is the first reason, `checks` has the others."},
        secret=False,
    ),
    Route(method="GET", path="/metrics", handler=status.metrics, summary="Prometheus text format", group=OPERATION),
    Route(
        method="GET",
        path="/openapi.json",
        handler=reference.document,
        summary="This description",
        group=OPERATION,
        success=dict[str, Any],
        secret=False,
    ),
    Route(
        method="GET",
        path="/heartbeat",
        handler=appapi.heartbeat,
        summary="Is the app there?",
        group=APP,
        success=s.Heartbeat,
        secret=False,
    ),
    Route(
        method="POST",
        path="/init",
        handler=appapi.init,
        summary="Get ready; progress is reported to Nextcloud",
        group=APP,
        success=s.Empty,
    ),
    Route(
        method="GET",
        path="/enabled",
        handler=appapi.get_enabled,
        summary="Is the app enabled?",
        group=APP,
        success=s.EnabledState,
    ),
    Route(
        method="PUT",
        path="/enabled",
        handler=appapi.put_enabled,
        summary="The app was enabled or disabled; disabled, its bots leave their rooms",
        group=APP,
        query=s.EnabledQuery,
        success=s.EnabledSet,
    ),
    Route(
        method="GET",
        path="/capabilities",
        handler=appapi.capabilities,
        summary="What the app can do",
        group=APP,
        success=s.Capabilities,
    ),
)
