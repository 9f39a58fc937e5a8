"""The chat server of the demo: the part that Nextcloud plays in production.

It admits people to the one demo room, keeps who is in the call, and asks roomscribe for captions over HTTP, as Talk
does. The page talks to it under `/demo/`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final

import aiohttp
import tenacity
from aiohttp import web
from pydantic import Field, StringConstraints

from api.http.bodies import parse
from api.http.schemas import TEXT, Body, Session
from api.http.status import LOADING
from pipeline import EngineState
from signaling import TicketCredentials, signaling_url
from signaling.embedded import EmbeddedServer

ROOM: Final = "demo"
ROOM_NAME: Final = "The demo room"
LANGUAGE: Final = "en"
BACKEND: Final = "http://localhost/demo"
MAX_NAME: Final = 100
NO_GUEST: Final = "ncSessionId: not a participant of the demo room"
MAX_GUESTS: Final = 20  # people on the page; the one who came first makes room
ENABLE_TIMEOUT_S: Final = 120.0
MODEL_IS_COMING: Final = {LOADING, EngineState.RESTARTING.value}


class JoinRequest(Body):
    """Somebody opened the page."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=TEXT)]


class CallRequest(Body):
    """Somebody joined or left the call."""

    nc_session_id: Session = Field(alias="ncSessionId", repr=False)
    in_call: Annotated[int, Field(alias="inCall", ge=0, le=15)]


class CaptionsRequest(Body):
    """Somebody turned captions on or off."""

    nc_session_id: Session = Field(alias="ncSessionId", repr=False)
    enable: bool = True


class CaptionsRefused(Exception):
    """roomscribe did not accept the request for captions."""

    component = "soak.demo"


class _NotYet(Exception):
    """The model is still being loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    nextcloud_session_id: str
    credentials: TicketCredentials
    signaling_url: str


class ChatServer:
    """`api_url` and `api_secret` are set once the API listens."""

    def __init__(self, signaling: EmbeddedServer, http: aiohttp.ClientSession) -> None:
        self._signaling = signaling
        self._http = http
        self._guests: dict[str, str] = {}  # Nextcloud session id → name; ≤ MAX_GUESTS
        self.api_url = ""
        self.api_secret = ""

    def admit(self, name: str) -> Admission:
        """A new participant: its Nextcloud session id and its ticket for the signaling server."""
        session = secrets.token_urlsafe(32)
        ticket = self._signaling.issue_ticket(user_id=f"guest-{secrets.token_hex(4)}", display_name=name)
        return Admission(
            nextcloud_session_id=session,
            credentials=TicketCredentials(ticket=ticket, backend=BACKEND),
            signaling_url=signaling_url(self._signaling.url),
        )

    def call(self, nextcloud_session_id: str, flags: int) -> None:
        """The participant joined or left the call, with or without a microphone."""
        self._signaling.set_in_call(ROOM, nextcloud_session_id=nextcloud_session_id, flags=flags)

    async def captions(self, nextcloud_session_id: str, enable: bool) -> tuple[int, dict[str, Any]]:
        """Ask roomscribe, over HTTP. Returns its status and body."""
        headers = {"Authorization": f"Bearer {self.api_secret}"} if self.api_secret else {}
        body = {"roomToken": ROOM, "ncSessionId": nextcloud_session_id, "enable": enable, "langId": LANGUAGE}
        url = f"{self.api_url}/api/v1/call/transcribe"
        async with self._http.post(url, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def enable_captions(self, nextcloud_session_id: str) -> None:
        """As `captions`, again and again while the model is being loaded. Raises `CaptionsRefused`."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_NotYet),
            wait=tenacity.wait_fixed(0.2),
            stop=tenacity.stop_after_delay(ENABLE_TIMEOUT_S),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                status, answer = await self.captions(nextcloud_session_id, True)
                if status == 503 and answer.get("status") in MODEL_IS_COMING:
                    raise _NotYet(str(answer.get("error")))
                if status != 200:
                    raise CaptionsRefused(f"{status}: {answer.get('error')}")

    def add_routes(self, app: web.Application) -> None:
        """What the page calls."""
        app.router.add_get("/demo/config", self._config)
        app.router.add_post("/demo/join", self._join)
        app.router.add_post("/demo/call", self._call)
        app.router.add_post("/demo/captions", self._captions)

    async def _config(self, _: web.Request) -> web.Response:
        return web.json_response({"roomName": ROOM_NAME, "language": LANGUAGE})

    async def _join(self, request: web.Request) -> web.Response:
        name = parse(JoinRequest, await request.read()).name.strip()
        if len(self._guests) >= MAX_GUESTS:  # pages that were closed without a goodbye are among them
            oldest = next(iter(self._guests))
            del self._guests[oldest]
            self.call(oldest, 0)
        admission = self.admit(name)
        self._guests[admission.nextcloud_session_id] = name
        return web.json_response(
            {
                "roomToken": ROOM,
                "ncSessionId": admission.nextcloud_session_id,
                "ticket": admission.credentials.ticket,
                "signalingUrl": admission.signaling_url,
                "backendUrl": BACKEND,
            }
        )

    async def _call(self, request: web.Request) -> web.Response:
        wanted = parse(CallRequest, await request.read())
        session, flags = wanted.nc_session_id, wanted.in_call
        if session not in self._guests:
            return _refuse(404, NO_GUEST)
        self.call(session, flags)
        if flags == 0:
            self._guests.pop(session, None)
        return web.json_response({})

    async def _captions(self, request: web.Request) -> web.Response:
        wanted = parse(CaptionsRequest, await request.read())
        session, enable = wanted.nc_session_id, wanted.enable
        if session not in self._guests:
            return _refuse(404, NO_GUEST)
        status, answer = await self.captions(session, enable)
        return web.json_response(answer, status=status)


def _refuse(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
