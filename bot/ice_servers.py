"""STUN and TURN servers, as Nextcloud Talk gives them to its own clients.

Source: Talk's OCS call `GET /ocs/v2.php/apps/spreed/api/v3/signaling/settings`, asked as an app (AppAPI's headers). Its
TURN credentials expire, so it is asked again before a subscription, but once for twenty that begin together.
Without them, or when the chat server does not answer, media goes the direct way.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import tenacity
from aiortc import RTCIceServer

log = logging.getLogger("roomscribe.bot.ice_servers")

PATH: Final = "/ocs/v2.php/apps/spreed/api/v3/signaling/settings"
FRESH_S: Final = 30.0  # answers are used for so long; Talk's credentials live for a day
TIMEOUT_S: Final = 3.0  # of all tries together: a subscription waits for it
TRIES: Final = 3
MAX_URLS: Final = 100
MAX_ANSWER_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatServerSettings:
    """`secret` is what AppAPI gave this app; empty: the chat server is not asked."""

    url: str = ""
    app_id: str = "live_transcription"
    app_version: str = "1.0.0"
    secret: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """What AppAPI lets an app in by, with each request to the chat server."""
        return {
            "OCS-APIRequest": "true",
            "Accept": "application/json",
            "AA-VERSION": "2.2.0",
            "EX-APP-ID": self.app_id,
            "EX-APP-VERSION": self.app_version,
            "AUTHORIZATION-APP-API": base64.b64encode(f":{self.secret}".encode()).decode(),
        }


class NotTold(Exception):
    """The chat server did not give its settings."""

    component = "bot.ice_servers"


class IceServers:
    """One for the process. `servers` answers from what was told last while that is fresh."""

    def __init__(self, http: aiohttp.ClientSession, settings: ChatServerSettings) -> None:
        self._http = http
        self._settings = settings
        self._known: tuple[RTCIceServer, ...] = ()
        self._asked_at: float | None = None
        self._turn = asyncio.Lock()

    async def servers(self) -> tuple[RTCIceServer, ...]:
        """At most one STUN and one TURN server: aiortc uses no more. Never raises, and takes at most `TIMEOUT_S`."""
        if not self._settings.secret:
            return ()
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._asked_at is None or now - self._asked_at > FRESH_S:
                self._asked_at = now
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        self._known = choose(await self._ask())
                except (NotTold, TimeoutError, aiohttp.ClientError, OSError) as error:
                    log.warning(
                        "the chat server (ROOMSCRIBE_NEXTCLOUD_URL) did not tell its STUN and TURN servers (%s): %s",
                        str(error) if isinstance(error, NotTold) else type(error).__name__,
                        "going on with the last ones" if self._known else "media must come the direct way",
                    )
            return self._known

    async def listed(self) -> tuple[tuple[RTCIceServer, ...], tuple[RTCIceServer, ...]]:
        """Everything that the chat server tells now, one a URL; and what `servers` would say. Raises `NotTold`."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                settings = await self._ask()
        except (aiohttp.ClientError, OSError) as error:  # a `TimeoutError` is one
            raise NotTold(plainly(error)) from error
        return everything(settings), choose(settings)

    async def _ask(self) -> Mapping[str, Any]:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((aiohttp.ClientError, OSError)),
            wait=tenacity.wait_random_exponential(0.1, max=1.0),
            stop=tenacity.stop_after_attempt(TRIES),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._ask_once()
        raise NotTold("no try was made")

    async def _ask_once(self) -> Mapping[str, Any]:
        settings = self._settings
        async with self._http.get(settings.url.rstrip("/") + PATH, headers=settings.headers()) as response:
            if response.status in (401, 403):
                raise NotTold(f"status {response.status}: is ROOMSCRIBE_APP_SECRET the one AppAPI gave this app?")
            if response.status != 200:
                raise NotTold(f"status {response.status}")
            try:
                data = json.loads(await response.content.read(MAX_ANSWER_BYTES))["ocs"]["data"]
            except (ValueError, KeyError, TypeError) as error:
                raise NotTold("the answer is not what Talk would say") from error
            if not isinstance(data, dict):
                raise NotTold("the answer is not what Talk would say")
            return data


def choose(settings: Mapping[str, Any]) -> tuple[RTCIceServer, ...]:
    """The best STUN and the best TURN URL of Talk's settings: UDP before TCP before TLS, in the order they came."""
    stun = [url for url, _ in _urls(settings.get("stunservers")) if url.startswith("stun:")]
    turn = [(url, server) for url, server in _urls(settings.get("turnservers")) if _rank(url) is not None]
    chosen = [RTCIceServer(urls=stun[0])] if stun else []
    if turn:
        url, server = min(turn, key=lambda each: _rank(each[0]) or 0)
        chosen.append(_with_credentials(url, server))
    return tuple(chosen)


def everything(settings: Mapping[str, Any]) -> tuple[RTCIceServer, ...]:
    """Every STUN and TURN URL of Talk's settings, those that are no good as well, in the order they came."""
    stun = [RTCIceServer(urls=url) for url, _ in _urls(settings.get("stunservers"))]
    return (*stun, *(_with_credentials(url, server) for url, server in _urls(settings.get("turnservers"))))


def plainly(error: Exception) -> str:
    """Why a request went wrong, for people and without addresses."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted here"
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS as we do"
        case TimeoutError():
            return "no answer in time"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return type(error).__name__


def _with_credentials(url: str, server: Mapping[str, Any]) -> RTCIceServer:
    username, credential = str(server.get("username", "")), str(server.get("credential", ""))
    return RTCIceServer(urls=url, username=username, credential=credential)


def _urls(servers: object) -> Iterable[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for server in servers if isinstance(servers, list) else ():
        urls = server.get("urls") if isinstance(server, dict) else None
        if isinstance(urls, str):
            urls = [urls]
        found += [(url, server) for url in (urls if isinstance(urls, list) else ()) if isinstance(url, str)]
    return found[:MAX_URLS]


def _rank(url: str) -> int | None:
    """Lower is better; None: aiortc cannot use it."""
    scheme, _, rest = url.partition(":")
    transport = rest.partition("transport=")[2] or ("tcp" if scheme == "turns" else "udp")
    return {("turn", "udp"): 0, ("turn", "tcp"): 1, ("turns", "tcp"): 2}.get((scheme, transport))
