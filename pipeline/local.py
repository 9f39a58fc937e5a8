"""The backend on this machine: a supervised child process that holds the model.

`run` owns the child and restarts it with backoff for as long as it is not cancelled. A decode that takes longer than
the watchdog allows ends the child; whoever waits for an answer of a child that died is told `EngineDied`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from .backend import EngineSettings, Keeper
from .child_process import ChildProcess
from .errors import ChildNotStarted, DecodeFailed, EngineDied, EngineFatal
from .request import DecodeRequest, Hypothesis
from .standstill import Looks
from .wire import check_payload

log = logging.getLogger("roomscribe.pipeline.local")

#: How long a decode may take, in times of the child's warm-up, which hears silence in a short window, twice. A long
#: utterance fills Whisper's whole window, has hundreds of tokens, and may be decoded a second time, on busy cores.
WARM_UPS: Final = 60.0
LONGEST_WATCHDOG_S: Final = 600.0  # whatever the warm-up took: a child that does hang must be noticed
RELOAD: Final = 10.0  # times what the first load took, another one may take
MAX_FAILED_LOADS: Final = 5  # in a row, of a model that could be loaded once
MAX_STILLBORN: Final = 3  # deaths before the first sign of life; then it is a fault of the installation
START_AGAIN_S: Final = 2.0  # at most, after a child that could not be started: nothing was loaded, so a try is cheap
STILLBORN: Final = (
    "the recognition process ended three times {end} before the model {model!r} (ROOMSCRIBE_MODEL) was loaded. Its own "
    "words, if it had any, are above. SIGKILL mostly means too little memory: give roomscribe more, "
    "or choose a smaller model."
)


@dataclass(slots=True, eq=False)
class _Call:
    answer: asyncio.Future[list[Hypothesis]]
    sent_at: float  # or later, where this process stood still meanwhile


class LocalBackend:
    """One child at a time."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.slots = settings.model.workers
        self.max_batch = settings.model.max_batch
        self.restarts = 0
        self.pid: int | None = None
        self._child: ChildProcess | None = None  # while it can be asked
        self._calls: dict[int, _Call] = {}  # ≤ slots
        self._ids = itertools.count(1)
        self._first_load_s = 0.0  # how long it took until the first child was ready; 0: none was
        self._failed_loads = 0  # in a row, since then

    async def run(self, keeper: Keeper) -> None:
        clock = asyncio.get_running_loop().time
        delay = self._settings.restart_first_s
        stillborn = 0
        while True:
            born = clock()
            child = ChildProcess(self._settings.model, self._settings.environment)
            try:
                async with child:
                    self.pid = child.pid
                    await self._live(child, keeper)
            except (EngineDied, OSError) as error:
                stillborn += not self._first_load_s  # it never was ready, so waiting may be in vain
                if stillborn >= MAX_STILLBORN:
                    raise EngineFatal(self._why_stillborn(error, child.end)) from error
                if isinstance(error, ChildNotStarted):
                    delay = min(delay, START_AGAIN_S)
                end = f" {child.end}" if child.end else ""
                log.error("%s%s; starting it again in %.1f s", error, end, delay)
            finally:
                self.pid = None
            if clock() - born > self._settings.steady_after_s:
                delay = self._settings.restart_first_s
            self.restarts += 1
            keeper.backend_lost()
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._settings.restart_cap_s)

    def _why_stillborn(self, error: Exception, end: str) -> str:
        if isinstance(error, ChildNotStarted):
            return f"{error}, after {MAX_STILLBORN} tries. {error.remedy}".rstrip()
        return STILLBORN.format(model=self._settings.model.model, end=end or f"({error})")

    async def decode(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        child = self._child
        if child is None:
            raise EngineDied("the recognition process is not running")
        payload = b"".join(request.pcm.tobytes() for request in requests)
        try:
            check_payload(payload)
        except ValueError as error:
            raise DecodeFailed(f"the audio cannot be sent: {error}") from error
        loop = asyncio.get_running_loop()
        number = next(self._ids)
        call = self._calls[number] = _Call(loop.create_future(), loop.time())
        try:
            with contextlib.suppress(EngineDied):  # whoever reads sees the same death, and tells the keeper first
                await child.send({"id": number, "requests": [_header(request) for request in requests]}, payload)
            return await call.answer
        finally:
            self._calls.pop(number, None)

    async def _live(self, child: ChildProcess, keeper: Keeper) -> None:
        ready = await self._loaded(child)
        limit_s = decode_limit_s(self._settings.watchdog_s, warm_up_s=ready["warm_up_s"])
        self._child = child
        window = "short inputs" if ready["short_inputs"] else "30 s inputs"
        note = f"found by {ready['source']}, {self.slots} workers, {window}"
        keeper.backend_ready(ready["languages"], note=note, translations=ready["translations"])
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(child, limit_s))
                died = await self._read(child)
                watching.cancel()
        finally:
            self._child = None
        keeper.backend_lost()
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(EngineDied("the recognition process died over this audio"))
        raise died

    async def _loaded(self, child: ChildProcess) -> dict[str, Any]:
        """What the child says when it is ready. Raises `EngineFatal` if the model cannot be had.

        The first load may be a download, and takes as long as it takes. Where one has succeeded, the model can be had:
        another one that fails, or hangs, is tried again, but not for ever.
        """
        clock = asyncio.get_running_loop().time
        began, again = clock(), self._first_load_s
        try:
            async with asyncio.timeout(max(self._settings.watchdog_s, RELOAD * again) if again else None):
                ready = await child.receive()
        except TimeoutError:
            child.kill()
            raise EngineDied("the recognition process did not get ready again") from None
        if "fatal" in ready:
            self._failed_loads += 1
            hopeless = not again or self._failed_loads >= MAX_FAILED_LOADS
            raise (EngineFatal if hopeless else EngineDied)(str(ready["fatal"]))
        self._failed_loads = 0
        self._first_load_s = again or max(clock() - began, 0.001)
        return ready

    async def _read(self, child: ChildProcess) -> EngineDied:
        """Hand out answers until the child dies, or writes nonsense: its only ends, so returned, not raised."""
        try:
            await self._hand_out(child)
        except EngineDied as died:
            return died
        except Exception as error:  # noqa: BLE001 — whatever comes out of a child, the process goes on
            child.kill()
            return EngineDied(f"the recognition process cannot be understood ({type(error).__name__})")

    async def _hand_out(self, child: ChildProcess) -> NoReturn:
        while True:
            reply = await child.receive()
            call = self._calls.get(reply.get("id", 0))
            if call is None or call.answer.done():
                continue  # nobody waits any more
            if "error" in reply:
                call.answer.set_exception(DecodeFailed(reply["error"]))
            else:
                call.answer.set_result([Hypothesis(**each) for each in reply["hypotheses"]])

    async def _watch(self, child: ChildProcess, limit_s: float) -> None:
        clock = asyncio.get_running_loop().time
        every_s = min(1.0, limit_s / 2)
        looks = Looks(every_s, now=clock())
        while True:
            await asyncio.sleep(every_s)
            now = clock()
            stood_s = looks.stood_still_s(now=now)
            for call in self._calls.values():
                call.sent_at = min(call.sent_at + stood_s, now)
            if any(now - call.sent_at > limit_s for call in self._calls.values()):
                log.error("a decode hung for more than %.0f s", limit_s)
                child.kill()


def decode_limit_s(watchdog_s: float, *, warm_up_s: float) -> float:
    """How long a decode may take: `watchdog_s` at least, and more where the model is slow on this machine."""
    return max(watchdog_s, min(WARM_UPS * warm_up_s, LONGEST_WATCHDOG_S))


def _header(request: DecodeRequest) -> dict[str, Any]:
    return {
        "kind": request.kind.value,
        "language": request.language,
        "samples": len(request.pcm),
        "beam": request.beam,
        "hints": request.hints,
        "allowed": request.allowed,
        "translate": request.translate,
    }
