"""Where the rooms are: a signaling server with a chat server's part in it, either embedded or the real HPB and Janus.

The bots' own connections go through a wire that can be cut; people are on the server's own port.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from bot import LOOPBACK, LocalAddresses
from signaling import TicketCredentials, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.stack import Programs, RealStack
from soak.stack.wire import Wire

HOST: Final = "127.0.0.1"
MOST_ROOMS: Final = 1000  # of the embedded server; each room that is closed is another one
MOST_SESSIONS: Final = 4000
STACK_NUMBER: Final = 8  # keeps its ports apart from those of tests


class PortTaken(Exception):
    """Somebody else listens there."""

    component = "soak.world.place"


class Place(Protocol):
    """`wire` leads the service to the server; `secret` and `backend` are settings of the service."""

    wire: Wire
    secret: str
    backend: str
    addresses: LocalAddresses
    stack: RealStack | None

    @property
    def people_url(self) -> str:
        """The websocket address for people."""
        ...

    def ticket(self, name: str) -> TicketCredentials: ...

    async def set_in_call(self, room: str, nextcloud_session_id: str, flags: int) -> None: ...


class EmbeddedPlace:
    """Everybody offers media straight to the bot, over loopback."""

    stack: RealStack | None = None

    def __init__(self, server: EmbeddedServer, wire: Wire, *, secret: str, backend: str) -> None:
        self._server = server
        self.wire = wire
        self.secret, self.backend = secret, backend
        self.addresses = LOOPBACK

    @property
    def people_url(self) -> str:
        return signaling_url(self._server.url)

    def ticket(self, name: str) -> TicketCredentials:
        ticket = self._server.issue_ticket(user_id=f"{name}-{secrets.token_hex(4)}", display_name=name)
        return TicketCredentials(ticket=ticket, backend=self.backend)

    async def set_in_call(self, room: str, nextcloud_session_id: str, flags: int) -> None:
        self._server.set_in_call(room, nextcloud_session_id=nextcloud_session_id, flags=flags)


class RealPlace:
    """Media goes through Janus."""

    stack: RealStack | None

    def __init__(self, stack: RealStack, wire: Wire, media_address: str) -> None:
        self._real = self.stack = stack
        self.wire = wire
        self.secret, self.backend = stack.internal_secret, stack.backend_url
        self.addresses = LocalAddresses((media_address,), auto=False)

    @property
    def people_url(self) -> str:
        return signaling_url(self._real.url)

    def ticket(self, name: str) -> TicketCredentials:
        ticket = self._real.issue_ticket(user_id=f"{name}-{secrets.token_hex(4)}", display_name=name)
        return TicketCredentials(ticket=ticket, backend=self._real.chat.signaling_backend)

    async def set_in_call(self, room: str, nextcloud_session_id: str, flags: int) -> None:
        await self._real.set_in_call(room, nextcloud_session_id=nextcloud_session_id, flags=flags)


@asynccontextmanager
async def embedded_place(*, port: int, secret: str = "", wire_port: int = 0) -> AsyncIterator[EmbeddedPlace]:
    """`port` is free, and the server's. The chat server's address is the same: it answers 404 to what else is asked.

    `wire_port`: where a service that was told so beforehand finds both. Raises `PortTaken`.
    """
    shared = secret or secrets.token_hex(16)
    backend = f"http://{HOST}:{wire_port or port}"
    settings = EmbeddedSettings(
        internal_secret=shared, backend_url=backend, port=port, max_rooms=MOST_ROOMS, max_sessions=MOST_SESSIONS
    )
    async with EmbeddedServer(settings) as server, AsyncExitStack() as exits:
        try:
            wire = await exits.enter_async_context(Wire(port, at=wire_port))
        except OSError as error:
            raise PortTaken(f"port {wire_port} cannot be listened on ({error.strerror})") from error
        yield EmbeddedPlace(server, wire, secret=shared, backend=backend)


@asynccontextmanager
async def real_place(programs: Programs, media_address: str) -> AsyncIterator[RealPlace]:
    """Raises `StackFailed`."""
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(RealStack(programs, media_address=media_address, number=STACK_NUMBER))
        wire = await exits.enter_async_context(Wire(stack.hpb_port))
        yield RealPlace(stack, wire, media_address)
