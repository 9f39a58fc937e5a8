"""What the process and its recogniser take from the machine. Each figure costs a system call or two.

Most of them are read from a file. While none can be opened, what was seen last stands: a counter that falls would look
like a new process, and an alert would end when it is needed most.
"""

from __future__ import annotations

import contextlib
import errno
import resource
import sys
import tracemalloc
from collections.abc import Iterable
from typing import Final

import psutil
from prometheus_client.core import Metric

from .families import counters, gauge, gauges

MAIN: Final = "main"
ENGINE: Final = "engine"


class ProcessGauges:
    """One a process."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self._born = self._own.create_time()
        self._engine: psutil.Process | None = None
        self._memory: dict[str, float] = {}  # by process; as the others, when it was seen last
        self._cpu: dict[str, float] = {}
        self._threads: int | None = None
        self._files: int | None = None

    def collect(self, engine_pid: int | None) -> Iterable[Metric]:
        """`engine_pid`: of the process that holds the model, while there is one."""
        for name in (MAIN, ENGINE):
            with contextlib.suppress(OSError):
                process = self._own if name == MAIN else self._child(engine_pid)
                self._memory[name], self._cpu[name] = self._taken(process)
        with contextlib.suppress(OSError):
            self._threads = self._own.num_threads()
        yield gauges("roomscribe_memory_rss_bytes", "Resident memory", "process", self._memory)
        yield counters("roomscribe_cpu_seconds", "Time on a processor, of all threads together", "process", self._cpu)
        if self._threads is not None:
            yield gauge("roomscribe_threads", "Threads of the process", self._threads)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._look_at_files(limit)
        if self._files is not None:
            yield gauge("roomscribe_open_files", "Files and sockets that are open", self._files)
        yield gauge("roomscribe_open_files_limit", "Files and sockets that may be open", limit)
        yield gauge("roomscribe_start_time_seconds", "When the process began, in Unix time", self._born)
        text = "Pieces of memory that Python's own allocator has given out"
        yield gauge("roomscribe_heap_blocks", text, sys.getallocatedblocks())
        if tracemalloc.is_tracing():
            text = "Memory that Python has allocated since it began to trace it"
            yield gauge("roomscribe_traced_heap_bytes", text, tracemalloc.get_traced_memory()[0])

    def _taken(self, process: psutil.Process | None) -> tuple[float, float]:
        """Memory, and time on a processor. Raises `OSError`."""
        try:
            if process is not None:
                times = process.cpu_times()
                return float(process.memory_info().rss), times.user + times.system
        except psutil.Error:  # it has just died
            self._engine = None
        return 0.0, 0.0

    def _look_at_files(self, limit: int) -> None:
        try:
            self._files = self._own.num_fds()
        except OSError as error:
            if error.errno == errno.EMFILE:  # all that there may be
                self._files = limit

    def _child(self, pid: int | None) -> psutil.Process | None:
        """Looked for once: finding a process costs more than asking it. Raises `OSError`."""
        if pid is None:
            self._engine = None
        elif self._engine is None or self._engine.pid != pid:
            try:
                self._engine = psutil.Process(pid)
            except psutil.Error:
                self._engine = None
        return self._engine
