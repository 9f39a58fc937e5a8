"""`roomscribe serve` as a process of its own: started, asked as an operator would, and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import psutil

from pipeline.child_process import inheritable
from soak.stack.process import die_with_parent

from .footprint import engine_pid, measure
from .launch import MODULE, LaunchOptions
from .scrape import Scrape

LOOPBACK: Final = "127.0.0.1"
LOCAL: Final = frozenset({LOOPBACK, "localhost", "::1", "0.0.0.0", "::"})
PROGRAM: Final = ("-c", "from api.cli import main; main()")
TRACING: Final = ("-X", "tracemalloc")  # one frame of each allocation: enough to count, and the cheapest
LISTEN_S: Final = 30.0
LOOK_S: Final = 0.01
ANSWER_S: Final = 5.0  # in which a healthy service answers
STOP_S: Final = 30.0
LAST_WORDS: Final = 2000  # characters
STRANGERS: Final = (401, 403)  # what they are answered
FLAWED: Final = (aiohttp.ClientError, OSError)  # TimeoutError is one of the latter


class ServiceFailed(Exception):
    """The service did not come up, or does not answer. The message has its last words, if they can be had."""

    component = "soak.service.process"


class Started(Protocol):
    """A service that may not listen yet."""

    @property
    def is_running(self) -> bool: ...

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; 0 where there is no answer."""
        ...

    def last_words(self) -> str: ...


@dataclass(slots=True, kw_only=True, eq=False)
class RoomscribeProcess:
    """Built by `serving` and `attached`. `pid` and `log` None: it is not ours, and cannot be looked at."""

    url: str
    pid: int | None
    log: Path | None
    process: asyncio.subprocess.Process | None = None
    asking: aiohttp.ClientSession = field(repr=False)
    scraping: aiohttp.ClientSession = field(repr=False)
    exit_status: int | None = None  # once it has been stopped
    first_answer_s: float = 0.0  # since its process was started; 0: that was not us

    @property
    def is_running(self) -> bool:
        """As far as can be told: a process that cannot be looked at is thought to run."""
        if self.process is not None:
            return self.process.returncode is None
        return self.pid is None or psutil.pid_exists(self.pid)

    def engine_pid(self) -> int | None:
        """Of the process that holds the model, while there is one, and it can be looked at. Costs milliseconds."""
        return None if self.pid is None else engine_pid(self.pid)

    def measure(self, scrape: Scrape | None) -> dict[str, float]:
        """What it holds just now (`soak.service.footprint`). Costs tens of milliseconds; may be called in a thread."""
        return measure(self.pid, scrape)

    async def get(self, path: str, within_s: float = ANSWER_S) -> tuple[int, bytes]:
        """Status and body; 0 where there is no answer."""
        return await _ask(self.asking, "GET", path, within_s)

    async def post(self, path: str, body: Mapping[str, Any], within_s: float = ANSWER_S) -> tuple[int, dict[str, Any]]:
        """Status, and the object that was answered; 0 where there is no answer."""
        status, answer = await _ask(self.asking, "POST", path, within_s, json=dict(body))
        try:
            told = json.loads(answer or b"{}")
        except ValueError:
            told = {}
        return status, told if isinstance(told, dict) else {}

    async def scrape(self, within_s: float = ANSWER_S) -> Scrape:
        """What it says of itself. Raises `ServiceFailed`."""
        status, body = await _ask(self.scraping, "GET", "/metrics", within_s)
        if status != 200:
            raise ServiceFailed(f"/metrics: {f'status {status}' if status else 'no answer'}{_after(self.last_words())}")
        try:
            return Scrape(body.decode())
        except ValueError as error:
            raise ServiceFailed(f"/metrics: the answer is no list of metrics ({error})") from error

    def last_words(self) -> str:
        return "" if self.log is None else self.log.read_text(errors="replace")[-LAST_WORDS:]


