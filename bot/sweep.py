"""Many sockets read together: every 60 ms, whatever has come in is read in one go.

An event loop that wakes up for each datagram spends more on waking up than on reading it. Here, the first datagram only
starts a timer; when it rings, all sockets that have something are read, and again as long as something comes. The few
datagrams of one socket are read one after another, while all that belongs to it is in the processor's caches.

What its receiver has no room for stays in a socket: a process that stood still finds seconds of speech in each, and
decodes them more slowly than it could read them. Not for long: answers that ICE waits for lie in the same socket, and
who cannot follow at all gives up what is oldest, not what is newest.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Final

SWEEP_S: Final = 0.06  # how long datagrams may lie; `pipeline.jitter` holds back a little longer
DATAGRAMS_A_TURN: Final = 3  # of one socket: what a microphone sends in that time. Others' floods are not waited for
MOST_DRAINED: Final = 300  # datagrams of one socket: more than its buffer has room for (212,992 bytes, Linux's default)
BUDGET_S: Final = 0.004  # at a stretch; then the loop has its turn
DATAGRAM_BYTES: Final = 2048  # no RTP packet is larger
LONGEST_LEFT_S: Final = 10.0  # for which something may be left without a break; then all is read, room or no room
AT_ONCE: Final = 64  # sockets told of by one system call, and read before the budget is looked at

Address = tuple[str, int]
#: Given the length of the datagram, its sender, and *now*. The datagram stands in the sweeper's `buffer`.
OnDatagram = Callable[[int, Address, float], None]
OnError = Callable[[OSError], None]
HasRoom = Callable[[], bool]

EPOLL: Final = hasattr(select, "epoll")


class Sweeper:
    """One a process. `watch` a socket that nobody else reads, and `unwatch` it before it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[socket.socket, OnDatagram, OnError, HasRoom]] = {}  # by file number; ≤ speakers
        self._timer: asyncio.Handle | None = None  # None: nothing lies unread
        self._read_until = 0.0
        self._left_since: float | None = None  # since then, each sweep has left something for which there was no room
        self.buffer = bytearray(DATAGRAM_BYTES)
        self._loop.add_reader(self._epoll.fileno(), self._something_came)

    def __len__(self) -> int:
        return len(self._watched)

    def watch(
        self, sock: socket.socket, on_datagram: OnDatagram, on_error: OnError, has_room: HasRoom = lambda: True
    ) -> None:
        """From now on, `on_datagram` is told of what comes in, while it `has_room`; it may change `buffer`."""
        number = sock.fileno()
        self._watched[number] = (sock, on_datagram, on_error, has_room)
        self._epoll.register(number, select.EPOLLIN)

    def unwatch(self, sock: socket.socket) -> None:
        """Leave the socket alone; one that is not watched is fine."""
        if self._watched.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def drain(self, sock: socket.socket) -> None:
        """Read what lies in it, now, room or no room. One that is not watched is fine."""
        number = sock.fileno()
        for _ in range(MOST_DRAINED // DATAGRAMS_A_TURN):
            if not self._read(number, self._loop.time()):
                return

    def close(self) -> None:
        """Leave all sockets alone."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._watched.clear()

    def read_until(self) -> float:
        """In *now*: whatever came before has been read, where there was room for it."""
        return self._loop.time() if self._timer is None else self._read_until

    def _something_came(self) -> None:
        self._read_until = self._loop.time()
        self._loop.remove_reader(self._epoll.fileno())
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        clock, poll = self._loop.time, self._epoll.poll
        began = now = clock()
        ready = poll(0, AT_ONCE)
        if not ready:
            self._timer = self._left_since = None
            self._loop.add_reader(self._epoll.fileno(), self._something_came)
            return
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)
        full = 0  # calls in a row that told of full ones only
        while ready:
            taken = self._with_room([number for number, _ in ready], now)
            for number in taken:
                self._read(number, now)
            full = 0 if taken else full + 1
            if full > len(self._watched) // AT_ONCE:  # each was told of
                self._left_since = began if self._left_since is None else self._left_since
                self._read_until = began
                return
            now = clock()
            if now > began + BUDGET_S:
                self._timer.cancel()
                self._timer = self._loop.call_soon(self._sweep)
                return
            ready = poll(0, AT_ONCE)
        self._left_since = None
        self._read_until = began

    def _with_room(self, numbers: list[int], now: float) -> list[int]:
        if self._left_since is not None and now - self._left_since > LONGEST_LEFT_S:
            return numbers
        return [number for number in numbers if (watched := self._watched.get(number)) is not None and watched[3]()]

    def _read(self, number: int, now: float) -> bool:
        """May there be more?"""
        watched = self._watched.get(number)
        if watched is None:
            return False  # it was unwatched by what another socket brought
        sock, on_datagram, on_error, _ = watched
        for _ in range(DATAGRAMS_A_TURN):
            try:
                length, address = sock.recvfrom_into(self.buffer)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:  # such as the other side's "port unreachable"
                self._loop.call_soon(on_error, error)
                return False
            try:
                on_datagram(length, address, now)
            except Exception as error:  # noqa: BLE001 — whatever one datagram brought, the others are read
                self._loop.call_exception_handler({"message": "a datagram was not taken", "exception": error})
            if number not in self._watched:
                return False  # that was its last
        return True
