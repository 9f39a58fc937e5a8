"""What the process and its recogniser take from the machine. Each figure costs a system call or two."""

from __future__ import annotations

import resource
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
        self._engine: psutil.Process | None = None

    def collect(self, engine_pid: int | None) -> Iterable[Metric]:
        """`engine_pid`: of the process that holds the model, while there is one."""
        memory, cpu = {MAIN: 0.0, ENGINE: 0.0}, {MAIN: 0.0, ENGINE: 0.0}
        for name, process in ((MAIN, self._own), (ENGINE, self._child(engine_pid))):
            try:
                if process is not None:
                    memory[name] = process.memory_info().rss
                    times = process.cpu_times()
                    cpu[name] = times.user + times.system
            except psutil.Error:  # it has just died
                self._engine = None
        yield gauges("roomscribe_memory_rss_bytes", "Resident memory", "process", memory)
        yield counters("roomscribe_cpu_seconds", "Time on a processor, of all threads together", "process", cpu)
        yield gauge("roomscribe_threads", "Threads of the process", self._own.num_threads())
        yield gauge("roomscribe_open_files", "Files and sockets that are open", self._own.num_fds())
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield gauge("roomscribe_open_files_limit", "Files and sockets that may be open", limit)
        yield gauge("roomscribe_start_time_seconds", "When the process began, in Unix time", self._own.create_time())

    def _child(self, pid: int | None) -> psutil.Process | None:
        """Looked for once: finding a process costs more than asking it."""
        if pid is None:
            self._engine = None
        elif self._engine is None or self._engine.pid != pid:
            try:
                self._engine = psutil.Process(pid)
            except psutil.Error:
                self._engine = None
        return self._engine