@contextlib.asynccontextmanager
async def serving(
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    secret: str,
    log: Path,
    launch: LaunchOptions | None = None,
    trace_heap: bool = False,
) -> AsyncIterator[RoomscribeProcess]:
    """It listens; its model may still be loading. `settings` are named without their prefix. Raises `ServiceFailed`."""
    port = free_port()
    program = PROGRAM if launch is None else ("-m", MODULE, launch.written)
    command = (sys.executable, *(TRACING if trace_heap else ()), *program, "serve")
    url = f"http://{LOOPBACK}:{port}"
    async with _sessions(url, secret) as (asking, scraping):
        began = time.monotonic()
        process = await start(command, settings, environment, port=port, secret=secret, log=log)
        service = RoomscribeProcess(
            url=url, pid=process.pid, log=log, process=process, asking=asking, scraping=scraping
        )
        try:
            await listening(service)
            service.first_answer_s = time.monotonic() - began
            yield service
        finally:
            service.exit_status = await stop(process)


@contextlib.asynccontextmanager
async def attached(url: str, secret: str) -> AsyncIterator[RoomscribeProcess]:
    """A service that somebody else has started, and will stop. Raises `ServiceFailed`: it does not answer us."""
    async with _sessions(url, secret) as (asking, scraping):
        pid = listener(url)
        service = RoomscribeProcess(url=url.rstrip("/"), pid=pid, log=None, asking=asking, scraping=scraping)
        status, _ = await service.get("/healthz")
        if not status:
            raise ServiceFailed(f"nobody answers at {url}")
        status, _ = await service.get("/metrics")
        if status in STRANGERS:
            raise ServiceFailed(f"the service at {url} has another HTTP secret (status {status})")
        yield service


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listener(url: str) -> int | None:
    """Of the process on this machine that listens at `url`, if we may know."""
    parts = urlsplit(url)
    if parts.hostname not in LOCAL:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with contextlib.suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port:
                return None if each.pid is None else int(each.pid)
    return None


async def start(
    command: Sequence[str],
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    port: int,
    secret: str,
    log: Path,
) -> asyncio.subprocess.Process:
    """`command` as a service: with these settings alone, on loopback, and all that it writes at the end of `log`.

    In a session of its own: Ctrl-C is for us, and whoever has heard it stops the service in time.
    """
    own = {"HTTP_HOST": LOOPBACK, "HTTP_PORT": str(port), "HTTP_SECRET": secret, **settings}
    inherited = inheritable(environment) | {f"ROOMSCRIBE_{name}": value for name, value in own.items()}
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


async def listening(service: Started) -> None:
    """Wait until it answers. Raises `ServiceFailed`."""
    try:
        async with asyncio.timeout(LISTEN_S):
            while not (await service.get("/healthz"))[0]:
                if not service.is_running:
                    raise ServiceFailed(f"the service ended at once{_after(service.last_words())}")
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise ServiceFailed(f"the service does not listen{_after(service.last_words())}") from error


async def stop(process: asyncio.subprocess.Process) -> int:
    """Its exit status. By force if it does not end by itself."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
    return await process.wait()


@contextlib.asynccontextmanager
async def _sessions(url: str, secret: str) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """Questions come on connections of their own. Scrapes share one that stays open: the service's sockets are counted,
    and one that is closing would be there at one look and not at the next.
    """
    headers = {"Authorization": f"Bearer {secret}"}
    asking = aiohttp.TCPConnector(force_close=True)
    scraping = aiohttp.TCPConnector(limit=1, keepalive_timeout=LISTEN_S)
    async with (
        aiohttp.ClientSession(url, headers=headers, connector=asking) as questions,
        aiohttp.ClientSession(url, headers=headers, connector=scraping) as scrapes,
    ):
        yield questions, scrapes


async def _ask(http: aiohttp.ClientSession, method: str, path: str, within_s: float, **more: Any) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=within_s)
    try:
        async with http.request(method, path, timeout=timeout, **more) as answer:
            return answer.status, await answer.read()
    except FLAWED:
        return 0, b""


def _after(last_words: str) -> str:
    return f": {last_words}" if last_words else ""
