"""How many messages may go to one reader: HPB queues without bound for a reader who is slow. Sans-IO."""

from __future__ import annotations


class Pace:
    """At most `rate` a second over time, and `burst` at once (a generic cell rate algorithm)."""

    __slots__ = ("_burst_s", "_due", "_each_s")

    def __init__(self, *, rate: float, burst: int) -> None:
        self._each_s = 1.0 / rate
        self._burst_s = burst / rate
        self._due = 0.0  # when the messages sent so far would be through at the steady rate

    def wait_s(self, *, now: float) -> float:
        """Seconds until one more may go; 0: now."""
        return max(0.0, self._due + self._each_s - self._burst_s - now)

    def went(self, *, now: float) -> None:
        """One went."""
        self._due = max(self._due, now) + self._each_s
