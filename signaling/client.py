"""The websocket shell around `Session`: one loop, no queue, no second task.

`run` executes the session's commands in order and feeds it one input at a time. Other tasks of the owner may
call `send` and `leave` while it runs; the websocket serialises their frames.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import aiohttp

from .cork import corked
from .dial import dial
from .errors import MalformedMessage, MessageTooLarge, SignalingUnreachable
from .events import Event, RoomEntered, SessionLost, SessionResumed, SessionStarted
from .messages import MAX_MESSAGE_BYTES, ClientMessage
from .session import Command, Dial, Emit, Hangup, Send, Session, SessionSettings, State, Wake
from .wire import encode, parse

log = logging.getLogger("roomscribe.signaling")

SEND_TIMEOUT_S: Final = 10.0  # a link that took nothing for so long is dead: hung up, and resumed
CLOSE_TIMEOUT_S: Final = 1.0

_CLOSED_KINDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


class SignalingClient:
    """One session with one signaling server. Drive it with `run`; it ends by `leave`, rejection or cancellation.

    `says_losses` False: an outage is for the owner to log.
    """

    def __init__(self, http: aiohttp.ClientSession, settings: SessionSettings, *, says_losses: bool = True) -> None:
        self._http = http
        self._says_losses = says_losses
        self._settings = settings
        self._session = Session(settings, nonce=lambda: secrets.token_urlsafe(48), uniform=random.uniform)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._alarm: float | None = None
        self._left = asyncio.Event()
        self._malformed_seen = False
        self._told = ""  # the reason of the outage as last logged: while it stays the same, once is enough
        self.ready = asyncio.Event()  # set while messages can be sent
        self.connection = 0  # which connection that is, counted from 1

    @property
    def session_id(self) -> str:
        return self._session.session_id

    async def run(self, handle: Callable[[Event], None]) -> None:
        """Keep the session alive and hand over its events. `handle` must not block and must not raise."""
        clock = asyncio.get_running_loop().time
        try:
            await self._execute(self._session.start(now=clock()), handle)
            while self._session.state is not State.CLOSED:
                await self._execute(await self._next_input(), handle)
        finally:
            self.ready.clear()
            await self._hang_up()

    async def send(self, message: ClientMessage) -> bool:
        """Send to another session. False: there is no connection now; wait for `ready`, which is then not set.

        Raises `MessageTooLarge`, which waiting does not mend.
        """
        if not self.ready.is_set():
            return False
        return await self._write(encode(message))

    def together(self) -> AbstractContextManager[None]:
        """What is sent in this block travels together (`signaling.cork`)."""
        return corked(self._socket)

    async def leave(self) -> None:
        """Say goodbye; `run` then returns."""
        for command in self._session.shutdown():
            if isinstance(command, Send):
                await self._write(command.message)
            elif isinstance(command, Hangup):
                await self._hang_up()
        self.ready.clear()
        self._left.set()

    async def abandon(self) -> None:
        """Go without a goodbye: the server keeps the session, as after a broken connection. `run` returns."""
        self._session.shutdown()
        await self._hang_up()
        self._left.set()

    async def _execute(self, commands: Sequence[Command], handle: Callable[[Event], None]) -> None:
        clock = asyncio.get_running_loop().time
        waiting = deque(commands)
        while waiting:
            match waiting.popleft():
                case Dial():
                    waiting.extend(await self._dial())
                case Send(message):
                    if not await self._write(message):
                        waiting.extend(self._session.lost("sending failed", now=clock()))
                case Hangup():
                    await self._hang_up()
                case Wake(at):
                    self._alarm = at
                case Emit(event):
                    self._note(event)
                    handle(event)

    async def _dial(self) -> list[Command]:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._settings.answer_timeout_s):
                self._socket = await dial(self._http, self._settings.url)
        except TimeoutError:
            return self._session.lost("no connection to the signaling server (no answer in time)", now=clock())
        except SignalingUnreachable as error:
            return self._session.lost(f"no connection to the signaling server ({error})", now=clock())
        return self._session.opened(now=clock())

    async def _next_input(self) -> list[Command]:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(self._alarm):
                if self._socket is None:
                    await self._left.wait()
                    return []
                frame = await self._socket.receive()
        except TimeoutError:
            self._alarm = None
            return self._session.woke(now=clock())
        except ConnectionError:  # aiohttp answers pings while it receives, on a connection that may just have gone
            return self._session.lost("the connection to the signaling server broke", now=clock())
        if frame.type is aiohttp.WSMsgType.TEXT:
            try:
                return self._session.received(parse(frame.data), now=clock())
            except MalformedMessage as error:
                if not self._malformed_seen:  # once a session: a broken server must not fill the disk
                    self._malformed_seen = True
                    log.warning("skipped a message of the signaling server: %s", error)
                return []
        if frame.type is aiohttp.WSMsgType.ERROR or frame.type in _CLOSED_KINDS:
            return self._session.lost("the connection to the signaling server broke", now=clock())
        return []

    async def _write(self, message: dict[str, Any]) -> bool:
        """False: the connection is gone, `ready` says so, and `run` finds the socket closed."""
        encoded = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        if len(encoded) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(f"a message of {len(encoded)} bytes: the signaling server would hang up on it")
        websocket = self._socket
        if websocket is not None and not websocket.closed:
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await websocket.send_str(encoded.decode())
                return True
            except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError):
                self.ready.clear()  # before anything else is awaited: nobody must try this socket again
                await _close(websocket)
        self.ready.clear()
        return False

    async def _hang_up(self) -> None:
        self.ready.clear()
        websocket, self._socket = self._socket, None
        if websocket is not None:
            await _close(websocket)

    def _note(self, event: Event) -> None:
        match event:
            case RoomEntered() | SessionResumed():
                self._connected()
            case SessionStarted() if not self._settings.room:
                self._connected()
            case SessionLost(reason=reason):
                self.ready.clear()
                if reason != self._told and self._says_losses:
                    log.warning("signaling lost: %s; trying again until it is back", reason)
                self._told = reason
            case _:
                pass

    def _connected(self) -> None:
        self._told = ""
        self.connection += 1
        self.ready.set()


async def _close(websocket: aiohttp.ClientWebSocketResponse) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await websocket.close()
    except TimeoutError:
        log.debug("the signaling server did not answer the close frame")
