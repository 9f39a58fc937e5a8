"""The command line. Commands of rooms that `api` must not import are found by their entry points."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

import typer
from rich.console import Console

from bot import BotError
from pipeline import EngineFatal

from .service import StartFailed, check_signaling, running
from .settings import Settings, SettingsError, load

app = typer.Typer(
    name="roomscribe",
    help="Live captions for conference rooms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

EXIT_CONFIGURATION = 2


class CannotGoOn(Exception):
    """The service had been listening already, maybe for days."""

    component = "api.cli"


@app.command()
def serve() -> None:
    """Serve the API for a chat server. Settings come from the environment (see README)."""
    try:
        settings = load()
    except SettingsError as error:
        fail(f"roomscribe cannot start:\n{error}")
    set_up_logging(settings.log_level)
    try:
        asyncio.run(_serve(settings))
    except (StartFailed, EngineFatal, BotError) as error:
        fail(f"roomscribe cannot start: {error}")
    except CannotGoOn as error:
        fail(f"roomscribe cannot go on: {error}")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(importlib.metadata.version("roomscribe"))


def main() -> None:
    for entry in importlib.metadata.entry_points(group="roomscribe.commands"):
        found = entry.load()
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=entry.name)
        else:
            app.command(name=entry.name)(found)
    app()


def fail(message: str) -> NoReturn:
    """Say what is wrong, without a traceback, and end with the status for a wrong configuration."""
    errors.print(message, style="bold red", markup=False)
    raise typer.Exit(EXIT_CONFIGURATION)


def set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("roomscribe").setLevel(level)
    # It has a traceback for whatever cannot be parsed as HTTP: strangers could fill the disk. Ours are logged by us.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def until_signalled() -> Iterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _serve(settings: Settings) -> None:
    log = logging.getLogger("roomscribe")
    with until_signalled() as stop:
        warning = await check_signaling(settings)
        if warning:
            log.warning(warning)
        async with running(settings) as service:
            log.info("listening on %s; loading the model %s", service.url, settings.engine.model.model)
            engine = service.supervisor.engine
            async with asyncio.TaskGroup() as tasks:
                signalled = tasks.create_task(stop.wait())
                failed = tasks.create_task(engine.failed.wait())
                await asyncio.wait([signalled, failed], return_when=asyncio.FIRST_COMPLETED)
                signalled.cancel()
                failed.cancel()
            if engine.failed.is_set():
                raise CannotGoOn(engine.failure)
            log.info("stopping: the last words are delivered first")
