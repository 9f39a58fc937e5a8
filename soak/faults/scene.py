"""What a fault may lay hands on: the service under test, the servers around it, and the network of those who speak."""

from __future__ import annotations

from typing import Protocol

from soak.world.network import Conditions


class Scene(Protocol):
    """Implemented by whoever runs the soak. What strikes raises `CannotStrike` where it cannot be had; what heals does
    not: an offset of 0, and the good network.
    """

    @property
    def pid(self) -> int:
        """Of the main process of the service; 0 where it cannot be had."""

    @property
    def has_real_stack(self) -> bool:
        """HPB and Janus are programs that can be restarted; else the signaling server is the embedded one."""

    def engine_pid(self) -> int | None:
        """Of the recogniser's process; None while there is none."""

    def now(self) -> float:
        """Seconds, on the clock by which captions are noted."""

    def clock_shift(self, seconds: float) -> None:
        """The service's wall clock goes so much ahead of the true one; 0: it is right again."""

    def set_network(self, conditions: Conditions, room: int | None = None) -> None:
        """Between the speakers and the media server, in this room; None: in all. Speakers who come later have them."""

    async def cut_sockets(self) -> None:
        """Reset every signaling connection of the service."""

    async def restart_hpb(self, *, kill: bool, down_s: float = 0.0) -> None:
        """By SIGKILL or SIGTERM. It is up again when this ends, in whatever way it ends."""

    async def restart_janus(self, *, kill: bool, down_s: float = 0.0) -> None:
        """As `restart_hpb`."""

    async def flood(self, room: int) -> None:
        """The room's speakers vanish and come back in bursts, and may send what is no audio, until this is cancelled.
        All are back when it has ended.
        """
