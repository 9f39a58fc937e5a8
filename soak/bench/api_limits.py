"""One caller who asks too often, and one who connects too often, against the limits that a service has by default."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from .api_service import ServiceProcess
from .hostile_answers import answers
from .hostile_attack import head
from .hostile_connection import LOOPBACK, Connection, connect, exchange

ASKED: Final = 600  # as fast as they are answered
PARALLEL: Final = 20
CONNECTED: Final = 700  # more than ROOMSCRIBE_MAX_CONNECTIONS
ANSWER_S: Final = 10.0
SETTLE_S: Final = 1.0  # in which connections that are too many are closed


async def measure_limits(service: ServiceProcess) -> dict[str, Any]:
    """How many requests and connections were turned away, and whether the service was there for others afterwards."""
    return {**await _ask_often(service), **await _connect_often(service), "alive_after": await service.is_alive()}


async def _ask_often(service: ServiceProcess) -> dict[str, int]:
    headers = [("Host", LOOPBACK), ("Connection", "close"), ("Authorization", f"Bearer {service.secret}")]
    sent = head("GET", "/api/v1/languages", headers)
    told = {"asked": ASKED, "limited_429": 0, "limited_without_retry_after": 0, "limited_unexpected": 0}
    left = iter(range(ASKED))

    async def ask() -> None:
        for _ in left:
            given = []
            with contextlib.suppress(OSError):
                given = list(answers(await exchange(service.port, sent, ANSWER_S)))
            status = given[0].status if given else 0
            if status == 429:
                told["limited_429"] += 1
                told["limited_without_retry_after"] += b"\r\nretry-after:" not in given[0].head.lower()
            elif status not in (200, 503):
                told["limited_unexpected"] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(PARALLEL):
            tasks.create_task(ask())
    return told


async def _connect_often(service: ServiceProcess) -> dict[str, int]:
    """Connections that say nothing."""
    held: list[Connection] = []
    try:
        for _ in range(CONNECTED):
            with contextlib.suppress(OSError):
                held.append(await connect(service.port, SETTLE_S))
        await asyncio.sleep(SETTLE_S)
        kept = sum(not each.closed.is_set() for each in held)
    finally:
        for each in held:
            await each.close(reset=True)
    return {"connected": CONNECTED, "connections_kept": kept}
