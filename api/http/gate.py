"""Connections to the HTTP server: how many there may be, and how long one may take to say what it wants.

aiohttp bounds neither. `Gate` stands before its protocol: a connection beyond the bound is answered with 503 and
closed, and one whose request head is not complete in time is closed (slow senders would otherwise hold it for ever).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from aiohttp import web

from api.settings.kinds import UNIX

from .limits import network
from .problems import FAILED

HEAD_TIMEOUT_S: Final = 10.0  # for the first head of a connection
IDLE_TIMEOUT_S: Final = 60.0  # until the next one has come
WAITING: Final = 100  # connections that the kernel keeps until they are taken
#: Connections that are taken in one turn of the loop. asyncio goes on after one that fails for want of a file, and sets
#: a timer for each to try as many again: with more than one, tries multiply while the process may open no more files.
TAKEN_A_TURN: Final = 1
SHARE: Final = 0.5  # of all connections that one address may have
SERVER: Final = "roomscribe"  # what it is made with is nobody's business
NO_HTTP: Final = "this cannot be read as HTTP"
REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 34\r\n"
    b'Retry-After: 1\r\nConnection: close\r\n\r\n{"error": "too many connections"}\n'
)


class Gate:
    """One a server. `refused` is told why a connection was not taken, or not kept: "connections" or "slow"."""

    def __init__(self, *, limit: int, refused: Callable[[str], None]) -> None:
        self.limit = limit
        self._share = max(1, int(SHARE * limit))
        self._refused = refused
        self._open: set[_Guarded] = set()  # ≤ limit
        self._by_address: Counter[str] = Counter()  # ≤ limit

    def __len__(self) -> int:
        return len(self._open)

    def behind(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """The factory of protocols that stand before those that `make` gives."""
        return lambda: _Guarded(self, make())

    def enter(self, guarded: _Guarded) -> bool:
        """May it come in?"""
        crowd = bool(guarded.address) and self._by_address[guarded.address] >= self._share
        if len(self._open) >= self.limit or crowd:
            self._refused("connections")
            return False
        self._open.add(guarded)
        self._by_address[guarded.address] += 1
        return True

    def leave(self, guarded: _Guarded) -> None:
        if guarded in self._open:
            self._open.discard(guarded)
            self._by_address[guarded.address] -= 1
            if self._by_address[guarded.address] <= 0:
                del self._by_address[guarded.address]

    def too_slow(self) -> None:
        self._refused("slow")


class _Plain(web.RequestHandler):
    """What cannot be read as HTTP never comes to the application. aiohttp would answer with what it read, which may be
    a secret, and tell what it is.
    """

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        answer = web.json_response({"error": NO_HTTP if status < 500 else FAILED}, status=status)
        answer.headers["Server"] = SERVER
        answer.force_close()
        return answer


class _Guarded(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol, and watches the clock between requests."""

    def __init__(self, gate: Gate, inner: asyncio.Protocol) -> None:
        self._gate = gate
        self._inner = inner
        self._transport: asyncio.BaseTransport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._admitted = False
        self.address = ""

    def begun(self) -> None:
        """A request head is complete, and is being answered."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def done(self) -> None:
        """It was answered; another may follow."""
        if self._admitted and self._deadline is None:
            self._wait(IDLE_TIMEOUT_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = network(str(peer[0])) if isinstance(peer, tuple) else ""  # of a socket file: none
        self._transport = transport
        self._admitted = self._gate.enter(self)
        if isinstance(self._inner, web.RequestHandler):
            self._inner.__class__ = _Plain  # aiohttp has no other place for this
        if self._admitted:
            self._wait(HEAD_TIMEOUT_S)
            self._inner.connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(REFUSAL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._admitted:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._admitted else None

    def connection_lost(self, error: Exception | None) -> None:
        self.begun()
        self._gate.leave(self)
        if self._admitted:
            self._admitted = False
            self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        if self._admitted:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._admitted:
            self._inner.resume_writing()

    def _wait(self, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._late)

    def _late(self) -> None:
        self._gate.too_slow()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()


@web.middleware
async def watched(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """The outermost middleware: tells the gate when a request begins and ends."""
    transport = request.transport
    guarded = transport.get_protocol() if transport is not None else None
    if not isinstance(guarded, _Guarded):
        return await handler(request)  # type: ignore[misc, no-any-return]
    guarded.begun()
    try:
        return await handler(request)  # type: ignore[misc, no-any-return]
    finally:
        guarded.done()


class GatedSite(web.BaseSite):
    """As `web.TCPSite`, or `web.UnixSite` for a `host` of "unix:/path", with a gate before each connection."""

    def __init__(self, runner: web.AppRunner, *, gate: Gate, host: str, port: int) -> None:
        super().__init__(runner)
        self._gate = gate
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        return self._host if self._host.startswith(UNIX) else f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Raises `OSError`."""
        await super().start()
        loop = asyncio.get_running_loop()
        server = self._runner.server
        assert server is not None  # after the runner's `setup`, which BaseSite asked for
        factory = self._gate.behind(server)
        if self._host.startswith(UNIX):
            listening = await loop.create_unix_server(factory, self._host.removeprefix(UNIX), backlog=TAKEN_A_TURN)
        else:
            listening = await loop.create_server(factory, self._host, self._port, backlog=TAKEN_A_TURN)
        self._server = listening
        for each in listening.sockets:
            with each.dup() as same:
                same.listen(WAITING)  # which asyncio has set to `TAKEN_A_TURN`
