"""The running product, and a client that calls it as a chat server does."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp

from api import HttpSettings, Settings, running
from bot import LOOPBACK, AdmissionSettings, ChatServerSettings, RoomSettings, SignalingSettings
from signaling import InternalCredentials, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings

SECRET, BACKEND = "the internal secret of the test server", "http://chat.test"
TRANSCRIBE = "/api/v1/call/transcribe"
SET_LANGUAGE = "/api/v1/call/set-language"
LEAVE = "/api/v1/call/leave"
SET_TRANSLATION = "/api/v1/translation/set-target-language"
TALK = {"roomToken": "abc123", "ncSessionId": "nc-1", "enable": True}


APP_SECRET = "the secret that AppAPI gave"


def app_api_settings(url="http://127.0.0.1:9"):
    """As if AppAPI had started us; `url` is Nextcloud's."""
    return ChatServerSettings(url=url, app_id="live_transcription", app_version="1.0.0", secret=APP_SECRET)


def app_api_headers(secret=APP_SECRET, *, user="", **changed):
    """What AppAPI sends with each request."""
    shown = base64.b64encode(f"{user}:{secret}".encode()).decode()
    headers = {"AA-VERSION": "5.0.0", "EX-APP-ID": "live_transcription", "EX-APP-VERSION": "1.0.0"}
    return {**headers, "AUTHORIZATION-APP-API": shown, **changed}


class Api:
    """An HTTP client of the running product. `retry_after` and `headers` are of the last answer."""

    def __init__(self, service, signaling, http):
        self.service = service
        self.signaling = signaling
        self.retry_after = None
        self.headers = {}
        self._http = http

    @property
    def supervisor(self):
        return self.service.supervisor

    async def post(self, body, path=TRANSCRIBE, **headers):
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        status, text = await self.ask("POST", path, data=data, headers={"Content-Type": "application/json", **headers})
        return status, json.loads(text)

    async def get(self, path, **headers):
        return await self.ask("GET", path, headers=headers)

    async def read(self, path, **headers):
        """As `get`, of JSON."""
        status, text = await self.get(path, **headers)
        return status, json.loads(text)

    async def ask(self, method, path, **more):
        async with self._http.request(method, f"{self.service.url}{path}", **more) as response:
            self.headers = response.headers
            self.retry_after = response.headers.get("Retry-After")
            return response.status, await response.text()


@asynccontextmanager
async def serving(
    engine,
    *,
    wait=True,
    hpb_url=None,
    http=None,
    chat_server=None,
    rooms=None,
    **admission,
):
    """The product on loopback, with the embedded signaling server. `rooms` are changes of `RoomSettings`."""
    async with (
        EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as server,
        aiohttp.ClientSession() as client,
    ):
        room_settings = RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(hpb_url or server.url),
                credentials=InternalCredentials(secret=SECRET, backend=BACKEND),
            ),
            addresses=LOOPBACK,
            chat_server=chat_server or ChatServerSettings(),
            admission=AdmissionSettings(**admission),
        )
        settings = Settings(
            http=replace(http or HttpSettings(), port=0),
            rooms=replace(room_settings, **(rooms or {})),
            engine=engine,
        )
        async with running(settings) as service:
            if wait:
                await service.supervisor.engine.wait_ready()
            yield Api(service, server, client)
