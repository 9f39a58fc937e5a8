"""A signaling server to run inside this process, for the demo and for fast tests.

It speaks Nextcloud Talk's HPB protocol over websockets (talk-contract.md §2) and is a DEVELOPMENT server. There is
no media server: offers, answers and `requestoffer` are passed between the clients themselves. There is no
Nextcloud: tickets come from `issue_ticket`, calls from `set_in_call`, and every room exists. What it implements,
it implements as the real server does, except that

- a failed hello is answered at once, not after a growing delay (the lock after ten failures is there);
- internal sessions count against `max_sessions`, and what a disconnected session may miss is bounded;
- a frame that is not text closes the connection; guests are not asked to join a room within ten seconds;
- there is nothing of federation, clusters, virtual sessions, transient data, permissions and dial-out.

The shell around `Hub`: it reads texts, executes commands, and keeps one timer. A slow reader blocks nobody: each
connection has a bounded outbox and a writer of its own, and is dropped when the outbox is full.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Final, assert_never

from aiohttp import WSCloseCode, WSMsgType, web

from .commands import Close, Command, Send
from .connection import Connection
from .hub import Hub
from .settings import EmbeddedSettings, EmbeddedStats

CLOSE_DEADLINE_S: Final = 1.0  # to answer our close frame

logger = logging.getLogger("roomscribe.signaling.embedded")


class EmbeddedServer:
    """`async with EmbeddedServer(settings) as server:` listens at `server.url`; the websocket is at /spreed.

    Nothing is left behind on exit: no task, no socket. Sessions end with the server.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._hub = Hub(
            settings,
            key=secrets.token_bytes(32),
            new_id=lambda: secrets.token_urlsafe(32),
            wallclock_at_zero=time.time() - time.monotonic(),
        )
        self._numbers = count(1)
        self._connections: dict[int, Connection] = {}  # ≤ max_connections, and those just being closed
        self._timer: asyncio.TimerHandle | None = None
        self.url = ""

    async def __aenter__(self) -> EmbeddedServer:
        app = web.Application()
        app.router.add_get("/spreed", self._serve)
        app.on_shutdown.append(self._close_all)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2 * CLOSE_DEADLINE_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        logger.info("embedded signaling server started")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._runner.cleanup()
        finally:
            self.url = ""
            self._arm()
            logger.info("embedded signaling server stopped")

    def issue_ticket(self, *, user_id: str, display_name: str) -> str:
        """A ticket for one ordinary client's hello; good for `ticket_ttl_s`, any number of times."""
        return self._hub.issue_ticket(user_id=user_id, display_name=display_name, now=time.monotonic())

    def set_in_call(self, room: str, *, nextcloud_session_id: str, flags: int) -> None:
        """What Nextcloud's "incall" request does. Nothing happens where that session is not in that room."""
        now = time.monotonic()
        self._execute(self._hub.set_in_call(room, nextcloud_session_id=nextcloud_session_id, flags=flags, now=now))

    def end_call(self, room: str) -> None:
        """End the call for everybody."""
        self._execute(self._hub.end_call(room))

    def cut(self, session_id: str) -> None:
        """For tests: abort the session's connection as a broken network would. KeyError: it has none."""
        conn = self._hub.connection_of(session_id)
        if conn is None:
            raise KeyError("no such session, or it is not connected")
        self._connections[conn].abort()

    def stats(self) -> EmbeddedStats:
        return self._hub.stats()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(
            heartbeat=self._settings.ping_interval_s,
            max_msg_size=self._settings.max_message_bytes + 1,  # aiohttp refuses what reaches its limit
            timeout=CLOSE_DEADLINE_S,
            compress=False,
        )
        await ws.prepare(request)
        conn = next(self._numbers)
        connection = self._connections[conn] = Connection(request, ws)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.write())
                self._execute(self._hub.opened(conn, address=request.remote or "", now=time.monotonic()))
                connection.finish(await self._read(conn, ws))
        finally:
            del self._connections[conn]
            self._execute(self._hub.lost(conn, now=time.monotonic()))
        return ws

    async def _read(self, conn: int, ws: web.WebSocketResponse) -> int:
        """Read until the connection ends; the code to close it with, where that is still to be done."""
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                return WSCloseCode.UNSUPPORTED_DATA
            self._execute(self._hub.received(conn, message.data, now=time.monotonic()))
        return WSCloseCode.OK

    def _execute(self, commands: Sequence[Command]) -> None:
        """Queue, never wait. One payload for many connections is encoded once."""
        texts: dict[int, str] = {}  # by identity; the commands keep their payloads alive
        for command in commands:
            connection = self._connections.get(command.conn)
            if connection is None:
                continue
            match command:
                case Send(payload=payload):
                    text = texts.get(id(payload)) or texts.setdefault(id(payload), json.dumps(payload))
                    if not connection.send(text):
                        logger.warning("dropped a connection that does not read")
                        connection.abort()
                        self._hub.lost(command.conn, now=time.monotonic())
                case Close():
                    connection.finish()
                case never:
                    assert_never(never)
        self._arm()

    def _arm(self) -> None:
        """One timer, at the hub's next deadline; none once the server has stopped."""
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._hub.deadline() if self.url else None
        if deadline is None:
            self._timer = None
        else:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._execute(self._hub.tick(now=time.monotonic()))

    async def _close_all(self, _: web.Application) -> None:
        for connection in self._connections.values():
            connection.finish(WSCloseCode.GOING_AWAY)
