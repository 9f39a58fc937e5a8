"""Which finals the signaling server has read. Sans-IO.

HPB does not acknowledge messages between sessions, and a TCP connection that takes bytes may be dead already. But HPB
answers a client's requests in their order, and keeps the answers for a session that comes back. So each final is
followed by a request that is always answered and changes nothing (joining the room that we are in): the answer says
that all before it was read. After a reconnect, what was sent on an earlier connection and is not answered for by then
was never read, and is sent again.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pipeline import FinalTranscript, QueueTotals

MAX_UNCONFIRMED: Final = 200  # finals; beyond it the oldest is taken for read
MAX_ASKED: Final = 200  # questions without an answer; beyond it the oldest is given up
IN_DOUBT_S: Final = 20.0  # our pings notice a dead connection sooner: what was sent before was read


@dataclass(slots=True, kw_only=True, eq=False)
class Sent:
    """A final on its way. `readers` (Nextcloud session ids) were sent it on this `connection`."""

    final: FinalTranscript
    connection: int
    at: float
    readers: list[str] = field(default_factory=list)
    number: int | None = None  # of the question that covers it


class Receipts:
    """`connection` numbers the websockets of one client, rising."""

    def __init__(self, totals: QueueTotals | None = None) -> None:
        self._totals = totals or QueueTotals()
        self._sent: deque[Sent] = deque(maxlen=MAX_UNCONFIRMED)
        self._asked: dict[int, int] = {}  # question → connection; ≤ MAX_ASKED
        self._numbers = itertools.count(1)

    def sent(self, final: FinalTranscript, reader: str, *, connection: int, now: float) -> None:
        """`final` was written to the socket for `reader`."""
        newest = self._sent[-1] if self._sent else None
        if newest is None or newest.final is not final or newest.connection != connection or newest.number is not None:
            newest = Sent(final=final, connection=connection, at=now)
            self._totals.dropped += len(self._sent) == MAX_UNCONFIRMED
            self._sent.append(newest)
            self._totals.holds(len(self._sent))
        newest.readers.append(reader)

    def ask(self, *, connection: int) -> int:
        """The number of a question that covers all that was sent on this connection."""
        number = next(self._numbers)
        self._asked[number] = connection
        if len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        for each in self._sent:
            if each.connection == connection and each.number is None:
                each.number = number
        return number

    def answered(self, number: int) -> None:
        """The server answered this question: it has read what was sent before it on the same connection."""
        connection = self._asked.pop(number, None)
        for each in list(self._sent):
            if each.connection == connection and each.number is not None and each.number <= number:
                self._sent.remove(each)

    def is_open(self, number: int) -> bool:
        """Is this question not answered yet?"""
        return number in self._asked

    def lost(self, *, now: float) -> None:
        """The connection broke."""
        while self._sent and now - self._sent[0].at > IN_DOUBT_S:
            self._sent.popleft()

    def in_doubt(self, *, connection: int) -> tuple[Sent, ...]:
        """What was sent on connections before this one and not answered for, oldest first."""
        return tuple(each for each in self._sent if each.connection < connection)

    def settle(self, sent: Sent) -> None:
        """It was sent again."""
        self._sent.remove(sent)

    def __len__(self) -> int:
        return len(self._sent)
