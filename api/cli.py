"""The command line. A command's module is loaded when it is run: `serve` must listen within a second.

Commands of rooms that `api` must not import are found by their entry points.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import typer

COMMANDS: Final = {
    "serve": "serve:serve",
    "transcribe": "transcribe:transcribe",
    "healthcheck": "healthcheck:healthcheck",
    "doctor": "doctor.command:doctor",
    "config": "config_command:config",
    "version": "cli:version",
}


def version() -> None:
    """Print the version."""
    typer.echo(importlib.metadata.version("roomscribe"))


def main() -> None:
    loaders = _loaders()
    asked = [name for name in sys.argv[1:2] if name in loaders]
    build(loaders, asked or loaders)()


def build(loaders: Mapping[str, Callable[[], Any]] | None = None, names: Iterable[str] = ()) -> typer.Typer:
    """The program with these commands alone; with all, if none is named."""
    loaders = loaders or _loaders()
    app = typer.Typer(
        name="roomscribe",
        help="Live captions for conference rooms.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_program)
    for name in list(names) or loaders:
        command = loaders[name]()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)
    return app


def _program() -> None:
    """Live captions for conference rooms."""  # what makes even a single command one that has to be named


def _loaders() -> dict[str, Callable[[], Any]]:
    ours = {name: _loader(place) for name, place in COMMANDS.items()}
    return ours | {each.name: each.load for each in importlib.metadata.entry_points(group="roomscribe.commands")}


def _loader(place: str) -> Callable[[], Any]:
    module, _, name = place.partition(":")
    return lambda: getattr(importlib.import_module(f"api.{module}"), name)
