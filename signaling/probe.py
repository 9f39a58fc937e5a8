"""A start-up check: can we reach the signaling server, and does it accept our secret?"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import tenacity

from .client import SignalingClient
from .errors import AuthRejected, SignalingUnreachable
from .events import Event, SessionLost, SessionRejected, SessionStarted
from .session import SessionSettings


async def probe(http: aiohttp.ClientSession, settings: SessionSettings, *, tries: int = 2) -> None:
    """Greet the server and say goodbye.

    Raises `AuthRejected` at once when the credentials are refused, `SignalingUnreachable` after `tries` attempts.
    """
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(SignalingUnreachable),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=2.0),
        stop=tenacity.stop_after_attempt(tries),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            await _greet(http, replace(settings, room=""))


async def _greet(http: aiohttp.ClientSession, settings: SessionSettings) -> None:
    client = SignalingClient(http, settings)
    first: list[Event] = []
    heard = asyncio.Event()

    def handle(event: Event) -> None:
        if not first:
            first.append(event)
            heard.set()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(client.run(handle))
        await heard.wait()  # bounded: each state of the session has its own time limit
        await client.leave()
        running.cancel()
    match first[0]:
        case SessionStarted():
            return
        case SessionRejected(code=code, explanation=explanation):
            raise AuthRejected(code, explanation)
        case SessionLost(reason=reason):
            raise SignalingUnreachable(reason)
        case event:
            raise SignalingUnreachable(f"unexpected {type(event).__name__}")
