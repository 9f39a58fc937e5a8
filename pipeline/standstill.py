"""Did this process stand still: stopped, starved, or suspended with its machine? Sans-IO.

Time in which nobody here could work says nothing of how long others took, or of how much there is to do.
"""

from __future__ import annotations

from typing import Final

STANDSTILL_S: Final = 2.0  # a look that comes so much too late: no load of ours keeps the event loop for so long


class Looks:
    """Who looks at something every `every_s` seconds learns from it how much of the time before a look was none."""

    def __init__(self, every_s: float, *, now: float) -> None:
        self._every_s = every_s
        self._at = now

    def stood_still_s(self, *, now: float) -> float:
        """This is the next look. How long the process stood still since the one before; mostly 0."""
        late_s = now - self._at - self._every_s
        self._at = now
        return late_s if late_s >= STANDSTILL_S else 0.0
