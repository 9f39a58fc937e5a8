"""How it is: alive, ready, which rooms there are, and the metrics. No answer holds words, names or sessions."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot import NoSuchRoom, RoomFailed, RoomStatus, Supervisor
from bot.log_context import room_id
from pipeline import Engine, EngineState

from .keys import DOCUMENT, LIFE, SUPERVISOR
from .problems import FULL, NOT_SERVED, PATIENCE_S, later, respond

MODEL_RETRY_S: Final = 2  # while the model is being loaded
SIGNALING_RETRY_S: Final = 5
MAX_LISTED: Final = 500  # rooms in one answer
LOADING: Final = "loading"
#: The reason itself may have paths, which are nobody's business.
NO_MODEL: Final = (
    "the model (ROOMSCRIBE_MODEL) cannot be had: the log has the reason, and `roomscribe doctor` tells it too"
)
OK: Final = "ok"


def model_state(engine: Engine) -> str:
    return LOADING if engine.state is EngineState.STARTING else engine.state.value


async def healthz(request: web.Request) -> web.Response:
    """200 as long as the process answers: what else may be wrong, a restart would only cost captions."""
    now = asyncio.get_running_loop().time()
    uptime_s = round(now - request.app[LIFE].since, 1)
    return web.json_response(
        {"status": OK, "version": request.app[DOCUMENT]["info"]["version"], "uptimeSeconds": uptime_s}
    )


async def readyz(request: web.Request) -> web.Response:
    """200 when another room can be captioned; else 503 with every reason, the first of which is the `status`."""
    supervisor = request.app[SUPERVISOR]
    checks, error, status, retry_s = _checks(supervisor, enabled=request.app[LIFE].enabled)
    more: dict[str, Any] = {"model": model_state(supervisor.engine), "rooms": len(supervisor.rooms), "checks": checks}
    if status == OK:
        return web.json_response({"status": OK, **more})
    if used_up := supervisor.full:
        more["full"] = [bound.value for bound in used_up]
    return later(respond(503, error, status=status, **more), retry_s)


def _checks(supervisor: Supervisor, *, enabled: bool) -> tuple[dict[str, str], str, str, float]:
    """Each part's state, all problems in words, the first one's name, and when to ask again."""
    engine = supervisor.engine
    found: list[tuple[str, str, str, float]] = []  # part, name of the problem, in words, when to ask again
    if supervisor.stopping:
        found.append(("process", "stopping", "roomscribe is shutting down", PATIENCE_S))
    if engine.state is EngineState.FAILED:
        found.append(("model", "failed", NO_MODEL, PATIENCE_S))
    elif engine.state is not EngineState.READY:
        found.append(("model", model_state(engine), f"the model is {model_state(engine)}", MODEL_RETRY_S))
    if supervisor.rejected is not None:
        found.append(("signaling", "rejected", str(supervisor.rejected), PATIENCE_S))
    elif (problem := supervisor.signaling_problem) is not None:
        words = f"the signaling server (ROOMSCRIBE_HPB_URL) cannot be reached: {problem}"
        found.append(("signaling", "unreachable", words, SIGNALING_RETRY_S))
    if used_up := supervisor.full:
        found.append(("capacity", FULL, "; ".join(used_up.values()), PATIENCE_S))
    if not enabled:
        found.append(("enabled", "disabled", "this app is disabled in Nextcloud", PATIENCE_S))
    checks = dict.fromkeys(("model", "signaling", "capacity", "enabled"), OK)
    checks |= {part: name for part, name, _, _ in found}
    if not found:
        return checks, "", OK, 0
    return checks, "; ".join(words for _, _, words, _ in found), found[0][1], found[0][3]


async def rooms(request: web.Request) -> web.Response:
    supervisor = request.app[SUPERVISOR]
    now = asyncio.get_running_loop().time()
    first = itertools.islice(supervisor.rooms.items(), MAX_LISTED)
    listed = [_view(token, bot.status(now), supervisor) for token, bot in first]
    return web.json_response({"rooms": listed, "more": len(supervisor.rooms) - len(listed)})


async def room(request: web.Request) -> web.Response:
    """One that failed within the last minute is told of, too. Raises `NoSuchRoom`."""
    supervisor = request.app[SUPERVISOR]
    token = request.match_info["token"]
    if (bot := supervisor.rooms.get(token)) is not None:
        return web.json_response(_view(token, bot.status(asyncio.get_running_loop().time()), supervisor))
    if (failure := supervisor.failure(token)) is not None:
        return web.json_response(_failed(token, failure))
    raise NoSuchRoom(NOT_SERVED, room=token)


def _view(token: str, status: RoomStatus, supervisor: Supervisor) -> dict[str, Any]:
    step = supervisor.engine.ladder.step
    return {
        "roomToken": token,
        "logId": room_id(token),
        "state": status.state,
        "connected": status.connected,
        "language": status.language_id,
        "speakers": status.speakers_heard,
        "waiting": status.speakers_waiting,
        "targets": status.targets,
        "translated": status.translation_targets,
        "captions": status.captions_sent,
        "dropped": status.captions_dropped,
        "latency": {"p50": _rounded(status.latency_p50_s), "p95": _rounded(status.latency_p95_s)},
        "degradation": step.name.lower() if step else "none",
        "lastError": status.last_error,
        "sinceSeconds": round(status.since_s, 1),
    }


def _failed(token: str, failure: RoomFailed) -> dict[str, Any]:
    nothing = dict.fromkeys(("speakers", "waiting", "targets", "translated", "captions", "dropped"), 0)
    return {
        "roomToken": token,
        "logId": room_id(token),
        "state": "failed",
        "connected": False,
        "language": "",
        **nothing,
        "latency": {"p50": None, "p95": None},
        "degradation": "none",
        "lastError": str(failure),
        "sinceSeconds": 0.0,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text format."""
    body = await request.app[SUPERVISOR].metrics.render()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
