"""Errors → HTTP. The body always has `error`, which Talk shows to its log; wrong fields are listed in `detail`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bot import BotError, NoSuchRoom, NotReady, ProcessFull, RoomFailed, TooManyTargets
from pipeline import UnknownLanguage

from .schemas import InvalidBody

log = logging.getLogger("roomscribe.api")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PATIENCE_S: Final = 60  # until something may have become free
FULL: Final = "full"  # the `status` of answers that say so
FAILED = "Failed to process transcription or translation request."


class TranslationUnsupported(Exception):
    """This server does not translate. Talk reads status 550 as "do not try again"."""

    component = "api"


def respond(code: int, error: str, **more: object) -> web.Response:
    reason = "Permanent Failure" if code == 550 else None
    return web.json_response({"error": error, **more}, status=code, reason=reason)


def later(answer: web.Response, seconds: int) -> web.Response:
    """The same request may be answered otherwise then."""
    answer.headers["Retry-After"] = str(seconds)
    return answer


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception into a JSON answer; only the unexpected ones are logged with their traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return respond(error.status, error.reason)
    except InvalidBody as error:
        detail = [
            {
                "loc": ["body", problem.field] if problem.field else ["body"],
                "msg": problem.message,
                "type": problem.kind,
            }
            for problem in error.problems
        ]
        return respond(422, str(error), detail=detail)
    except UnknownLanguage as error:
        return respond(400, f"langId: {error}")
    except TranslationUnsupported as error:
        return respond(550, f"translationTargetLangId: {error}")
    except NoSuchRoom as error:
        return respond(404, str(error))
    except TooManyTargets as error:
        return later(respond(429, str(error)), PATIENCE_S)
    except ProcessFull as error:
        return later(respond(503, str(error), status=FULL), PATIENCE_S)
    except (NotReady, RoomFailed) as error:
        return respond(503, str(error))
    except BotError as error:
        log.error("request failed: %s", error)
        return respond(500, FAILED)
    except Exception:
        log.exception("request failed")
        return respond(500, FAILED)
