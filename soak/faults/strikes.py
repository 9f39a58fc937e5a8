"""How each kind of fault is brought about, and healed."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from typing import Final

from soak.crew import Crew
from soak.world.network import GOOD, Conditions

from .fault import CannotStrike, Strike
from .processes import held, killed, limited, room_for, stopped, watched
from .scene import Scene

SUFFERING_ROOM: Final = 0
HEAVY_LOSS: Final = 0.2
#: Shares of the time that a suffering room has: heavy loss, then nothing at all; then its speakers come and go.
LOSS_SHARE: Final = 0.5
BLACKOUT_SHARE: Final = 0.1

SERVICE: Final = "the service"
ENGINE: Final = "the recogniser"


@contextlib.asynccontextmanager
async def kill_engine(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    killed(held(scene.engine_pid(), ENGINE))
    yield _over()


@contextlib.asynccontextmanager
async def hang_engine(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    """Over when the service has found out, and has killed it."""
    engine, gone = held(scene.engine_pid(), ENGINE), asyncio.Event()
    with watched(engine, gone.set), stopped(engine):
        yield gone


@contextlib.asynccontextmanager
async def stop_service(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    """As when a machine is suspended: all of it stops, and goes on where it was."""
    processes = [held(scene.pid, SERVICE)]
    with contextlib.suppress(CannotStrike):  # it may be starting again just now
        processes.append(held(scene.engine_pid(), ENGINE))
    with stopped(*processes):
        yield asyncio.Event()


@contextlib.asynccontextmanager
async def limit_files(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    service = held(scene.pid, SERVICE)
    with limited(service, resource.RLIMIT_NOFILE, room_for(service)):
        yield asyncio.Event()


@contextlib.asynccontextmanager
async def fill_disk(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    """No file of the service may grow: not its log either."""
    with limited(held(scene.pid, SERVICE), resource.RLIMIT_FSIZE, 0):
        yield asyncio.Event()


@contextlib.asynccontextmanager
async def cut_sockets(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
    await scene.cut_sockets()
    yield _over()


@contextlib.asynccontextmanager
async def suffer(scene: Scene, lasts_s: float) -> AsyncIterator[asyncio.Event]:
    """One room has all that a network and its people can do to it, one after another."""
    try:
        async with Crew() as crew:
            crew.start(_ordeal(scene, lasts_s))
            yield asyncio.Event()
    finally:
        scene.set_network(GOOD, SUFFERING_ROOM)


def restart_hpb(*, kill: bool, down_s: float = 0.0) -> Strike:
    """Over when it is up again."""

    @contextlib.asynccontextmanager
    async def act(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
        _check_stack(scene)
        await scene.restart_hpb(kill=kill, down_s=down_s)
        yield _over()

    return act


def restart_janus(*, kill: bool, down_s: float = 0.0) -> Strike:
    """Over when it is up again."""

    @contextlib.asynccontextmanager
    async def act(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
        _check_stack(scene)
        await scene.restart_janus(kill=kill, down_s=down_s)
        yield _over()

    return act


def network(conditions: Conditions) -> Strike:
    """Of all rooms."""

    @contextlib.asynccontextmanager
    async def act(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
        try:
            scene.set_network(conditions)
            yield asyncio.Event()
        finally:
            scene.set_network(GOOD)

    return act


def clock(seconds: float) -> Strike:
    """The wall clock jumps, and back."""

    @contextlib.asynccontextmanager
    async def act(scene: Scene, _: float) -> AsyncIterator[asyncio.Event]:
        try:
            scene.clock_shift(seconds)
            yield asyncio.Event()
        finally:
            scene.clock_shift(0.0)

    return act


async def _ordeal(scene: Scene, lasts_s: float) -> None:
    scene.set_network(Conditions(loss=HEAVY_LOSS), SUFFERING_ROOM)
    await asyncio.sleep(LOSS_SHARE * lasts_s)
    scene.set_network(Conditions(blackout=True), SUFFERING_ROOM)
    await asyncio.sleep(BLACKOUT_SHARE * lasts_s)
    scene.set_network(GOOD, SUFFERING_ROOM)
    await scene.flood(SUFFERING_ROOM)


def _check_stack(scene: Scene) -> None:
    if not scene.has_real_stack:
        raise CannotStrike("the signaling server is the embedded one, which nobody can restart")


def _over() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
