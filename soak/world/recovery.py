"""How long rooms wait for a caption after a fault. Pure.

The clock runs from the moment at which a fault was healed, or struck where nothing heals it (a process that is killed),
and at which there was something to caption: an utterance that was over and had no caption yet, or the end of the next
one. It stops with the next final of the room that belongs to something that was said. A room in which nobody spoke in
that time says nothing; one that never got a caption, although somebody spoke, is counted apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .ledger import SETTLE_S, Fate, Outcome
from .percentile import percentile

PATIENCE_S: Final = 60.0  # who has no caption after so long never got one
IN_FLIGHT_S: Final = 0.1  # after a kill: what comes as soon was sent before
LOOK_BACK_S: Final = 10.0  # what was said so long before a fault, and lost, was not lost by it
KEPT: Final = 4096  # outcomes of a room, the newest
ROOMS: Final = 1024  # with outcomes; beyond, the one that came first goes
STRIKES: Final = 512  # that wait for their judgement; beyond, the oldest is judged at once
RECOVERIES: Final = 20_000  # judged, the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault, once. `healed_at` None: nothing heals it but the service itself. `rooms` None: all are affected."""

    fault: str
    struck_at: float
    healed_at: float | None = None
    rooms: frozenset[str] | None = None

    @property
    def moment(self) -> float:
        return self.struck_at if self.healed_at is None else self.healed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Of one room from one strike. `seconds` None: no caption came in time."""

    fault: str
    room: str
    moment: float
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFigures:
    """Seconds, of the rooms that recovered; `never`: how many did not."""

    count: int
    never: int
    p50: float | None
    p95: float | None
    worst: float | None


def recovery(
    strike: Strike, outcomes: Iterable[Outcome], *, patience_s: float = PATIENCE_S
) -> tuple[bool, float | None]:
    """Of one room: whether somebody waited for a caption after the strike, and for how long (None: in vain)."""
    moment = strike.moment
    sent_before = moment + (IN_FLIGHT_S if strike.healed_at is None else 0.0)
    due: float | None = None  # since when somebody waits
    came: float | None = None
    for each in outcomes:
        if each.fate is Fate.RECEIVED and each.at is not None:
            if each.at <= sent_before:
                continue
            came = each.at if came is None else min(came, each.at)
        elif not _was_waiting(each, strike):
            continue
        waits = max(moment, each.last)
        due = waits if due is None else min(due, waits)
    if due is None or due > moment + patience_s:
        return False, None
    if came is None or came - due > patience_s:
        return True, None
    return True, max(0.0, came - due)


def _was_waiting(lost: Outcome, strike: Strike) -> bool:
    """For a caption that was lost, when the strike came or later: not if a mark had come before."""
    if lost.fate not in (Fate.MARKED, Fate.SILENT) or (lost.at is not None and lost.at <= strike.moment):
        return False
    return lost.last >= strike.struck_at - LOOK_BACK_S


class Recoveries:
    """Of all rooms from all strikes. Strikes are told when they are healed, outcomes as ledgers judge them, both in any
    order; a strike is judged when no ledger can have anything more to tell of it.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S, settle_s: float = SETTLE_S) -> None:
        self._patience_s = patience_s
        self._settle_s = settle_s
        self._open: deque[Strike] = deque()  # ≤ STRIKES
        self._outcomes: dict[str, deque[Outcome]] = {}  # ≤ ROOMS
        self._judged: deque[Recovery] = deque(maxlen=RECOVERIES)

    def struck(self, strike: Strike) -> None:
        self._open.append(strike)
        if len(self._open) > STRIKES:
            self._judge(self._open.popleft())

    def judged(self, outcomes: Iterable[Outcome]) -> None:
        """What `Ledger.settle` and `Ledger.close` return."""
        for outcome in outcomes:
            if outcome.room not in self._outcomes:
                while len(self._outcomes) >= ROOMS:
                    del self._outcomes[next(iter(self._outcomes))]
                self._outcomes[outcome.room] = deque(maxlen=KEPT)
            self._outcomes[outcome.room].append(outcome)

    def settle(self, now: float) -> list[Recovery]:
        """Judge the strikes that are old enough."""
        # Twice: the last utterance that counts may wait for as long as its caption.
        old = now - 2 * self._patience_s - self._settle_s
        done = [strike for strike in self._open if strike.moment <= old]
        self._open = deque(strike for strike in self._open if strike.moment > old)
        return [each for strike in done for each in self._judge(strike)]

    def close(self) -> list[Recovery]:
        """Judge all: nothing more will come."""
        done = list(self._open)
        self._open.clear()
        return [each for strike in done for each in self._judge(strike)]

    def figures(self, fault: str | None = None) -> RecoveryFigures:
        """None: of all faults."""
        judged = [each for each in self._judged if fault in (None, each.fault)]
        seconds = [each.seconds for each in judged if each.seconds is not None]
        return RecoveryFigures(
            count=len(seconds),
            never=len(judged) - len(seconds),
            p50=percentile(seconds, 50),
            p95=percentile(seconds, 95),
            worst=max(seconds, default=None),
        )

    def _judge(self, strike: Strike) -> list[Recovery]:
        found = []
        for room, outcomes in self._outcomes.items():
            if strike.rooms is not None and room not in strike.rooms:
                continue
            waited, seconds = recovery(strike, outcomes, patience_s=self._patience_s)
            if waited:
                found.append(Recovery(fault=strike.fault, room=room, moment=strike.moment, seconds=seconds))
        self._judged.extend(found)
        return found
