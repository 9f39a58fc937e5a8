"""`roomscribe doctor`: proves the whole way from here to captions, step by step, and says what to mend."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final, TypeVar

import aiohttp
import typer
from rich.console import Console

from api.engine_only import load_engine_only
from api.http.listening import StartFailed
from api.logs.setup import set_up_logging
from api.service import check_addresses
from api.settings.environment import environment
from api.settings.load import Settings, SettingsError, load, memory_there_is, warnings
from api.terminal import EXIT_CONFIGURATION
from bot import LocalAddresses

from .checks import (
    Servers,
    ask_chat_server,
    ask_ice_servers,
    check_clock,
    check_media,
    greet,
    judge_features,
    reach,
)
from .findings import Finding, Status, fail, line, ok, overall, report, skipped, warn
from .machine import (
    ModelTrial,
    judge_memory,
    judge_open_files,
    judge_processors,
    open_files_limit,
    processors_there_are,
    try_recognition,
)

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130  # as shells have it: 128 + SIGINT
SETTINGS: Final = "settings"
ADDRESSES: Final = "addresses"
MEDIA: Final = ("media server", "certificate", "audio")
SIGNALING: Final = ("signaling server", "hello", "features")
SERVERS: Final = (ADDRESSES, *SIGNALING, "chat server", "STUN and TURN", *MEDIA, "clock")
MODEL: Final = ("model", "decoding", "languages")
LIMITS: Final = ("memory limit", "open files", "processors")

T = TypeVar("T")


def doctor(json_: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False) -> None:
    """Prove that captions can be made: the settings, the servers, the way of media, the model, this machine.

    It greets the signaling server, and for a moment publishes silence in a room of its own, which nobody sees. It can
    run beside the service, but loads a model of its own.

    Exit status: 0 if all is well, warnings or not; 1 if a check failed; 2 if the settings are wrong; 130 after Ctrl-C.
    """
    set_up_logging("CRITICAL", "console")  # the findings say it all …
    logging.getLogger("roomscribe.pipeline.child").setLevel(logging.WARNING)  # … but how far a download is
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # the marks, whatever the terminal's locale
    console = Console(highlight=False, soft_wrap=True)
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not json_:
            console.print(line(finding))

    examination = Examination(tell)
    try:
        asyncio.run(examination.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if examination.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if json_:
        typer.echo(json.dumps(report(findings), ensure_ascii=False))
    if any(each.check == SETTINGS and each.status is Status.FAIL for each in findings):
        raise typer.Exit(EXIT_CONFIGURATION)
    if overall(findings) is Status.FAIL:
        raise typer.Exit(EXIT_FAILED)


def judge_addresses(addresses: LocalAddresses) -> Finding:
    """Can media be received on those that are named?"""
    try:
        check_addresses(addresses)
    except StartFailed as error:
        return fail(ADDRESSES, str(error), "Correct ROOMSCRIBE_ICE_ADDRESSES: the service does not start with it")
    named = [*addresses.fixed, *(["those of this machine"] if addresses.auto else [])]
    return ok(ADDRESSES, f"media is received on {' and '.join(named)}")


class Examination:
    """`tell` hears each finding as soon as it is there. What cannot be known because of an earlier one is skipped."""

    def __init__(self, tell: Callable[[Finding], None]) -> None:
        self._tell = tell
        self._sockets = 0  # of a speaker; 0: not counted
        self.interrupted = False  # by Ctrl-C

    async def run(self) -> None:
        """Ctrl-C cancels it, and is remembered: a library may keep the cancelling to itself."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            self.interrupted = True
            if task is not None:
                task.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            await self._examine()
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def _examine(self) -> None:
        try:
            settings = load()
        except SettingsError as error:
            for problem in error.problems:
                self._tell(fail(SETTINGS, problem, "`roomscribe config check` looks at the settings alone"))
            self._tell_strange()
            await self._without_rooms()
            return
        self._tell(ok(SETTINGS, "are good; `roomscribe config show` has them"))
        self._tell_strange()
        self._tell(judge_addresses(settings.rooms.addresses))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=settings.rooms.verify_tls)) as http:
            await self._ask_servers(http, settings)
        await self._look_here(settings)

    def _tell_strange(self) -> None:
        for each in warnings(environment()):
            self._tell(warn(SETTINGS, each, "Correct its name, or remove it"))

    async def _without_rooms(self) -> None:
        self._skip(SERVERS, "not asked: the settings come first")
        try:
            engine = load_engine_only().engine
        except SettingsError:
            self._skip(MODEL, "not tried: the settings come first")
        else:
            for finding in (await self._walled(MODEL[0], try_recognition(engine), ModelTrial(findings=()))).findings:
                self._tell(finding)
        self._skip(LIMITS, "not looked at: the settings come first")

    async def _ask_servers(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        rooms = settings.rooms
        useful = await self._signaling_is_useful(http, settings)
        finding, servers = await self._walled(
            "chat server", ask_chat_server(http, rooms.chat_server), (None, Servers())
        )
        if finding is not None:
            self._tell(finding)
        asking = ask_ice_servers(servers, relay_only=rooms.relay_only)
        for each in await self._walled("STUN and TURN", asking, []):
            self._tell(each)
        if useful:
            findings, self._sockets = await self._walled(MEDIA[0], check_media(http, rooms, servers), ([], 0))
            for each in findings:
                self._tell(each)
        else:
            self._skip(MEDIA, "not tried: the signaling server comes first")
        clock = await self._walled("clock", check_clock(http, rooms.chat_server.url), None)
        if clock is not None:
            self._tell(clock)

    async def _signaling_is_useful(self, http: aiohttp.ClientSession, settings: Settings) -> bool:
        signaling = settings.rooms.signaling
        reached = await self._walled("signaling server", reach(http, signaling), None)
        if reached is not None:
            self._tell(reached)
        if reached is None or reached.status is Status.FAIL:
            self._skip(("hello", "features"), "not tried: it is not reached")
            return False
        hello, greeting = await self._walled("hello", greet(http, signaling), (None, None))
        if hello is not None:
            self._tell(hello)
        if greeting is None:
            self._skip(("features",), "not known without a hello")
            return False
        features = judge_features(greeting)
        self._tell(features)
        return features.status is not Status.FAIL

    async def _look_here(self, settings: Settings) -> None:
        admission = settings.rooms.admission
        model = await self._walled(MODEL[0], try_recognition(settings.engine), ModelTrial(findings=()))
        for finding in model.findings:
            self._tell(finding)
        self._tell(judge_memory(admission, there_is=memory_there_is(), recogniser=model.recogniser))
        limit = open_files_limit()
        self._tell(judge_open_files(admission, settings.http, limit=limit, sockets=self._sockets))
        remote = settings.engine.remote
        elsewhere = remote is not None and not remote.fallback
        self._tell(judge_processors(settings.engine.model, processors=processors_there_are(), elsewhere=elsewhere))

    def _skip(self, checks: Iterable[str], why: str) -> None:
        for check in checks:
            self._tell(skipped(check, why))

    async def _walled(self, check: str, work: Awaitable[T], otherwise: T) -> T:
        """What goes wrong in a check itself stays with it."""
        try:
            done = await work
        except Exception as error:  # noqa: BLE001 — the others are worth as much
            cause: BaseException = error
            while isinstance(cause, BaseExceptionGroup):
                cause = cause.exceptions[0]
            self._tell(fail(check, f"the check itself failed ({type(cause).__name__})", "Report this, it is our fault"))
            done = otherwise
        task = asyncio.current_task()
        if self.interrupted or (task is not None and task.cancelling()):
            raise asyncio.CancelledError
        return done
