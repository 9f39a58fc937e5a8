"""A stand-in for the chat server: what HPB asks of Nextcloud Talk, and what Talk tells HPB. The one fake of the stack.

Source: nextcloud-spreed-signaling, "backend" of `standalone-signaling-api-v1`, and Talk's BackendNotifier.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

PERMISSIONS: Final = ("publish-audio", "publish-video", "publish-screen", "publish-media", "transient-data")
PATH: Final = "/ocs/v2.php/apps/spreed/api/v3/signaling"
TURN_CREDENTIALS_LIVE_S: Final = 60
MAX_TICKETS: Final = 50_000  # the oldest makes room: its holder cannot say hello anew, and has left long ago
MAX_ROOMS: Final = 2000  # likewise, the one that was made first
FEATURES: Final = ["signaling-v3"]


class NotTold(Exception):
    """HPB did not take what the chat server told it."""

    component = "soak.stack"


@dataclass(slots=True, kw_only=True)
class _Seat:
    """Somebody in a room, as Nextcloud knows them."""

    user_id: str
    flags: int = 0


@dataclass(slots=True, kw_only=True)
class _Room:
    seats: dict[str, _Seat] = field(default_factory=dict)  # by Nextcloud session id
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)  # HPB drops updates that overtake each other


class Nextcloud:
    """An async context manager. `hpb_url` is where HPB listens; `secret` is shared with it."""

    def __init__(self, *, port: int, hpb_url: str, secret: str) -> None:
        self._port = port
        self._hpb_url = hpb_url
        self._secret = secret.encode()
        self._tickets: dict[str, tuple[str, str]] = {}  # ticket → user id, display name; ≤ MAX_TICKETS
        self._rooms: dict[str, _Room] = {}  # by token; ≤ MAX_ROOMS
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None
        self.joins: dict[str, int] = {}  # by token: how often HPB asked for somebody to be let in; ≤ MAX_ROOMS
        self.app_secret = secrets.token_hex(16)  # as AppAPI would have given it to us
        self.stun_urls: tuple[str, ...] = ()
        self.turn_urls: tuple[str, ...] = ()
        self.turn_secret = ""  # shared with the TURN server
        self.refusal: str | None = None  # an error code with which every question of HPB is answered

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def signaling_backend(self) -> str:
        """Where HPB asks; Talk's clients give it in their hello."""
        return f"{self.url}{PATH}/backend"

    async def __aenter__(self) -> Nextcloud:
        app = web.Application()
        app.router.add_get("/ocs/v2.php/cloud/capabilities", self._capabilities)
        app.router.add_post(f"{PATH}/backend", self._asked)
        app.router.add_get(f"{PATH}/settings", self._settings)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def issue_ticket(self, *, user_id: str, display_name: str) -> str:
        """A ticket for one hello of an ordinary participant."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = (user_id, display_name)
        _make_room(self._tickets, MAX_TICKETS)
        return ticket

    # What Talk tells HPB.

    async def set_in_call(self, room: str, *, nextcloud_session_id: str, flags: int, user_id: str = "") -> None:
        """Somebody joined or left the call, or changed what they publish."""
        known = self._rooms.setdefault(room, _Room())
        _make_room(self._rooms, MAX_ROOMS)
        seat = known.seats.setdefault(nextcloud_session_id, _Seat(user_id=user_id))
        async with known.telling:
            seat.flags = flags
            users = [_entry(session, each) for session, each in known.seats.items() if each.flags]
            changed = [{**_entry(nextcloud_session_id, seat), "permissions": list(PERMISSIONS)}]
            await self.tell(room, {"type": "incall", "incall": {"incall": flags, "changed": changed, "users": users}})

    async def end_call(self, room: str) -> None:
        """The call is ended for everyone."""
        for seat in self._rooms.get(room, _Room()).seats.values():
            seat.flags = 0
        await self.tell(room, {"type": "incall", "incall": {"incall": 0, "all": True}})

    async def tell(self, room: str, message: Mapping[str, Any]) -> None:
        """Any request of Talk to HPB. Raises `NotTold`."""
        body = json.dumps(message).encode()
        nonce = secrets.token_hex(32)
        headers = {
            "Content-Type": "application/json",
            "Spreed-Signaling-Random": nonce,
            "Spreed-Signaling-Checksum": hmac.new(self._secret, nonce.encode() + body, hashlib.sha256).hexdigest(),
            "Spreed-Signaling-Backend": f"{self.url}/",
        }
        if self._http is None:
            raise NotTold("the stand-in for the chat server is not running")
        async with self._http.post(f"{self._hpb_url}/api/v1/room/{room}", data=body, headers=headers) as response:
            if response.status != 200:
                raise NotTold(f"{response.status}: {await response.text()}")

    def forget(self, room: str, nextcloud_session_id: str) -> None:
        """The session has ended."""
        self._rooms.get(room, _Room()).seats.pop(nextcloud_session_id, None)

    # What HPB asks.

    async def _capabilities(self, _: web.Request) -> web.Response:
        return _ocs({"version": {"major": 33}, "capabilities": {"spreed": {"features": FEATURES, "config": {}}}})

    async def _settings(self, request: web.Request) -> web.Response:
        """Talk's STUN and TURN servers, for an app that shows its secret. The credentials expire (TURN REST API)."""
        shown = base64.b64decode(request.headers.get("AUTHORIZATION-APP-API", "")).decode().partition(":")[2]
        if shown != self.app_secret:
            return web.json_response({"ocs": {"meta": {"statuscode": 401}, "data": []}}, status=401)
        username = f"{int(time.time() + TURN_CREDENTIALS_LIVE_S)}:roomscribe"
        digest = hmac.new(self.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        stun = [{"urls": [url]} for url in self.stun_urls]
        turn = [
            {"urls": [url], "username": username, "credential": base64.b64encode(digest).decode()}
            for url in self.turn_urls
        ]
        return _ocs({"server": self._hpb_url, "stunservers": stun, "turnservers": turn})

    async def _asked(self, request: web.Request) -> web.Response:
        body = await request.read()
        nonce = request.headers.get("Spreed-Signaling-Random", "")
        checksum = hmac.new(self._secret, nonce.encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(checksum, request.headers.get("Spreed-Signaling-Checksum", "")):
            return _error("invalid_request")
        if self.refusal is not None:
            return _error(self.refusal)
        question = json.loads(body)
        match question["type"]:
            case "auth":
                return self._auth(question["auth"]["params"])
            case "room":
                return self._room(question["room"])
            case "ping":
                room = question["ping"].get("roomid", "")
                return _ocs({"type": "room", "room": {"version": "1.0", "roomid": room}})
            case _:
                return _error("invalid_request")

    def _auth(self, params: Mapping[str, str]) -> web.Response:
        user = self._tickets.get(params.get("ticket", ""))
        if user is None:
            return _error("invalid_ticket")
        user_id, name = user
        auth = {"version": "1.0", "userid": user_id, "user": {"displayname": name}}
        return _ocs({"type": "auth", "auth": auth})

    def _room(self, room: Mapping[str, Any]) -> web.Response:
        token = room["roomid"]
        if room.get("action") == "leave":
            self.forget(token, room.get("sessionid", ""))
        else:
            self.joins[token] = self.joins.get(token, 0) + 1
            _make_room(self.joins, MAX_ROOMS)
        answer = {"version": "1.0", "roomid": token, "properties": {}, "permissions": list(PERMISSIONS)}
        return _ocs({"type": "room", "room": answer})


def _make_room(known: dict[str, Any], most: int) -> None:
    while len(known) > most:
        del known[next(iter(known))]


def _entry(session: str, seat: _Seat) -> dict[str, Any]:
    return {
        "inCall": seat.flags,
        "lastPing": int(time.time()),
        "sessionId": session,
        "nextcloudSessionId": session,
        "participantType": 3,
        "participantPermissions": 254,
        "actorType": "users",
        "actorId": seat.user_id,
        "userId": seat.user_id,
    }


def _ocs(data: Mapping[str, Any]) -> web.Response:
    return web.json_response({"ocs": {"meta": {"status": "ok", "statuscode": 200, "message": "OK"}, "data": data}})


def _error(code: str) -> web.Response:
    return _ocs({"type": "error", "error": {"code": code, "message": code}})
