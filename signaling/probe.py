"""A start-up check: can we reach the signaling server, and does it accept our secret?"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import tenacity

from .client import SignalingClient
from .dial import dial
from .errors import AuthRejected, MalformedMessage, Obstacle, SignalingUnreachable
from .events import Event, SessionLost, SessionRejected, SessionStarted
from .messages import Welcome
from .session import SessionSettings
from .wire import parse

HANG_UP_S: Final = 1.0  # for the server to answer our close frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server said of itself when it took our hello."""

    version: str
    features: tuple[str, ...]


async def probe(http: aiohttp.ClientSession, settings: SessionSettings, *, tries: int = 2) -> Greeting:
    """Greet the server and say goodbye.

    Raises `AuthRejected` at once when the credentials are refused, `SignalingUnreachable` after `tries` attempts.
    """
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(SignalingUnreachable),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=2.0),
        stop=tenacity.stop_after_attempt(tries),
        reraise=True,
    )
    return await retrying(_greet, http, replace(settings, room=""))


async def hear_welcome(http: aiohttp.ClientSession, url: str, *, timeout_s: float) -> Welcome:
    """Open a connection, hear the server's welcome, and hang up. No hello is said, so there is nothing to refuse.

    Raises `SignalingUnreachable`, with what was in the way. `timeout_s` is for the connection, and for the welcome.
    """
    try:
        async with asyncio.timeout(timeout_s):
            websocket = await dial(http, url)
    except TimeoutError as error:
        raise SignalingUnreachable("no answer in time", Obstacle.SILENT) from error
    try:
        async with asyncio.timeout(timeout_s):
            frame = await websocket.receive()
        message = parse(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else None
    except (TimeoutError, MalformedMessage, ConnectionError):
        message = None
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANG_UP_S):
                await websocket.close()
    if not isinstance(message, Welcome):
        raise SignalingUnreachable("it takes websockets, but says no welcome", Obstacle.NO_WELCOME)
    return message


async def _greet(http: aiohttp.ClientSession, settings: SessionSettings) -> Greeting:
    client = SignalingClient(http, settings, says_losses=False)
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
        case SessionStarted(version=version, features=features):
            return Greeting(version=version, features=features)
        case SessionRejected(code=code, explanation=explanation):
            raise AuthRejected(code, explanation)
        case SessionLost(reason=reason):
            raise SignalingUnreachable(reason)
        case event:
            raise SignalingUnreachable(f"unexpected {type(event).__name__}")
