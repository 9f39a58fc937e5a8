"""What is measured of the service while it works and while it rests, and how much of each may stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

WARM_UP: Final = "warm_up"  # what is taken once is taken here; never judged
LOAD: Final = "load"
REST: Final = "rest"  # everybody has left


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the service. `leg`: which life of its process; a run that was resumed has several.

    `joins`, `utterances` and `reconnects` count from the beginning of the run. `values` go by the names of `METRICS`;
    what could not be measured is not there.
    """

    leg: int
    at_s: float
    phase: str
    joins: int
    utterances: int
    reconnects: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`resolution`: it cannot be known better. `tolerance`: smaller growth over a run is no leak.

    Flat is what surely grows by less than the limits. `must_return`: exactly at its base when everybody has left.
    """

    label: str
    unit: str
    kind: Literal["memory", "count"]
    resolution: float
    tolerance: float
    per_join: float
    per_utterance: float | None = None
    must_return: bool = False
    resident: bool = False  # as the system counts it: with what the allocator keeps, which only time evens out


PAGE_KB: Final = 4.0  # the system gives memory in pages
BLOCK_KB: Final = 0.1  # of Python's allocator, about: what a heap may grow by, in blocks


def _memory(label: str, *, tolerance: float, per_join: float, resolution: float = PAGE_KB) -> Metric:
    return Metric(
        label=label,
        unit="kB",
        kind="memory",
        resolution=resolution,
        tolerance=tolerance,
        per_join=per_join,
        resident=True,
    )


def _count(label: str, unit: str, *, must_return: bool = True) -> Metric:
    """Two more are a leak; flat is less than one in a hundred joins."""
    return Metric(
        label=label, unit=unit, kind="count", resolution=1.0, tolerance=2.0, per_join=0.01, must_return=must_return
    )


METRICS: Final[Mapping[str, Metric]] = {
    "rss_kb": _memory("resident memory (main process)", tolerance=1000.0, per_join=1.0),
    "pss_kb": _memory("proportional memory (all processes)", tolerance=5000.0, per_join=5.0),
    "engine_rss_kb": _memory("resident memory (engine)", tolerance=5000.0, per_join=5.0),
    "tree_rss_kb": _memory("resident memory (all processes)", tolerance=5000.0, per_join=5.0),
    "heap_kb": Metric(
        label="Python's heap",
        unit="kB",
        kind="memory",
        resolution=1.0,
        tolerance=64.0,
        per_join=0.5,
        per_utterance=0.5,
    ),
    "heap_blocks": Metric(
        label="blocks of Python's heap",
        unit="blocks",
        kind="count",
        resolution=1.0,
        tolerance=64.0 / BLOCK_KB,
        per_join=0.5 / BLOCK_KB,
        per_utterance=0.5 / BLOCK_KB,
    ),
    "open_files": _count("open files", "files"),
    "sockets": _count("sockets", "sockets"),
    "threads": _count("threads", "threads"),
    "tasks": _count("tasks", "tasks"),
    "peer_connections": _count("peer connections", "connections"),
    "ring_kb": Metric(
        label="audio held in rings",
        unit="kB",
        kind="memory",
        resolution=1.0,
        tolerance=64.0,
        per_join=0.5,
        must_return=True,
    ),
    "series": _count("lines of /metrics", "lines", must_return=False),
}
