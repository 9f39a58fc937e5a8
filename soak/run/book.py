"""The books of a leg: one ledger for each place of a room, and what all of them say together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from zlib import crc32

from soak.faults.fault import Happened
from soak.faults.promises import RoomWait
from soak.world.ledger import SETTLE_S, Counts, Fate, Ledger, Outcome, total
from soak.world.percentile import percentile
from soak.world.recovery import LOOK_BACK_S, Strike, comeback, recovery

MILLISECONDS: Final = 1000.0
AFTER_CUT_S: Final = 5.0  # in which the connection is back, and what is in doubt has been sent again


class Book:
    """`rooms` are open at the same time. One room after another in the same place has the same ledger. `cuts`: when all
    signaling connections were cut, the newest.
    """

    def __init__(self, rooms: int, cuts: Sequence[float] = ()) -> None:
        self._ledgers = [Ledger(str(number)) for number in range(rooms)]
        self._cuts = cuts

    @contextlib.contextmanager
    def room(self, number: int) -> Iterator[Ledger]:
        """The life of a room: when it has ended by itself, nothing more will come of it. Where it was broken off, what
        was said last may still have been on its way, and is not judged.
        """
        ledger, clock = self._ledgers[number], asyncio.get_running_loop().time
        try:
            yield ledger
        except BaseException:
            ledger.break_off(clock())
            raise
        ledger.close(clock())

    def settle(self, now: float) -> None:
        """Judge what is old enough; otherwise it would wait for the end."""
        for ledger in self._ledgers:
            ledger.settle(now)

    def counts(self) -> Counts:
        return total(ledger.counts for ledger in self._ledgers)

    def so_far(self) -> dict[str, Any]:
        """For the journal. Milliseconds are from the last speech of an utterance to its final."""
        counts = self.counts()
        return {
            **asdict(counts),
            "expected": counts.expected,
            "repeated_after_cut": self.repeated_after_cut(),
            "final_ms_p50": self.latency_ms(50),
            "final_ms_p95": self.latency_ms(95),
        }

    def repeated_after_cut(self) -> int:
        """Captions that came again because the connection was cut before the receipt for them was back: HPB confirms
        nothing, so whether it had read them cannot be known, and twice is better than never.
        """
        return sum(
            any(0.0 <= outcome.first - cut <= AFTER_CUT_S for cut in self._cuts)
            for ledger in self._ledgers
            for outcome in ledger.outcomes(float("-inf"), float("inf"))
            if outcome.fate is Fate.REPEATED
        )

    def latency_ms(self, percent: float) -> int | None:
        """Of the finals that were received."""
        seconds = percentile([wait_s for ledger in self._ledgers for wait_s in ledger.latencies], percent)
        return None if seconds is None else round(seconds * MILLISECONDS)

    def waits(self, begin: float, end: float, *, but: str) -> list[RoomWait]:
        """For the final of each utterance that ended in this time, whenever it came, in all rooms `but` one; in the
        order in which they ended. One that was lost would have been waited for until it was given up.
        """
        ended = [
            (outcome.last, (ledger.room, crc32(outcome.text.encode()), max(1, round(wait_s * MILLISECONDS))))
            for ledger in self._ledgers
            if ledger.room != but
            for outcome in ledger.outcomes(begin, end)
            if outcome.last <= end and (wait_s := _waited_s(outcome)) is not None
        ]
        return [wait for _, wait in sorted(ended)]

    def between(self, begin: float, end: float, *, room: str = "") -> Counts:
        """Of what was said in this time, in one `room` or in all."""
        return total(ledger.between(begin, end) for ledger in self._ledgers if room in ("", ledger.room))

    def recoveries_ms(self, happened: Happened, until: float) -> list[float | None]:
        """Of each room in which somebody waited for a caption after the fault; None: in vain."""
        strike = Strike(
            fault=happened.fault.name,
            struck_at=happened.struck_at,
            healed_at=None if happened.recovers_from == happened.struck_at else happened.healed_at,
        )
        begin = happened.struck_at - LOOK_BACK_S
        returns = happened.fault.limits.since == "return"
        found = [
            comeback(strike, outcomes, ledger.interims) if returns else recovery(strike, outcomes)
            for ledger in self._ledgers
            for outcomes in [ledger.outcomes(begin, until)]
        ]
        return [None if seconds is None else seconds * MILLISECONDS for waited, seconds in found if waited]


def _waited_s(outcome: Outcome) -> float | None:
    return SETTLE_S if outcome.fate in (Fate.MARKED, Fate.SILENT) else outcome.wait_s
