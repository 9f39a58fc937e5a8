"""The control API: how soon it answers while rooms are captioned, and what thousands of hostile requests do to it.

The service is `roomscribe serve` in a process of its own. This process is its world: the signaling server, and the
people in the rooms. Those who ask for captions, and those who attack, are processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

import api
from soak.clip import Clip
from soak.crew import Crew
from soak.service.process import ServiceFailed

from . import api_load, hostile_sender
from .api_figures import Attacked, summary
from .api_limits import measure_limits
from .api_rooms import Rooms, open_rooms
from .api_service import Footprint, ServiceProcess, serving
from .hostile_attack import Aim
from .media_run import Child, child

LOAD: Final = ("-m", "soak.bench.api_load")
ATTACKER: Final = ("-m", "soak.bench.hostile_sender")
APP_ID: Final = "live_transcription"
PATIENCE_S: Final = 60.0  # beyond the time that a part takes by itself
HOSTILE_S: Final = 0.5  # of one hostile request, at worst
CAPTIONS_S: Final = 30.0  # in which a room that is captioned has a caption
GONE_S: Final = 30.0  # in which rooms that nobody reads in are left
LOOK_S: Final = 0.5
UNLIMITED: Final = "10000"  # requests a second: hostile ones are to be handled, not turned away


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`hostile` requests come after `warm_up` such. Memory has `settle_s` to come back."""

    rooms: int = 10
    speakers: int = 1
    rate: float = 50.0
    seconds: float = 30.0
    hostile: int = 10_000
    warm_up: int = 500
    parallel: int = 16
    slow: int = 24
    seed: int = 1
    settle_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Report:
    """`parts` are the figures of each part, in their order; `total` those of the whole."""

    parts: list[dict[str, Any]]
    total: dict[str, Any]


class Bench:
    """One run. Secrets are drawn anew for each."""

    def __init__(self, options: Options, environment: Mapping[str, str], note: Callable[[str], None]) -> None:
        self._options = options
        self._environment = environment
        self._note = note
        self._secret, self._app_secret = secrets.token_hex(32), secrets.token_hex(32)
        self._parts: list[dict[str, Any]] = []  # four

    async def run(self, clips: Sequence[Clip]) -> Report:
        """Raises `ServiceFailed`, `NotCaptioned`, `RunFailed`."""
        with tempfile.TemporaryDirectory() as folder:
            async with AsyncExitStack() as exits:
                rooms = await exits.enter_async_context(open_rooms())
                crew = await exits.enter_async_context(Crew())
                limits = await self._limits(rooms, Path(folder) / "limits.log")
                async with serving(
                    self._settings(rooms) | {"RATE_LIMIT": UNLIMITED},
                    self._environment,
                    secret=self._secret,
                    log=Path(folder) / "service.log",
                ) as service:
                    self._note(f"{self._options.rooms} rooms, {self._options.speakers} read aloud in each")
                    await rooms.fill(clips, rooms=self._options.rooms, speakers=self._options.speakers, crew=crew)
                    await rooms.caption(service)
                    load, captioned = await self._load(service, rooms)
                    attacked = await self._attack(service, rooms)
            assert service.exit_status is not None
            total = summary(
                load, captioned, attacked, limits, service.exit_status, first_answer_s=service.first_answer_s
            )
            return Report(self._parts, total)

    def _settings(self, rooms: Rooms) -> dict[str, str]:
        return {
            "HPB_URL": rooms.signaling_url,
            "HPB_SECRET": rooms.secret,
            "NEXTCLOUD_URL": rooms.backend,
            "APP_ID": APP_ID,
            "APP_SECRET": self._app_secret,
            "ICE_ADDRESSES": "127.0.0.1",
            "LEAVE_AFTER_S": "1",  # else rooms that the attacker gives back are left a minute later
        }

    async def _limits(self, rooms: Rooms, log: Path) -> dict[str, Any]:
        self._note("too many requests, and too many connections, for a service with its default limits")
        async with serving(self._settings(rooms), self._environment, secret=self._secret, log=log) as service:
            told = await measure_limits(service)
        self._parts.append({"type": "limits", **told})
        return told

    async def _load(self, service: ServiceProcess, rooms: Rooms) -> tuple[dict[str, Any], list[int]]:
        options = self._options
        self._note(f"{options.rate:g} requests for captions a second, for {options.seconds:g} s")
        before = rooms.counts()
        asked = api_load.Options(
            port=service.port,
            secret=self._secret,
            rooms=rooms.readers,
            rate=options.rate,
            seconds=options.seconds,
            seed=options.seed,
        )
        async with self._child("the load", LOAD) as process:
            await process.tell(asked.write())
            told = await process.line(api_load.WARM_UP_S + options.seconds + api_load.ANSWER_S + PATIENCE_S)
        captions = [now - then for now, then in zip(rooms.counts(), before, strict=True)]
        self._note(f"{told['ms_p99']} ms (p99); {sum(captions)} captions, {min(captions)} or more in each room")
        self._parts.append({"type": "load", **told, "captions": captions})
        return told, captions

    async def _attack(self, service: ServiceProcess, rooms: Rooms) -> Attacked:
        options = self._options
        probed: list[float] = []  # ≤ one each LOOK_S
        async with self._child("the attacker", ATTACKER) as attacker:
            await attacker.tell(self._aimed(service, rooms).write())
            self._note(f"{options.warm_up} hostile requests to warm up")
            warm_up = await self._round(attacker, options.warm_up, "warm-up")
            await _emptied(service, len(rooms.rooms))
            before = await _settled(service, options.settle_s / 2)
            counts = rooms.counts()
            self._note(f"{options.hostile} hostile requests, {options.slow} slow callers meanwhile")
            async with Crew() as crew:
                crew.start(_probe(service, probed))
                told = await self._round(attacker, options.hostile, "attack")
        captions = [now - then for now, then in zip(rooms.counts(), counts, strict=True)]
        alive = await service.is_alive()
        rooms_left = await _emptied(service, len(rooms.rooms)) if alive else 0
        self._note(f"{told['seconds']} s; is memory back {options.settle_s:g} s later?")
        after = await _settled(service, options.settle_s)
        afterwards = await rooms.captions_since(rooms.counts(), CAPTIONS_S if alive else 0.0)
        return Attacked(
            warm_up=warm_up,
            told=told,
            probed=probed,
            before=before,
            after=after,
            captions=captions,
            afterwards=afterwards,
            alive=alive,
            running=service.is_running,
            engine_restarts=round(await service.metric("roomscribe_engine_restarts_total")),
            rooms_left=rooms_left,
            complaints=service.complaints((self._secret, self._app_secret, rooms.secret)),
        )

    async def _round(self, attacker: Child, count: int, name: str) -> dict[str, Any]:
        await attacker.tell(json.dumps({"count": count}))
        told: dict[str, Any] = await attacker.line(count * HOSTILE_S + PATIENCE_S)
        self._parts.append({"type": "hostile", "round": name, **told})
        return told

    def _aimed(self, service: ServiceProcess, rooms: Rooms) -> hostile_sender.Options:
        options = self._options
        aim = Aim(secret=self._secret, app_secret=self._app_secret, app_id=APP_ID, rooms=rooms.readers)
        return hostile_sender.Options(
            port=service.port,
            aim=aim,
            seed=options.seed,
            parallel=options.parallel,
            slow=options.slow,
            secrets=(self._secret, self._app_secret, rooms.secret),
            paths=service_paths(),
        )

    def _child(self, name: str, module: tuple[str, ...]) -> Any:
        everywhere = frozenset(os.sched_getaffinity(0))
        return child(name, (sys.executable, *module), processors=everywhere, environment=self._environment)


