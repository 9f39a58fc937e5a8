"""The command line. Commands of rooms that `api` must not import are found by their entry points."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging

import typer

from bot import BotError
from bot.runtime import settle
from pipeline import PipelineError

from .service import StartFailed, check_signaling, running
from .settings import Settings, SettingsError, environment, load, misspelt
from .terminal import fail, set_up_logging, until_signalled
from .transcribe import transcribe

__all__ = ["app", "fail", "main", "set_up_logging", "until_signalled"]

app = typer.Typer(
    name="roomscribe",
    help="Live captions for conference rooms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class CannotGoOn(Exception):
    """The service had been listening already, maybe for days."""

    component = "api.cli"


@app.command()
def serve() -> None:
    """Serve the API for a chat server. Settings come from the environment (see README)."""
    strange = misspelt(environment())
    try:
        settings = load()
    except SettingsError as error:  # a setting may be missing because its name is misspelt
        fail("\n".join(["roomscribe cannot start:", *error.problems, *strange]))
    set_up_logging(settings.log_level)
    for each in strange:
        logging.getLogger("roomscribe").warning(each)
    try:
        asyncio.run(_serve(settings))
    except (StartFailed, PipelineError, BotError) as error:
        fail(f"roomscribe cannot start: {error}")
    except CannotGoOn as error:
        fail(f"roomscribe cannot go on: {error}")


app.command()(transcribe)


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


async def _serve(settings: Settings) -> None:
    log = logging.getLogger("roomscribe")
    with until_signalled() as stop:
        warning = await check_signaling(settings)
        if warning:
            log.warning(warning)
        async with running(settings) as service:
            settle()
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
