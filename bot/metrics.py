"""What happens, counted for Prometheus. What *is* (rooms, queues, memory) stands in `bot.gauges`.

No label ever holds a room token or a session id: that would be a leak that looks like observability. Every label takes
its values from a fixed set, and what has one is shown from the start, at 0: an increase is then seen from the first on.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from collections.abc import Callable, Collection, Iterable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

from pipeline import Totals

LATENCY_BUCKETS: Final = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12)  # seconds
REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3)  # seconds; AppAPI gives up after 3
TURN_S: Final = 0.001  # that a scrape works at a stretch, and what one metric of hundreds of speakers takes
FINAL: Final = "final"
INTERIM: Final = "interim"  # what dashboards call a partial
TRANSLATED: Final = "translated"  # a final for a reader of translations, which may come later
OTHER: Final = "other"  # stands for every value of a label that is none of the known ones
KINDS: Final = (FINAL, INTERIM, TRANSLATED)
DROPPED: Final = ("reader_away", "too_old")
RECONNECTS: Final = ("resume", "full")
PEER_STATES: Final = ("connecting", "connected", "failed", "closed")
ICE_TYPES: Final = ("host", "srflx", "prflx", "relay")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUSES: Final = range(100, 600)
MAX_ROUTES: Final = 64  # templates of the router; any more are counted as `other`
REFUSALS: Final = ("auth", "rate", "connections", "slow", "body")
#: What callers bring about: these labels have no value before the first request.
HTTP_LABELS: Final = ("route", "method", "status")


class Metrics:
    """One a process. `registry` is what `/metrics` renders."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self.registry = CollectorRegistry()
        self.totals = Totals()
        self._joins = self._counter("roomscribe_joins", "Rooms joined")
        self._captions = self._by(
            "roomscribe_captions",
            "Captions sent, each reader counted; translated: finals for readers of a translation",
            "kind",
            KINDS,
        )
        self._dropped = self._by(
            "roomscribe_captions_dropped", "Finals given up, each reader counted", "reason", DROPPED
        )
        self._room_failures = self._counter("roomscribe_room_failures", "Rooms that were given up")
        self._speaker_failures = self._counter("roomscribe_speaker_failures", "Speakers whose pipeline failed")
        self._lost = self._counter("roomscribe_signaling_lost", "Signaling connections lost")
        self._reconnects = self._by(
            "roomscribe_reconnects", "Signaling sessions that came back", "kind", (*RECONNECTS, OTHER)
        )
        self._peers = self._by(
            "roomscribe_peer_state", "Peer connections that came into a state", "state", (*PEER_STATES, OTHER)
        )
        self._ice = self._by(
            "roomscribe_ice_selected",
            "Peer connections by the type of our candidate that ICE chose; host behind a NAT too",
            "type",
            (*ICE_TYPES, OTHER),
        )
        self._latency = self._histogram(
            "roomscribe_caption_latency_seconds",
            "From the arrival of the newest speech in a caption to its sending to a reader: of a final's last spoken "
            "frame, of a partial's newest sample; without finals that waited for an absent reader; translated: finals "
            "for readers of a translation, which come after the others",
            "kind",
        )
        for kind in KINDS:
            self._latency.labels(kind)
        self._join = self._histogram("roomscribe_join_duration_seconds", "From the request to being in the room")
        self._first = self._histogram("roomscribe_first_caption_seconds", "From being in a room to its first caption")
        text = "HTTP requests answered, by the template of their route"
        self._requests = Counter("roomscribe_http_requests", text, HTTP_LABELS, registry=self.registry)
        self._request = Histogram(
            "roomscribe_http_request_seconds",
            "From the head of an HTTP request to its answer",
            ["route"],
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._refused = self._by(
            "roomscribe_http_refused", "HTTP requests and connections refused", "reason", (*REFUSALS, OTHER)
        )
        self._routes: set[str] = set()  # ≤ MAX_ROUTES
        self._watched: dict[str, Gauge] = {}  # by name; as many as the program names
        Info("roomscribe_build", "What is running", registry=self.registry).info(
            {"version": importlib.metadata.version("roomscribe"), "python": platform.python_version()}
        )

    async def render(self) -> bytes:
        """What `/metrics` answers. Everybody else in the event loop has a turn now and then."""
        clock = asyncio.get_running_loop().time
        parts, since = [], clock()
        for metric in self.registry.collect():
            parts.append(generate_latest(_Read(metric)))
            if clock() - since >= TURN_S:
                await asyncio.sleep(0)
                since = clock()
        return b"".join(parts)

    def joined(self, after_s: float) -> None:
        """A new bot is in its room."""
        self._joins.inc()
        self._join.observe(after_s)

    def first_caption(self, after_s: float) -> None:
        self._first.observe(after_s)

    def caption(self, kind: str, *, latency_s: float, waited: bool = False) -> None:
        """A caption of one of `KINDS` was sent to a reader. `waited`: it was kept until the reader came (back), at no
        cost of ours.
        """
        self._captions.labels(kind).inc()
        if not waited:
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
        """`resume`: the session goes on; `full`: it is a new one."""
        self._reconnects.labels(_known(kind, RECONNECTS)).inc()

    def peer_state(self, state: str) -> None:
        """A peer connection came into this state."""
        self._peers.labels(_known(state, PEER_STATES)).inc()

    def ice_selected(self, candidate_type: str) -> None:
        """A peer connection stands, and our candidate of the chosen pair is of this type."""
        self._ice.labels(_known(candidate_type, ICE_TYPES)).inc()

    def http_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """An HTTP request was answered. `route` is the router's template, never the path that was asked for."""
        if route not in self._routes:
            if len(self._routes) < MAX_ROUTES:
                self._routes.add(route)
            else:
                route = OTHER
        method = _known(method, METHODS)
        self._requests.labels(route, method, "500")  # shown at 0: else nobody would see an increase with the first one
        self._requests.labels(route, method, str(status) if status in STATUSES else OTHER).inc()
        self._request.labels(route).observe(max(seconds, 0.0))

    def http_refused(self, reason: str) -> None:
        """`auth`: no or a wrong secret; `rate`: too many requests of one caller; `connections`: too many at once;
        `slow`: it did not come in time; `body`: too large, or not to be read.
        """
        self._refused.labels(_known(reason, REFUSALS)).inc()

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show what `read` gives at each scrape as a gauge. A name that is watched already gets the new `read`."""
        if name not in self._watched:
            self._watched[name] = Gauge(name, text, registry=self.registry)
        self._watched[name].set_function(read)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=LATENCY_BUCKETS, registry=self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _by(self, name: str, text: str, label: str, values: Collection[str]) -> Counter:
        counter = Counter(name, text, [label], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter


class _Read(Collector):
    """What was read a moment ago."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]


def _known(value: str, known: Collection[str]) -> str:
    return value if value in known else OTHER
