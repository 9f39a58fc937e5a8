"""`roomscribe config`: what is set, whether it is right, and the page about all settings."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from .settings.docs import page
from .settings.environment import environment
from .settings.kinds import NOT_SHOWN
from .settings.load import problems_of
from .settings.sources import read, warnings
from .settings.values import Value
from .terminal import EXIT_CONFIGURATION

WRONG: Final = "(wrong: see below)"
NOTHING: Final = "–"
WIDEST: Final = 48  # characters of the column of values; what is longer moves its source to the right

config = typer.Typer(help="The settings: what is set, and whether it is right.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]


@config.command()
def show(json_: Json = False) -> None:
    """Every setting, its value and where it comes from. Secrets are not shown."""
    found = read(environment())
    problems, told = problems_of(found), warnings(environment())
    if json_:
        settings = [_entry(value) for value in found.values()]
        typer.echo(json.dumps({"settings": settings, "problems": problems, "warnings": told}))
        return
    names = max(len(value.setting.own) for value in found.values())
    values = min(WIDEST, max(len(shown(value)) for value in found.values()))
    for value in found.values():
        typer.echo(f"{value.setting.own:{names}}  {shown(value):{values}}  {source(value)}".rstrip())
    _tell(problems, told)


@config.command()
def check(json_: Json = False) -> None:
    """Everything that is wrong with the settings, and names that are none. Exit status: 0, or 2 if anything is wrong.

    A name without effect is a warning: it does not stop the start.
    """
    problems, told = problems_of(read(environment())), warnings(environment())
    if json_:
        status = "fail" if problems else "warn" if told else "ok"
        typer.echo(json.dumps({"status": status, "problems": problems, "warnings": told}))
    else:
        _tell(problems, told)
        typer.echo(f"settings that are wrong: {len(problems)}" if problems else "the settings are good")
    if problems:
        raise typer.Exit(EXIT_CONFIGURATION)


@config.command()
def docs() -> None:
    """The page about all settings, as Markdown."""
    typer.echo(page(), nl=False)


def shown(value: Value) -> str:
    """A value as it may be shown."""
    if not value.found.text and not value.found.name:
        return NOTHING
    return WRONG if value.problem else value.setting.parse.shown(value.found.text)


def source(value: Value) -> str:
    return "not set" if value.setting.required and not value.found.name else value.found.source


def _entry(value: Value) -> dict[str, Any]:
    setting = value.setting
    text = shown(value)
    return {
        "name": setting.own,
        "value": None if text in (WRONG, NOT_SHOWN) else "" if text == NOTHING else text,
        "source": source(value),
        "default": setting.default,
        "unit": setting.unit,
        "range": setting.range,
        "required": setting.required,
        "secret": setting.secret,
        "problem": value.problem,
    }


def _tell(problems: list[str], told: list[str]) -> None:
    for kind, texts in (("wrong", problems), ("warning", told)):
        for text in texts:
            typer.echo(f"{kind}: {text}", err=True)
