"""Errors → HTTP. The body always has `error`, which Talk shows to its log; wrong fields are listed in `detail`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bot import (
    BadLanguagePair,
    BotError,
    NoSuchRoom,
    NotATarget,
    NotReady,
    ProcessFull,
    RoomFailed,
    SecretRejected,
    TooManyTargets,
    TranslationUnsupported,
)
from pipeline import UnknownLanguage

from .bodies import MAX_BODY_BYTES, InvalidBody

log = logging.getLogger("roomscribe.api")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PATIENCE_S: Final = 60  # until something may have become free
FULL: Final = "full"  # the `status` of answers that say so
FAILED: Final = "Failed to process the request: the log has the reason."
PERMANENT: Final = 550  # what Talk reads as "do not try again"; HTTP has no name for it

#: Which status tells what; the first that fits.
STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (NoSuchRoom, 404),
    (BadLanguagePair, 400),
    (NotATarget, 412),
    (TranslationUnsupported, PERMANENT),
)
NOT_SERVED: Final = "no captions are being made in this room"
#: Statuses of HTTP itself that say more than their names.
PLAINER: Final = {
    404: "there is nothing here: /openapi.json lists what there is",
    408: "the body did not come in time",
    413: f"the body is larger than {MAX_BODY_BYTES // 1024} KiB",
}


class NoDefault(Exception):
    """No language was named, and the model does not know the one that would stand in."""

    component = "api.http"


def respond(code: int, error: str, **more: object) -> web.Response:
    reason = "Permanent Failure" if code == PERMANENT else None
    return web.json_response({"error": error, **more}, status=code, reason=reason)


def later(answer: web.Response, seconds: float) -> web.Response:
    """The same request may be answered otherwise then."""
    answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception into a JSON answer; only the unexpected ones are logged with their traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _of_http(error)
    except InvalidBody as error:
        return respond(422, str(error), detail=_detail(error))
    except NoDefault as error:
        return respond(400, str(error))
    except UnknownLanguage as error:
        return respond(400, f"langId: {error}")
    except TooManyTargets as error:
        return later(respond(429, str(error)), PATIENCE_S)
    except ProcessFull as error:
        return later(respond(503, str(error), status=FULL), PATIENCE_S)
    except SecretRejected as error:
        return later(respond(503, str(error), status="rejected"), PATIENCE_S)
    except RoomFailed as error:  # said once; the next request tries anew
        return later(respond(503, str(error), status="room_failed"), 1)
    except NotReady as error:
        return later(respond(503, str(error), status="not_ready"), 1)
    except BotError as error:
        code = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        if code == 500:
            log.error("request failed: %s", error)
            return respond(500, FAILED)
        return respond(code, str(error))
    except Exception:
        log.exception("request failed")
        return respond(500, FAILED)


def _of_http(error: web.HTTPException) -> web.Response:
    answer = respond(error.status, PLAINER.get(error.status, error.reason))
    error.with_traceback(None)  # the request holds that of an unknown path, and the traceback holds the request
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    if error.status in (408, 413):  # the rest of the body is not read
        answer.force_close()
    return answer


def _detail(error: InvalidBody) -> list[dict[str, object]]:
    return [
        {
            "loc": [problem.place, problem.field] if problem.field else [problem.place],
            "msg": problem.message,
            "type": problem.kind,
        }
        for problem in error.problems
    ]
