"""Messages that travel together: in one segment, as far as they fit, so that the other side reads all of them or none.

TCP breaks where it likes: of two messages that were sent one right after the other, a connection that is reset in that
very moment may bring the first alone. Linux can hold a socket's segments back (tcp(7), TCP_CORK; 200 ms at most).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import aiohttp

TCP_CORK: Final[int | None] = getattr(socket, "TCP_CORK", None)


@contextlib.contextmanager
def corked(websocket: aiohttp.ClientWebSocketResponse | None) -> Iterator[None]:
    """What is written to it in this block is sent when the block is left. Elsewhere than on Linux, at once."""
    sock: Any = None if websocket is None else websocket.get_extra_info("socket")
    _hold_back(sock, on=True)
    try:
        yield
    finally:
        _hold_back(sock, on=False)


def _hold_back(sock: Any, *, on: bool) -> None:
    if TCP_CORK is not None and sock is not None:
        with contextlib.suppress(OSError):  # it is closed, or no TCP
            sock.setsockopt(socket.IPPROTO_TCP, TCP_CORK, int(on))