async def measure(
    options: Options, clips: Sequence[Clip], environment: Mapping[str, str], note: Callable[[str], None]
) -> Report:
    """All figures of `roomscribe bench api`. Raises `ServiceFailed`, `NotCaptioned`, `NotAdmitted`, `RunFailed`."""
    try:
        return await Bench(options, environment, note).run(clips)
    except ExceptionGroup as group:
        raise _first(group) from group


def service_paths() -> tuple[str, ...]:
    """Where the service's own files and its libraries lie: what an answer must not tell."""
    ours, theirs = Path(str(api.__file__)).parent, Path(str(aiohttp.__file__)).parent.parent
    return str(ours), str(theirs), sysconfig.get_path("stdlib")


async def _probe(service: ServiceProcess, took: list[float]) -> None:
    """Until cancelled: how long /healthz took, each time. An orchestrator asks so, and ends who does not answer."""
    while True:
        began = time.monotonic()
        await service.get("/healthz")
        took.append(time.monotonic() - began)
        await asyncio.sleep(LOOK_S)


async def _settled(service: ServiceProcess, settle_s: float) -> Footprint | None:
    try:
        return await service.settled(settle_s)
    except ServiceFailed:
        return None


async def _emptied(service: ServiceProcess, captioned: int) -> int:
    """Wait until no rooms are served but those that are captioned. How many others there still are."""
    until = time.monotonic() + GONE_S
    while True:
        more = max(0, round(await service.metric("roomscribe_rooms")) - captioned)
        if not more or time.monotonic() > until:
            return more
        await asyncio.sleep(LOOK_S)


def _first(group: ExceptionGroup[Exception]) -> Exception:
    for each in group.exceptions:
        return _first(each) if isinstance(each, ExceptionGroup) else each
    raise AssertionError
