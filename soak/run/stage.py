"""Everything that a soak needs, up and running: the signaling server, the service, and the rooms' people waiting.

It is also the scene of the faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from soak.crew import Crew
from soak.faults.fault import CannotStrike
from soak.participant import http_session
from soak.service.clock import ClockShift
from soak.service.launch import LaunchOptions
from soak.service.process import RoomscribeProcess, attached, free_port, serving
from soak.stack import find_programs
from soak.stack.namespace import media_address
from soak.world.captions import Captions
from soak.world.mouth import Conductor
from soak.world.network import Conditions, Network
from soak.world.phrases import phrase_set
from soak.world.place import Place, embedded_place, real_place
from soak.world.room import Room, World

from .options import Attach, Options

LOG: Final = "service.log"
CLOCK: Final = "clock"
READY_S: Final = 120.0  # for the model
LOOK_S: Final = 0.2
BURST_S: Final = 3.0  # between two bursts of people who vanish
COME_BACK_S: Final = 5.0  # what is promised after a restart of the signaling server
MOST_CUTS: Final = 10_000
SPARE: Final = 2  # times the speakers that a profile has: those who come before the others are gone


class NotReady(Exception):
    """The service did not get ready. The message has its last words."""

    component = "soak.run.stage"


class Stage:
    """`rooms`: those that are open, by number. It implements `soak.faults.scene.Scene`."""

    def __init__(self, service: RoomscribeProcess, world: World, clock: ClockShift | None) -> None:
        self.service = service
        self.world = world
        self.rooms: dict[int, Room] = {}  # ≤ the profile's
        self.cuts: deque[float] = deque(maxlen=MOST_CUTS)  # when all signaling connections were cut
        self._clock = clock

    @property
    def pid(self) -> int:
        return self.service.pid or 0

    @property
    def has_real_stack(self) -> bool:
        return self.world.place.stack is not None

    def engine_pid(self) -> int | None:
        return self.service.engine_pid()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def clock_shift(self, seconds: float) -> None:
        if self._clock is None:
            raise CannotStrike("the clock of a service that somebody else has started is not ours")
        self._clock.set(seconds)

    def set_network(self, conditions: Conditions, room: int | None = None) -> None:
        networks = self.world.networks
        for network in networks if room is None else [networks[room]]:
            network.conditions = conditions

    async def cut_sockets(self) -> None:
        self.cuts.append(self.now())
        self.world.place.wire.cut()

    async def restart_hpb(self, *, kill: bool, down_s: float = 0.0) -> None:
        stack = self.world.place.stack
        assert stack is not None, "only the real stack can be restarted"
        with self._deaf():
            await stack.bounce(stack.hpb, kill=kill, down_s=down_s)

    async def restart_janus(self, *, kill: bool, down_s: float = 0.0) -> None:
        stack = self.world.place.stack
        assert stack is not None, "only the real stack can be restarted"
        for room in self.rooms.values():
            room.cut_off()
        with self._deaf():
            await stack.bounce(stack.janus, kill=kill, down_s=down_s)

    @contextlib.contextmanager
    def _deaf(self) -> Iterator[None]:
        """While a server is away, and for the time in which everybody comes back, nobody can count on being heard."""
        conductor = self.world.conductor
        conductor.deaf_until = math.inf
        try:
            yield
        finally:
            conductor.deaf_until = conductor.clock() + COME_BACK_S

    async def flood(self, room: int) -> None:
        while True:
            if room in self.rooms:
                await self.rooms[room].scatter()
            await asyncio.sleep(BURST_S)


def settings(options: Options, place: Place) -> dict[str, str]:
    """Of the service, without their prefix."""
    profile = options.profile
    speakers = SPARE * profile.rooms * profile.speakers
    addresses = ",".join(place.addresses.fixed) or "auto"
    return {
        "HPB_URL": place.wire.url,
        "HPB_SECRET": place.secret,
        "NEXTCLOUD_URL": place.backend,
        "ICE_ADDRESSES": addresses,
        "LEAVE_AFTER_S": "1",
        "RATE_LIMIT": "10000",
        "LOG_LEVEL": "WARNING",
        "MAX_SPEAKERS": str(max(200, SPARE * profile.speakers)),
        "MAX_TOTAL_SPEAKERS": str(max(500, speakers)),
        "MAX_ROOMS": str(max(100, SPARE * profile.rooms)),
    }


@asynccontextmanager
async def open_stage(
    options: Options,
    environment: Mapping[str, str],
    folder: Path,
    attach: Attach | None = None,
    *,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[Stage]:
    """The service is ready, or `stop` was set before. Raises `ServiceFailed`, `NotReady`, `StackFailed`, `Missing`."""
    profile = options.profile
    async with AsyncExitStack() as exits:
        place: Place
        if options.real_stack:
            place = await exits.enter_async_context(real_place(find_programs(), media_address()))
        else:
            secret, at = (attach.internal_secret, attach.signaling_port) if attach else ("", 0)
            place = await exits.enter_async_context(embedded_place(port=free_port(), secret=secret, wire_port=at))
        clock = None if attach else ClockShift(folder / CLOCK)
        if attach:
            service = await exits.enter_async_context(attached(attach.url, attach.secret))
        else:
            launch = LaunchOptions(stand_in=profile.stand_in, plant=options.plant, clock=str(folder / CLOCK))
            service = await exits.enter_async_context(
                serving(
                    settings(options, place),
                    environment,
                    secret=place.secret,
                    log=folder / LOG,
                    launch=launch,
                    trace_heap=profile.trace_heap,
                )
            )
        await _until_ready(service, stop or asyncio.Event())
        http = await exits.enter_async_context(http_session())
        crew = await exits.enter_async_context(Crew())
        conductor = Conductor()
        crew.start(conductor.run())
        networks = [Network(seed=options.seed * 1000 + number) for number in range(profile.rooms)]
        world = World(
            place=place,
            http=http,
            captions=Captions(service.post),
            conductor=conductor,
            networks=networks,
            phrases=await asyncio.to_thread(phrase_set, profile.short),
            profile=profile,
        )
        yield Stage(service, world, clock)


async def _until_ready(service: RoomscribeProcess, stop: asyncio.Event) -> None:
    """Or until nobody wants it any more."""
    body = b""
    try:
        async with asyncio.timeout(READY_S):
            while not stop.is_set():
                status, body = await service.get("/readyz")
                if status == 200:
                    return
                if not service.is_running:
                    raise NotReady(f"the service has ended before it was ready: {service.last_words()}")
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        words = service.last_words() or body.decode(errors="replace")
        raise NotReady(f"the service was not ready within {READY_S:.0f} s: {words}") from error
