"""What the process under test holds: what the kernel says of it, and what it says of itself.

A process may vanish at any moment: what cannot be had then is left out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

from .scrape import Scrape

KILOBYTE: Final = 1024.0
PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
PROC: Final = Path("/proc")
#: By the name of a figure: that of the metric, and its unit.
TOLD: Final = {
    "heap_kb": ("roomscribe_traced_heap_bytes", KILOBYTE),
    "heap_blocks": ("roomscribe_heap_blocks", 1.0),
    "tasks": ("roomscribe_tasks", 1.0),
    "ring_kb": ("roomscribe_ring_bytes", KILOBYTE),
}
PEERS: Final = "roomscribe_peer_connections"
RSS: Final = "roomscribe_memory_rss_bytes"


def measure(pid: int | None, scrape: Scrape | None) -> dict[str, float]:
    """By name. Without a process to look at, as far as it tells itself; without a scrape, as far as the kernel does."""
    figures = {} if scrape is None else _told(scrape)
    if pid is not None:
        figures |= _seen(pid)
    return figures


def engine_pid(pid: int) -> int | None:
    """Of the process that holds the model: the only one that the service starts."""
    with contextlib.suppress(psutil.Error):
        return next((child.pid for child in psutil.Process(pid).children() if _runs(child)), None)
    return None


def _told(scrape: Scrape) -> dict[str, float]:
    figures = {name: scrape.value(metric) / unit for name, (metric, unit) in TOLD.items() if metric in scrape}
    if PEERS in scrape:
        figures["peer_connections"] = scrape.value(PEERS, state="open")
        figures["closed_peers"] = scrape.value(PEERS, state="closed")
    if RSS in scrape:
        figures["rss_kb"] = scrape.value(RSS, process="main") / KILOBYTE
        figures["engine_rss_kb"] = scrape.value(RSS, process="engine") / KILOBYTE
        figures["tree_rss_kb"] = scrape.sum(RSS) / KILOBYTE
    for name in ("open_files", "threads"):
        if f"roomscribe_{name}" in scrape:
            figures[name] = scrape.value(f"roomscribe_{name}")
    return {**figures, "series": float(scrape.series)}


def _seen(pid: int) -> dict[str, float]:
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return {}
    if not _runs(process):  # nobody has buried it yet, and it holds 0 of everything
        return {}
    looks: dict[str, Callable[[], float | None]] = {
        "rss_kb": lambda: _rss_kb(process),
        "pss_kb": lambda: _pss_kb(pid),
        "engine_rss_kb": lambda: _engine_rss_kb(pid),
        "tree_rss_kb": lambda: sum(_rss_kb(each) for each in (process, *_descendants(process))),
        "open_files": process.num_fds,
        "sockets": lambda: _sockets(pid),
        "threads": process.num_threads,
    }
    figures = {}
    for name, look in looks.items():
        with contextlib.suppress(psutil.Error, OSError):
            if (figure := look()) is not None:
                figures[name] = float(figure)
    return figures


def _rss_kb(process: psutil.Process) -> float:
    return float(process.memory_info().rss / KILOBYTE)


def _engine_rss_kb(pid: int) -> float | None:
    engine = engine_pid(pid)
    return None if engine is None else _rss_kb(psutil.Process(engine))


def _pss_kb(pid: int) -> float | None:
    """Of memory that it shares with others, its share alone. Not every kernel tells."""
    told = PSS.search((PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace"))
    return None if told is None else float(told[1])


def _sockets(pid: int) -> int:
    found = 0
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def _descendants(process: psutil.Process) -> Iterator[psutil.Process]:
    for child in process.children(recursive=True):
        if _runs(child):
            yield child


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
