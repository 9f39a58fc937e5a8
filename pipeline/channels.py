"""The only queues of the project, chosen by what a loss would mean.

    type            when full               for
    DropOldest(n)   discards the oldest     audio: late audio is worthless
    Latest          replaces                partials: only the newest revision matters
    Bounded(n)      the producer waits      finals: never lost; the wait is the backpressure

Each has one consumer, can be closed, and reports `depth`, `peak` and `dropped`; its `totals` outlive it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, NamedTuple, TypeVar

from .totals import QueueTotals

T = TypeVar("T")
K = TypeVar("K")


class ChannelClosed(Exception):
    """The channel was closed, and (for a reader) what it held has been read."""


class ChannelStats(NamedTuple):
    depth: int
    peak: int
    dropped: int
    capacity: int


class DropOldest(Generic[T]):
    """A queue of at most `capacity` items. Putting never waits: the oldest item makes room."""

    def __init__(self, capacity: int, totals: QueueTotals | None = None) -> None:
        self._items: deque[T] = deque(maxlen=capacity)
        self._changed = asyncio.Event()
        self._closed = False
        self._peak = 0
        self._dropped = 0
        self._totals = totals or QueueTotals()

    def put(self, item: T) -> T | None:
        """Append `item`; returns the item that was discarded for it, if any. Nothing enters a closed channel."""
        if self._closed:
            return None
        oldest = self._items[0] if len(self._items) == self._items.maxlen else None
        if oldest is not None:
            self._dropped += 1
            self._totals.dropped += 1
        self._items.append(item)
        if len(self._items) > self._peak:
            self._peak = len(self._items)
            self._totals.holds(self._peak)
        self._changed.set()
        return oldest

    async def get(self) -> T:
        """Wait for the oldest item. Raises `ChannelClosed` when there will be none."""
        while not self._items:
            if self._closed:
                raise ChannelClosed
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()

    def take(self) -> T | None:
        """The oldest item if there is one. Raises `ChannelClosed` when there will be none."""
        if self._items:
            return self._items.popleft()
        if self._closed:
            raise ChannelClosed
        return None

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    @property
    def stats(self) -> ChannelStats:
        capacity = self._items.maxlen or 0
        return ChannelStats(depth=len(self._items), peak=self._peak, dropped=self._dropped, capacity=capacity)


class Latest(Generic[K, T]):
    """One slot a key, at most `capacity` keys; a newer item replaces the older one of its key."""

    def __init__(self, capacity: int, totals: QueueTotals | None = None) -> None:
        self._slots: dict[K, T] = {}  # insertion order: the key that waited longest is first
        self._capacity = capacity
        self._peak = 0
        self._dropped = 0
        self._totals = totals or QueueTotals()

    def put(self, key: K, item: T) -> bool:
        """Replace what `key` holds, keeping its turn. False: there is no room for another key."""
        if key not in self._slots and len(self._slots) >= self._capacity:
            self._dropped += 1
            self._totals.dropped += 1
            return False
        self._slots[key] = item
        self._peak = max(self._peak, len(self._slots))
        self._totals.holds(len(self._slots))
        return True

    def take(self) -> T | None:
        """The item of the key that has waited longest, or None."""
        for key in self._slots:
            return self._slots.pop(key)
        return None

    def discard(self, key: K) -> None:
        """Forget what `key` holds: it was superseded."""
        self._slots.pop(key, None)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def stats(self) -> ChannelStats:
        return ChannelStats(depth=len(self._slots), peak=self._peak, dropped=self._dropped, capacity=self._capacity)


class Bounded(Generic[T]):
    """A queue of at most `capacity` items whose producers wait for room. Nothing is ever dropped."""

    def __init__(self, capacity: int, totals: QueueTotals | None = None) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._peak = 0
        self._totals = totals or QueueTotals()

    async def put(self, item: T) -> None:
        """Append, waiting for room if need be. Raises `ChannelClosed` on a closed channel."""
        while len(self._items) >= self._capacity and not self._closed:
            self._room.clear()
            await self._room.wait()
        if self._closed:
            raise ChannelClosed
        self._items.append(item)
        self._peak = max(self._peak, len(self._items))
        self._totals.holds(len(self._items))
        self._changed.set()

    async def get(self) -> T:
        """Wait for the oldest item. Raises `ChannelClosed` when there will be none."""
        while not self._items:
            if self._closed:
                raise ChannelClosed
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._room.set()
        return item

    def take(self) -> T | None:
        """The oldest item if there is one: for a consumer that watches several channels."""
        if not self._items:
            return None
        self._room.set()
        return self._items.popleft()

    def close(self) -> None:
        self._closed = True
        self._changed.set()
        self._room.set()

    @property
    def stats(self) -> ChannelStats:
        return ChannelStats(depth=len(self._items), peak=self._peak, dropped=0, capacity=self._capacity)
