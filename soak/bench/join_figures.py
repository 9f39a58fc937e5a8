"""What a process holds when nobody is there, looked at after so many joins, and what may be concluded from that."""

from __future__ import annotations

import asyncio
import gc
import statistics
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil
from aiortc import RTCPeerConnection
from rich.table import Table

from bot.sweep import Sweeper
from pipeline import Media, RtpReceiver
from pipeline.jitter import JitterRing
from pipeline.ring import AudioRing

MOST_GROWTH_MB: Final = 5.0  # 5 kB of each of a thousand; the allocator's own fragments come to less
MEGABYTE: Final = 1e6
WORKER: Final = "opus"  # how the names of the threads of `Media` begin
COUNTED: Final = (RTCPeerConnection, RtpReceiver, JitterRing, AudioRing)
SHOWN: Final = {
    "joins": "joins",
    "rss_mb": "MB",
    "threads": "threads",
    "workers": "workers",
    "sockets": "files",
    "tasks": "tasks",
    "receivers": "receivers",
    "listed": "listed",
    "decoders": "decoders",
    "watched": "swept",
    "objects": "objects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is held after so many `joins`. `sockets` are all open files; `objects` those of the classes `COUNTED`.

    `workers` decode; they are started as they are needed and stay, `most_workers` at most. `threads` are all others.
    `receivers` of `Media`, those of them that are `listed` for work, `decoders` in use, sockets `watched` together.
    """

    joins: int
    rss_mb: float
    threads: int
    sockets: int
    tasks: int
    workers: int = 0
    most_workers: int = 0
    receivers: int = 0
    listed: int = 0
    decoders: int = 0
    watched: int = 0
    objects: tuple[int, ...] = (0,) * len(COUNTED)


def look(joins: int, media: Media, sweeper: Sweeper) -> Sample:
    """What this process holds now. Takes a while: all its objects are gone through."""
    gc.collect()
    process = psutil.Process()
    workers = sum(each.name.startswith(WORKER) for each in threading.enumerate())
    alive = Counter(type(each) for each in gc.get_objects())
    return Sample(
        joins=joins,
        rss_mb=process.memory_info().rss / MEGABYTE,
        threads=process.num_threads() - workers,
        workers=workers,
        most_workers=media.workers,
        sockets=process.num_fds(),
        tasks=len(asyncio.all_tasks()),
        receivers=media.receivers,
        listed=media.listed,
        decoders=media.pool.in_use,
        watched=len(sweeper),
        objects=tuple(alive[each] for each in COUNTED),
    )


def left(last: Sample, base: Sample) -> dict[str, int]:
    """What there is more of than there was. Of what belongs to speakers, nothing may be left at all."""
    return {
        "threads_left": max(0, last.threads - base.threads) + max(0, last.workers - last.most_workers),
        "sockets_left": max(0, last.sockets - base.sockets),
        "tasks_left": max(0, last.tasks - base.tasks),
        "receivers_left": last.receivers,
        "listed_left": last.listed,
        "decoders_left": last.decoders,
        "watched_left": last.watched,
        "objects_left": sum(last.objects),
    }


def figures(samples: Sequence[Sample], *, seconds: float) -> dict[str, Any]:
    """The first of the samples is the base. The late slope is that of the second half, without what is taken once."""
    base, last = samples[0], samples[-1]
    growth_mb = last.rss_mb - base.rss_mb
    over = left(last, base)
    return {
        "joins": last.joins,
        "seconds": round(seconds, 1),
        "rss_base_mb": round(base.rss_mb, 1),
        "rss_growth_mb": round(growth_mb, 2),
        "rss_slope_mb_per_100": _slope(samples),
        "rss_late_slope_mb_per_100": _slope(samples[len(samples) // 2 :]),
        **over,
        "objects": {each.__name__: count for each, count in zip(COUNTED, last.objects, strict=True)},
        "clean": not any(over.values()) and growth_mb <= MOST_GROWTH_MB,
        "samples": [_row(each) for each in samples],
    }


def table(figures: Mapping[str, Any]) -> Table:
    """One line a sample."""
    title = f"{figures['joins']} joins and leaves in {figures['seconds']} s: " + (
        "everything is back" if figures["clean"] else "something is left"
    )
    shown = Table(title=title, box=None, pad_edge=False, padding=(0, 1, 0, 0))  # fits into 80 columns
    for heading in SHOWN.values():
        shown.add_column(heading, justify="right", no_wrap=True)
    for each in figures["samples"]:
        shown.add_row(*(str(each[name]) for name in SHOWN))
    return shown


def _slope(samples: Sequence[Sample]) -> float | None:
    """Megabytes in a hundred joins, by least squares; None: too few samples to tell."""
    if len(samples) < 2:
        return None
    hundreds = [each.joins / 100 for each in samples]
    return round(statistics.linear_regression(hundreds, [each.rss_mb for each in samples]).slope, 3)


def _row(sample: Sample) -> dict[str, float]:
    objects = {"rss_mb": round(sample.rss_mb, 2), "objects": sum(sample.objects)}
    return {name: objects.get(name, getattr(sample, name)) for name in SHOWN}
