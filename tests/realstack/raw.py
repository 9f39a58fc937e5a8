"""A client of HPB that says whatever a test wants it to say."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import aiohttp

from signaling import InternalCredentials, signaling_url
from tests.support.meeting import PATIENCE_S


class RawClient:
    """`hello` is the answer to ours; what else came in is in `received`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.session_id = ""

    async def say(self, message: dict) -> None:
        await self._socket.send_json(message)

    async def hears(self, kind: str, **fields) -> dict:
        """Wait for a message of this type; `fields` narrow it down."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self._socket.receive_json()
                if message["type"] == kind and fields.items() <= message.items():
                    return message

    async def greets_as_internal(self, credentials: InternalCredentials) -> dict:
        """Say hello and return the answer, welcome or not."""
        auth = credentials.hello_auth(secrets.token_urlsafe(48))
        hello = {"version": "1.0", "auth": auth, "features": ["internal-incall"]}
        await self.say({"id": "hello", "type": "hello", "hello": hello})
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self._socket.receive_json()).get("id") != "hello":
                pass
        self.session_id = answer.get("hello", {}).get("sessionid", "")
        return answer


@asynccontextmanager
async def raw_client(stack):
    async with aiohttp.ClientSession() as http, http.ws_connect(signaling_url(stack.url)) as socket:
        yield RawClient(socket)
