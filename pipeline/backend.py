"""The seam between the line of requests and whoever decodes them: a child process here, or a server elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .child_process import ModelSettings
from .remote_policy import RemoteSettings
from .request import DecodeRequest, Hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """`environment` is what the child inherits: the parent's own, given by whoever may read it.

    `watchdog_s` is the least that any decode is given before it counts as hung; slow models get more. Finals wait for
    the next child meanwhile: should that hang over the same audio, they are still not too old (`engine.EXPIRED_S`).
    `remote` None: decode on this machine.
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    watchdog_s: float = 20.0
    restart_first_s: float = 0.5
    restart_cap_s: float = 30.0
    steady_after_s: float = 60.0  # a child that lived this long starts the restart delays afresh
    remote: RemoteSettings | None = None


class Keeper(Protocol):
    """Who is told how a backend fares: the engine."""

    def backend_ready(self, languages: Sequence[str], *, note: str, translations: Sequence[str] = ()) -> None:
        """It can decode now. `languages` are Whisper codes, and `translations` those that it can translate into; `note`
        says for people where the model came from.
        """

    def backend_lost(self) -> None:
        """It cannot decode for the time being. Tell before anybody who waits in `decode` is told."""


class Backend(Protocol):
    """`run` keeps it alive; `decode` may be called from `slots` tasks at once, with at most `max_batch` requests."""

    max_batch: int

    @property
    def slots(self) -> int:
        """It may become less while it runs, never more than before it did; who asks more has to wait in `decode`."""

    @property
    def restarts(self) -> int:
        """How often it was lost and had to come back."""

    @property
    def pid(self) -> int | None:
        """Of the process that holds the model, where there is one."""

    async def run(self, keeper: Keeper) -> None:
        """Until cancelled. Raises `EngineFatal` when it can never decode; the message says what to do."""

    async def decode(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        """One hypothesis a request. Raises `EngineDied` when it is worth another try, else `DecodeFailed`."""
