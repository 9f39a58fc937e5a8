"""What happens, counted for Prometheus. What *is* (rooms, queues, memory) stands in `bot.gauges`.

No label ever holds a room token or a session id: that would be a leak that looks like observability.
"""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Info

from pipeline import Totals

LATENCY_BUCKETS: Final = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12)
INTERIM: Final = "interim"  # what dashboards call a partial


class Metrics:
    """One a process. `registry` is what `/metrics` renders."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.totals = Totals()
        self._joins = self._counter("roomscribe_joins", "Rooms joined")
        self._captions = self._counter("roomscribe_captions", "Captions sent, each reader counted", "kind")
        self._dropped = self._counter("roomscribe_captions_dropped", "Finals given up, each reader counted", "reason")
        self._room_failures = self._counter("roomscribe_room_failures", "Rooms that were given up")
        self._speaker_failures = self._counter("roomscribe_speaker_failures", "Speakers whose pipeline failed")
        self._lost = self._counter("roomscribe_signaling_lost", "Signaling connections lost")
        self._reconnects = self._counter("roomscribe_reconnects", "Signaling sessions that came back", "kind")
        self._latency = Histogram(
            "roomscribe_caption_latency_seconds",
            "From the newest sample in a caption to its sending",
            ["kind"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._join = self._histogram("roomscribe_join_duration_seconds", "From the request to being in the room")
        self._first = self._histogram("roomscribe_first_caption_seconds", "From being in a room to its first caption")
        Info("roomscribe_build", "What is running", registry=self.registry).info(
            {"version": importlib.metadata.version("roomscribe"), "python": platform.python_version()}
        )

    def joined(self, after_s: float) -> None:
        """A new bot is in its room."""
        self._joins.inc()
        self._join.observe(after_s)

    def first_caption(self, after_s: float) -> None:
        self._first.observe(after_s)

    def caption(self, *, final: bool, latency_s: float) -> None:
        kind = "final" if final else INTERIM
        self._captions.labels(kind).inc()
        self._latency.labels(kind).observe(max(latency_s, 0.0))

    def caption_dropped(self, reason: str) -> None:
        """`reader_away`: more than it may keep; `too_old`: it waited for longer than anybody wants to read it."""
        self._dropped.labels(reason).inc()

    def room_failed(self) -> None:
        self._room_failures.inc()

    def speaker_failed(self) -> None:
        self._speaker_failures.inc()

    def signaling_lost(self) -> None:
        self._lost.inc()

    def reconnected(self, kind: str) -> None:
        self._reconnects.labels(kind).inc()

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, buckets=LATENCY_BUCKETS, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
