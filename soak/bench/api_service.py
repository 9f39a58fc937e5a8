"""The service of `roomscribe bench api`: `roomscribe serve` in a process of its own, looked at from outside."""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from soak.service.process import LAST_WORDS, PROGRAM, ServiceFailed, free_port, listening, start, stop

from .hostile_answers import answers
from .hostile_attack import head
from .hostile_connection import LOOPBACK, exchange

SERVE: Final = (sys.executable, *PROGRAM, "serve")
ALIVE_S: Final = 5.0  # in which /healthz answers, or the service has crashed
SAMPLE_S: Final = 0.5  # between two looks at its memory
MEGABYTE: Final = 1e6
UNFORESEEN: Final = re.compile(r"Traceback|never retrieved|never awaited|Unclosed|Fatal Python|Segmentation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What the main process holds; its recogniser is another one."""

    rss_mb: float
    files: int
    threads: int


@dataclass(slots=True, kw_only=True, eq=False)
class ServiceProcess:
    """Built by `serving`. `log` is the file that it writes to."""

    port: int
    secret: str = field(repr=False)
    log: Path
    process: asyncio.subprocess.Process
    exit_status: int | None = None  # once it has been stopped
    first_answer_s: float = 0.0  # since its process was started

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def get(self, path: str, within_s: float = ALIVE_S) -> tuple[int, bytes]:
        """Status and body; 0 where there is no answer."""
        headers = [("Host", LOOPBACK), ("Connection", "close"), ("Authorization", f"Bearer {self.secret}")]
        return await self._ask(head("GET", path, headers), within_s)

    async def post(self, path: str, body: bytes, within_s: float = ALIVE_S) -> tuple[int, bytes]:
        """JSON. Status and body; 0 where there is no answer."""
        headers = [
            ("Host", LOOPBACK),
            ("Connection", "close"),
            ("Authorization", f"Bearer {self.secret}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        return await self._ask(head("POST", path, headers) + body, within_s)

    async def _ask(self, sent: bytes, within_s: float) -> tuple[int, bytes]:
        try:
            given = answers(await exchange(self.port, sent, within_s))
        except OSError:
            return 0, b""
        return (given[0].status, given[0].body) if given else (0, b"")

    async def is_alive(self) -> bool:
        status, _ = await self.get("/healthz")
        return self.is_running and status == 200

    async def metric(self, name: str) -> float:
        """The sum of a metric's series; 0 where there is none."""
        _, body = await self.get("/metrics")
        lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", body.decode(errors="replace"), re.MULTILINE)
        return sum(map(float, lines))

    def footprint(self) -> Footprint:
        """Raises `ServiceFailed`: it is gone."""
        try:
            process = psutil.Process(self.process.pid)
            with process.oneshot():
                rss_mb = process.memory_info().rss / MEGABYTE
                return Footprint(rss_mb=rss_mb, files=process.num_fds(), threads=process.num_threads())
        except psutil.Error as error:
            raise ServiceFailed(f"the service is gone: {self.last_words()}") from error

    async def settled(self, settle_s: float) -> Footprint:
        """What it holds when so much time has gone by: the median of the last third of it. Speech comes and goes."""
        looks: list[Footprint] = []
        until = time.monotonic() + settle_s
        while time.monotonic() < until or not looks:
            looks.append(self.footprint())
            await asyncio.sleep(SAMPLE_S)
        return median(looks[-max(1, len(looks) // 3) :])

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-LAST_WORDS:]

    def complaints(self, secrets: Sequence[str]) -> dict[str, Any]:
        """What its log says that it should not."""
        text = self.log.read_text(errors="replace")
        return {
            "log_lines": text.count("\n"),
            "log_mb": round(self.log.stat().st_size / MEGABYTE, 2),
            "log_tracebacks": len(UNFORESEEN.findall(text)),
            "log_secrets": sum(secret in text for secret in secrets),
        }


def median(looks: Sequence[Footprint]) -> Footprint:
    """Of each number by itself."""
    return Footprint(
        rss_mb=statistics.median(each.rss_mb for each in looks),
        files=round(statistics.median(each.files for each in looks)),
        threads=round(statistics.median(each.threads for each in looks)),
    )


@contextlib.asynccontextmanager
async def serving(
    settings: Mapping[str, str], environment: Mapping[str, str], *, secret: str, log: Path
) -> AsyncIterator[ServiceProcess]:
    """It listens; its model may still be loading. `settings` are named without their prefix. Raises `ServiceFailed`."""
    port = free_port()
    began = time.monotonic()
    process = await start(SERVE, settings, environment, port=port, secret=secret, log=log)
    service = ServiceProcess(port=port, secret=secret, log=log, process=process)
    try:
        await listening(service)
        service.first_answer_s = time.monotonic() - began
        yield service
    finally:
        service.exit_status = await stop(process)
