"""What a fault is: how it strikes and heals, for how long, and the limits within which the service must bear it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal

from .scene import Scene


class CannotStrike(Exception):
    """The fault could not be brought about; the message says why. Nothing is left of the attempt."""

    component = "soak.faults"


#: Enter: it strikes; leave: it heals, whatever the service has become meanwhile. The number is how long it is to last,
#: in seconds; the event is set when it is over by itself before that.
Strike = Callable[[Scene, float], AbstractAsyncContextManager[asyncio.Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the service may show of a fault. Silent losses and repeats are never allowed."""

    recovery_s: float | None = None  # until a room's next caption; None: captions never stop
    #: What the recovery is counted from. "return": from the first word that is begun after the healing, whether anybody
    #: could have heard it or not (`soak.world.recovery.comeback`).
    since: Literal["strike", "healing", "return"] = "healing"
    marked: int | None = None  # finals that may be lost with a gap mark; None: as many as there are
    restarts: int = 0  # of the recogniser, neither more nor less
    others_slower: float | None = None  # times the calm p95 that rooms without a fault may take, for the same words


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`promise` is the sentence for people; `limits` is what is checked."""

    name: str
    promise: str
    limits: Limits
    act: Strike
    lasts_s: float = 0.0  # at scale 1; as long as it takes at most, where it ends by itself
    least_s: float = 0.0  # at whatever scale
    calm_s: float = 0.0  # before it, at least: what is usual must be known, where it is to be compared with
    needs_real_stack: bool = False

    def seconds(self, scale: float) -> float:
        """How long it lasts in a run that is so much longer, or shorter, than one of scale 1."""
        return max(self.least_s, self.lasts_s * scale)

    def strike(self, scene: Scene, *, scale: float = 1.0) -> AbstractAsyncContextManager[asyncio.Event]:
        """Raises `CannotStrike`."""
        return self.act(scene, self.seconds(scale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """When a fault struck and was healed, by the scene's clock."""

    fault: Fault
    struck_at: float
    healed_at: float

    @property
    def recovers_from(self) -> float:
        """When the time of the recovery begins."""
        return self.struck_at if self.fault.limits.since == "strike" else self.healed_at


async def happen(fault: Fault, scene: Scene, *, scale: float = 1.0) -> Happened:
    """From the strike until it is healed. Raises `CannotStrike`."""
    struck_at = scene.now()
    async with fault.strike(scene, scale=scale) as over:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(fault.seconds(scale)):
                await over.wait()
    return Happened(fault=fault, struck_at=struck_at, healed_at=scene.now())
