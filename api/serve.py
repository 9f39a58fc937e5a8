"""`roomscribe serve`: from the first line to the last, and what signals do meanwhile.

SIGTERM and SIGINT stop it: no new room, the last words under a deadline, goodbye, status 0. SIGHUP reads the files of
the API's secrets anew and touches no room.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from bot import BotError, RoomFailed, SecretRejected
from bot.log_context import set_key
from bot.runtime import settle
from pipeline import EngineFatal, PipelineError, UnknownLanguage

from .http.listening import StartFailed
from .logs.setup import leave_no_traceback, set_up_logging
from .service import Service, check_signaling, running
from .settings.environment import environment
from .settings.load import Settings, SettingsError, load, load_secrets, warnings
from .terminal import fail, until_signalled

log = logging.getLogger("roomscribe")


class CannotGoOn(Exception):
    """The service had been listening already, maybe for days."""

    component = "api.serve"


def serve() -> None:
    """Serve the API for a chat server. Settings come from the environment (see README)."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there are secrets to read anew
    strange = warnings(environment())
    try:
        settings = load()
    except SettingsError as error:  # a setting may be missing because its name is misspelt
        fail("\n".join(["roomscribe cannot start:", *error.problems, *strange]))
    set_up_logging(settings.log_level, settings.log_format)
    leave_no_traceback()
    set_key(settings.rooms.signaling.credentials.secret.encode(errors="surrogateescape"))
    for each in strange:
        log.warning("%s", each)
    try:
        asyncio.run(_serve(settings))
        log.info("stopped")
    except (StartFailed, PipelineError, BotError) as error:
        fail(f"roomscribe cannot start: {error}")
    except CannotGoOn as error:
        fail(f"roomscribe cannot go on: {error}")


async def _serve(settings: Settings) -> None:
    with until_signalled() as stop:
        async with running(settings) as service:
            with _on_hangup(lambda: _reread(service)):
                settle()
                log.info("listening on %s; loading the model %s", _place(service.url), settings.engine.model.model)
                await _until_over(service, settings, stop)
                log.info("stopping: the last words are delivered first")


async def _until_over(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Raises `CannotGoOn` when the model cannot be had."""
    engine = service.supervisor.engine
    async with asyncio.TaskGroup() as tasks:
        checks = [tasks.create_task(each) for each in (_greet(service, settings), _check_default(service, settings))]
        ends = [tasks.create_task(stop.wait()), tasks.create_task(engine.failed.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in [*checks, *ends]:
            task.cancel()
    if engine.failed.is_set():
        await service.reporter.told()
        raise CannotGoOn(engine.failure)


async def _greet(service: Service, settings: Settings) -> None:
    """Beside everything else: it may take seconds, and the port answers meanwhile.

    Whoever restarts us would have us greet again with a secret that is refused, and the signaling server locks such an
    address out. So we stay, and say what is wrong.
    """
    try:
        await check_signaling(settings)
    except SecretRejected as error:
        service.supervisor.reject(error)
        log.error("no room can be served: %s", error)
    except RoomFailed as error:
        log.warning("the signaling server does not let us in at present: %s", error)


async def _check_default(service: Service, settings: Settings) -> None:
    """Only the model knows its languages."""
    with contextlib.suppress(EngineFatal):
        await service.supervisor.engine.wait_ready()
        try:
            service.supervisor.language(settings.http.default_language)
        except UnknownLanguage as error:
            log.error("ROOMSCRIBE_DEFAULT_LANGUAGE: %s", error)


def _reread(service: Service) -> None:
    """Callers of the old secrets and of the new ones are served alike while a file holds both."""
    try:
        secrets = load_secrets()
    except SettingsError as error:
        log.error("the secrets of the API stay as they are: %s", error)
        return
    if not service.auth.replace(secrets):
        log.error("the secrets of the API stay as they are: without any, everybody could call")
        return
    if secrets:
        log.info("the secrets of the API were read anew: %d", len(secrets))
    else:
        log.info("no secret of the API is set, so none was read anew")


@contextlib.contextmanager
def _on_hangup(act: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, act)
    try:
        yield
    finally:
        # Not the default again, which would end us before the last words are out.
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _place(url: str) -> str:
    """Where it listens, as the log may have it: without an address."""
    port = urlsplit(url).port
    return f"port {port}" if port else "a socket"
