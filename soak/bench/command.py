"""The command line of the benchmarks."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli import fail, set_up_logging
from soak.stack import Missing, StackFailed, find_programs
from soak.stack.namespace import NoNamespace, media_address, run_inside

from .signaling import measure

bench = typer.Typer(help="Measure roomscribe on this machine.", no_args_is_help=True)


@bench.callback()
def _group() -> None:
    """Keeps `signaling` a command of its own while there is only one."""


@bench.command()
def signaling(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, on the last line.")] = False,
    reconnects: Annotated[int, typer.Option(min=1, max=1000, help="Connections to cut.")] = 50,
    restarts: Annotated[int, typer.Option(min=1, max=100, help="Restarts of the signaling server.")] = 5,
    joins: Annotated[int, typer.Option(min=1, max=100, help="Rooms to join for the first caption.")] = 10,
) -> None:
    """Cut, restart and join, against the real HPB and Janus, and count what is lost and how long it takes."""
    set_up_logging("ERROR")
    try:
        programs = find_programs()
        address = media_address()
        if not address:
            run_inside([sys.executable, *sys.argv])
        note = Console(stderr=True, highlight=False).print
        figures = asyncio.run(
            measure(programs, address, reconnects=reconnects, restarts=restarts, joins=joins, note=note)
        )
    except (Missing, NoNamespace, StackFailed) as error:
        fail(f"the benchmark cannot run: {error}")
    sys.stdout.write(json.dumps(figures) + "\n" if as_json else "")
    if not as_json:
        _print(figures)


def _print(figures: dict[str, Any]) -> None:
    table = Table("figure", "value", title="Signaling, on the real HPB and Janus")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console(highlight=False).print(table)
