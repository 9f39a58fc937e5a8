"""How long rooms wait for a caption after a fault. Pure.

The clock runs from the moment at which a fault was healed, or struck where nothing heals it (a process that is killed),
and at which there was something to caption: an utterance that was over and had no caption yet, or the end of the next
one. It stops with the next final of the room that belongs to something that was said. A room in which nobody spoke in
that time says nothing; one that never got a caption, although somebody spoke, is counted apart.

After a server has been away, all have to come back first, speakers too. There the clock runs from the first word that
somebody begins to say when it is there again, heard or not, to the first caption of anything begun then: partials too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .ledger import Fate, Outcome

PATIENCE_S: Final = 60.0  # who has no caption after so long never got one
IN_FLIGHT_S: Final = 0.1  # after a kill: what comes as soon was sent before
PARTIAL_S: Final = 5.0  # after its end, no partial of an utterance comes any more
LOOK_BACK_S: Final = 10.0  # what was said so long before a fault, and lost, was not lost by it
SAID: Final = (Fate.RECEIVED, Fate.MARKED, Fate.SILENT, Fate.UNSENT)  # of what somebody said


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault, once. `healed_at` None: nothing heals it but the service itself."""

    fault: str
    struck_at: float
    healed_at: float | None = None

    @property
    def moment(self) -> float:
        return self.struck_at if self.healed_at is None else self.healed_at


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


def comeback(
    strike: Strike,
    outcomes: Iterable[Outcome],
    interims: Iterable[tuple[str, float]],
    *,
    patience_s: float = PATIENCE_S,
) -> tuple[bool, float | None]:
    """Of one room, after a server was away: whether somebody spoke, and how long they went without captions (None: to
    the end). `interims`: whose partial came, and when.
    """
    begun = [each for each in outcomes if each.fate in SAID and each.first >= strike.moment]
    due = min((each.first for each in begun), default=math.inf)
    if due > strike.moment + patience_s:
        return False, None
    finals = [each.at for each in begun if each.fate is Fate.RECEIVED and each.at is not None]
    partials = [
        at
        for speaker, at in interims
        if any(each.speaker == speaker and each.first <= at <= each.last + PARTIAL_S for each in begun)
    ]
    came = min([*finals, *partials], default=math.inf)
    return True, came - due if came <= due + patience_s else None


def _was_waiting(lost: Outcome, strike: Strike) -> bool:
    """For a caption that was lost, when the strike came or later: not if a mark had come before."""
    if lost.fate not in (Fate.MARKED, Fate.SILENT) or (lost.at is not None and lost.at <= strike.moment):
        return False
    return lost.last >= strike.struck_at - LOOK_BACK_S
