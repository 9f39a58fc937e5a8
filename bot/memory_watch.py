"""How much memory is in use, looked at now and then: what may be taken on depends on it, and what is free is returned.

Python's collector of cycles counts objects, not bytes: a few forgotten requests with large bodies would wait for it for
long (each closed connection of asyncio is a cycle). And the C library keeps what was freed between what is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
from collections.abc import Callable
from typing import Final

import psutil

from pipeline import Engine, EngineState

from .admission import Admission, Bound

log = logging.getLogger("roomscribe.bot.memory_watch")

CHECK_S: Final = 1.0  # between two looks
YOUNG: Final = 1  # the generations of objects that are younger than a look or two
TIDY_EACH_S: Final = 5.0  # all generations, at most that often …
REST: Final = 1000  # … and so many times as long as it took: with thousands of objects more, it takes longer …
EMPTY_LOOKS: Final = 2  # at a service without rooms: what was closed last has let go by then
TIDY_GROWN: Final = 1_000_000  # bytes: … and only once so much more is in use


class MemoryWatch:
    """`idle`: no room is being served."""

    def __init__(self, *, admission: Admission, engine: Engine, idle: Callable[[], bool]) -> None:
        self._admission = admission
        self._engine = engine
        self._idle = idle
        self._told = False
        self._not_before = 0.0
        self._least: int | None = None  # in use since it was last tidied up
        self._empty_looks = 0  # in a row

    async def run(self) -> None:
        """Look until cancelled. Not with each request: it costs system calls, and changes slowly."""
        clock = asyncio.get_running_loop().time
        while True:
            gc.collect(YOUNG)
            with contextlib.suppress(OSError):  # no file can be opened just now: what was seen last still counts
                self._look(clock)
            await asyncio.sleep(CHECK_S)

    def _look(self, clock: Callable[[], float]) -> None:
        ours = rss_of(os.getpid())
        if self.is_due(ours, now=clock()):
            began = clock()
            gc.collect()
            give_back()
            self.tidied(took_s=clock() - began, now=clock())
            ours = self._least = rss_of(os.getpid())
        self._observe(ours + rss_of(self._engine.pid))

    def is_due(self, ours: int, *, now: float) -> bool:
        """Is it time to look for what can be given back, with so many bytes in use by this process?

        Once after the last room has closed, whatever it takes: nobody is there to be kept waiting.
        """
        self._empty_looks = self._empty_looks + 1 if self._idle() else 0
        self._least = ours if self._least is None else min(self._least, ours)
        grown = ours - self._least >= TIDY_GROWN and now >= self._not_before
        return grown or self._empty_looks == EMPTY_LOOKS

    def tidied(self, *, took_s: float, now: float) -> None:
        """It was done; nothing else could be done meanwhile."""
        self._not_before = now + max(TIDY_EACH_S, REST * took_s)

    def _observe(self, memory: int) -> None:
        was_full = self._admission.memory_full
        self._admission.observe(memory=memory)
        full = self._admission.memory_full
        if full and self._idle() and self._engine.state is EngineState.READY and not self._told:
            self._told = True
            log.error(
                "no room can ever be served: roomscribe and its model take %d MB by themselves, and "
                "ROOMSCRIBE_MEMORY_LIMIT_MB is %d: set it higher, or to 0",
                memory // 1_000_000,
                self._admission.settings.memory_limit_mb or 0,
            )
        elif full and not was_full:
            reason = self._admission.no_speaker()[Bound.MEMORY]
            log.warning("no new room and no new speaker until there is memory again: %s", reason)
        elif was_full and not full:
            log.info("there is memory again for new rooms and speakers")


def give_back() -> None:
    """What the C library holds and nobody uses goes to the system. Others than glibc are left alone."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def rss_of(pid: int | None) -> int:
    """Resident memory of a process, bytes; 0 where there is none. Raises `OSError`: it cannot be looked at."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
    except psutil.Error:  # it has just died
        return 0
