"""Two backends in one: a recognition server, and the model on this machine for as long as the server is away.

The child process is started along with the rest and stays loaded: a server fails when it is needed most, and a model
takes seconds to load. Requests wait here for their turn, so that neither side has more of them than it takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from .backend import Backend, Keeper
from .errors import DecodeFailed, EngineError, EngineFatal, ServerAway
from .remote import RemoteBackend
from .request import DecodeRequest, Hypothesis, Kind

log = logging.getLogger("roomscribe.pipeline.fallback")


class _Side:
    """One of the two: its turns, and what it told. It is the keeper that its backend knows."""

    def __init__(self, backend: Backend, changed: Callable[[], None]) -> None:
        self.backend = backend
        self.turns = asyncio.Semaphore(backend.slots)
        self.up = False
        self.languages: tuple[str, ...] = ()
        self.translations: tuple[str, ...] = ()
        self.note = ""
        self.failure = ""  # why it can never decode
        self._changed = changed

    def backend_ready(self, languages: Sequence[str], *, note: str, translations: Sequence[str] = ()) -> None:
        self.up, self.languages, self.note = True, tuple(languages), note
        self.translations = tuple(translations)
        self._changed()

    def backend_lost(self) -> None:
        self.up = False
        self._changed()

    async def run(self) -> None:
        """Until cancelled, or until it can never decode."""
        try:
            await self.backend.run(self)
        except EngineFatal as error:
            self.failure = str(error)
        finally:
            self.up = False
        self._changed()

    async def decode(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        async with self.turns:
            return await self.backend.decode(requests)


class FallbackBackend:
    """Ready when either side is, once the local model has told its languages.

    Those are the languages, whichever side decodes: a room in a language that only the server knows would fall silent
    with the server. Only if there can be no local model do the server's own languages count.
    """

    def __init__(self, remote: RemoteBackend, local: Backend) -> None:
        self._server = remote
        self._remote = _Side(remote, self._changed)
        self._local = _Side(local, self._changed)
        self.max_batch = 1
        self._keeper: Keeper | None = None  # while it runs
        self._told: tuple[tuple[str, ...], tuple[str, ...]] | None = None  # languages and translations, while ready

    @property
    def slots(self) -> int:
        """As many as the local model takes while it is alone: what would wait here for a turn is in nobody's line."""
        if self._local.up and not self._remote.up:
            return self._local.backend.slots
        return max(self._remote.backend.slots, self._local.backend.slots)

    @property
    def restarts(self) -> int:
        return self._remote.backend.restarts + self._local.backend.restarts

    @property
    def pid(self) -> int | None:
        return self._local.backend.pid

    async def run(self, keeper: Keeper) -> None:
        self._keeper = keeper
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run(self._remote, "the model on this machine does all the work"))
                tasks.create_task(self._run(self._local, "there is no fallback while the recognition server is away"))
        finally:
            self._keeper = self._told = None
        raise EngineFatal(f"{self._remote.failure}\nNor can the fallback be used: {self._local.failure}")

    async def decode(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        """The server's answer while it is there; a final that it did not give at once is decoded here, as is what
        is to be translated.
        """
        partials = all(request.kind is Kind.PARTIAL for request in requests)
        translate = any(request.translate for request in requests)
        if self._remote.up and not translate:
            try:
                return await self._remote.decode(requests)
            except EngineError as error:
                if isinstance(error, EngineFatal):  # for the server; the local model may still come up
                    error = ServerAway("the recognition server cannot be used any more")
                if partials or not self._local.up:
                    raise error from None
        if not self._local.up:
            raise ServerAway("neither the recognition server nor the model on this machine can be used at present")
        if self._local.turns.locked():  # whoever waits here for a turn holds up what the server could decode
            if partials:
                raise ServerAway("the model on this machine has no time for partials")
            if translate:
                raise DecodeFailed("the model on this machine has no time for another translation")
        return await self._local.decode(requests)

    async def _run(self, side: _Side, consequence: str) -> None:
        await side.run()
        log.error("%s (from now on %s)", side.failure, consequence)

    def _changed(self) -> None:
        """Tell the keeper, if this made a difference to it."""
        keeper, remote, local = self._keeper, self._remote, self._local
        self._server.relief = local.up  # without a local model, the server is worth all the patience there is
        if keeper is None:
            return
        languages, translations = (remote.languages, ()) if local.failure else (local.languages, local.translations)
        before, self._told = self._told, (languages, translations) if languages and (remote.up or local.up) else None
        if self._told is None:
            if before is not None:
                keeper.backend_lost()
        elif self._told != before:
            note = " and ".join(side.note for side in (remote, local) if side.up)
            keeper.backend_ready(languages, note=note, translations=translations)
        else:
            log.info("decoding by %s", remote.note if remote.up else local.note)
