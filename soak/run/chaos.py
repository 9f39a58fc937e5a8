"""The faults of a leg: each strikes in its turn, is healed and watched; what was seen of it is judged at the end."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from soak.faults.catalogue import chosen
from soak.faults.fault import CannotStrike, Fault, Happened, happen
from soak.faults.promises import OTHERS_CALM, OTHERS_FAULT, Kept, Observed, RoomWait, check, not_struck
from soak.faults.schedule import plan
from soak.faults.strikes import SUFFERING_ROOM
from soak.report.plot import Band
from soak.service.process import ServiceFailed
from soak.world.ledger import SETTLE_S

from .book import Book
from .journal import Journal
from .options import Options
from .sampler import Sampler
from .stage import Stage

log = logging.getLogger("roomscribe.soak.run")

BEGIN_S: Final = 15.0  # everybody has come, and talks
CALM_S: Final = 12.0  # before each strike, at least: what is usual is seen there …
STILL_ON_ITS_WAY_S: Final = 2.0  # … but for what was said so late that its caption came in the strike
WATCH_S: Final = 15.0  # after the healing
END_S: Final = 20.0  # before the end, nothing strikes any more
RIPE_S: Final = 2 * SETTLE_S  # after the watch: all that was said in it has been judged
SUFFERER: Final = str(SUFFERING_ROOM)  # as the books name it
RESTARTS: Final = "roomscribe_engine_restarts_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A strike that happened. `before` and `after`: restarts of the recogniser, if they could be had."""

    happened: Happened
    watched_until: float
    before: int | None
    after: int | None
    survived: bool | None
    calm_from: float


class Chaos:
    """One leg's. `observed` tells what became of each promise."""

    def __init__(self, stage: Stage, sampler: Sampler, journal: Journal, options: Options) -> None:
        self._stage = stage
        self._sampler = sampler
        self._journal = journal
        self._seed = options.seed
        self._faults = chosen(options.profile.faults, real_stack=options.real_stack)
        self._seen: deque[_Seen] = deque()  # ≤ what fits into `RIPE_S`
        self._not_struck: deque[Kept] = deque()  # likewise
        self._calm_from = 0.0

    async def run(self, until: float) -> None:
        """Until all that fits into the time has happened, again and again."""
        clock = asyncio.get_running_loop().time
        began = clock()
        self._calm_from = began + BEGIN_S
        planned = plan(
            self._faults,
            begin_s=BEGIN_S,
            end_s=until - began - END_S,
            calm_s=CALM_S,
            watch_s=WATCH_S,
            seed=self._seed,
        )
        earlier_s = 0.0  # some end before their time is over; the next ones come as much earlier
        for each in planned:
            await asyncio.sleep(began + each.at_s - earlier_s - clock())
            await self._strike(each.fault)
            earlier_s += max(0.0, began + each.at_s - earlier_s + each.fault.seconds(1.0) + WATCH_S - clock())

    async def _strike(self, fault: Fault) -> None:
        pid, before = self._stage.pid, await self._restarts()
        began_s = self._sampler.elapsed_s
        try:
            happened = await happen(fault, self._stage)
        except CannotStrike as error:
            log.warning("%s could not be brought about: %s", fault.name, error)
            self._not_struck.append(not_struck(fault, str(error)))
            return
        self._journal.band(Band(start_s=began_s, end_s=self._sampler.elapsed_s, label=fault.name))
        await asyncio.sleep(WATCH_S)
        self._seen.append(
            _Seen(
                happened=happened,
                watched_until=self._stage.now(),
                before=before,
                after=await self._restarts(),
                survived=self._stage.service.is_running and self._stage.pid == pid if pid else None,
                calm_from=self._calm_from,
            )
        )
        self._calm_from = self._seen[-1].watched_until

    async def _restarts(self) -> int | None:
        try:
            return round((await self._stage.service.scrape()).sum(RESTARTS))
        except ServiceFailed:
            return None

    def observed(self, book: Book, now: float = math.inf) -> Iterator[dict[str, Any]]:
        """For the journal: of each strike, once, what was promised and what was seen, as soon as all of it is in the
        books; `now` infinite: they are closed. Days later, they would have forgotten it.
        """
        while self._not_struck:
            yield {**asdict(self._not_struck.popleft()), "recovery_ms": []}
        while self._seen and self._seen[0].watched_until + RIPE_S <= now:
            seen = self._seen.popleft()
            fault, struck_at = seen.happened.fault, seen.happened.struck_at
            room = "" if fault.limits.others_slower is None else SUFFERER  # "": all of them
            counts = book.between(struck_at, seen.watched_until)
            recovery_ms = book.recoveries_ms(seen.happened, seen.watched_until)
            observed = Observed(
                expected=counts.expected,
                silent=counts.silent,
                repeated=counts.repeated,
                marked=counts.marked,
                recovery_ms=recovery_ms,
                restarts_before=seen.before,
                restarts_after=seen.after,
                still_running=seen.survived,
            )
            yield {
                **asdict(check(fault, observed)),
                "recovers": fault.limits.recovery_s is not None,
                "recovery_ms": [None if each is None else round(each) for each in recovery_ms],
                "seconds": round(seen.happened.healed_at - struck_at, 1),
                "expected": counts.expected,
                "received": counts.received,
                "marked": counts.marked,
                "silent": counts.silent,
                "repeated": counts.repeated,
                "unsent": book.between(struck_at, seen.watched_until, room=room).unsent,  # elsewhere, it is no reason
                **_of_others(seen, book),
            }


def _of_others(seen: _Seen, book: Book) -> dict[str, list[RoomWait]]:
    """How long captions of rooms without the fault took, before it and in it; of their words, a number."""
    if seen.happened.fault.limits.others_slower is None:
        return {}
    struck_at, healed_at = seen.happened.struck_at, seen.happened.healed_at
    return {
        OTHERS_CALM: book.waits(seen.calm_from, struck_at - STILL_ON_ITS_WAY_S, but=SUFFERER),
        OTHERS_FAULT: book.waits(struck_at, healed_at, but=SUFFERER),
    }
