"""How often the same thing is said: a bound for each kind of line, and one line on those that were left out. Pure.

Whoever can make us log (a stranger with requests, a server that fails) must not fill the disk with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST: Final = 60  # lines of one kind …
WINDOW_S: Final = 60.0  # … in so long
MAX_KINDS: Final = 512  # that are counted at once; beyond, the oldest count begins afresh

Kind = tuple[str, object, int]  # logger; template, or place in the code; level


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """So many lines of a kind; the first was counted at `since`, by the clock of `now`."""

    kind: Kind
    number: int
    since: float


@dataclass(slots=True)
class _Count:
    since: float
    said: int = 0
    left_out: int = 0


class LineRate:
    """`admits` each line; `over` gives what was left out of the kinds whose time is over."""

    def __init__(self, *, most: int = MOST, window_s: float = WINDOW_S, max_kinds: int = MAX_KINDS) -> None:
        self._window_s = window_s
        self._most = most
        self._max_kinds = max_kinds
        self._counts: dict[Kind, _Count] = {}  # ≤ max_kinds, in the order in which they began

    def admits(self, kind: Kind, *, now: float) -> bool:
        """May a line of this kind be written? Ask `over` first."""
        count = self._counts.get(kind)
        if count is None:
            count = self._counts[kind] = _Count(now)
        if count.said < self._most:
            count.said += 1
            return True
        count.left_out += 1
        return False

    def over(self, *, now: float) -> list[LeftOut]:
        """Of the kinds that may be said again, those of which lines were left out."""
        ended: list[LeftOut] = []
        while self._counts:
            kind, count = next(iter(self._counts.items()))
            if now - count.since < self._window_s and len(self._counts) < self._max_kinds:
                break
            del self._counts[kind]
            if count.left_out:
                ended.append(LeftOut(kind=kind, number=count.left_out, since=count.since))
        return ended
