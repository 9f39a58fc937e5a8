"""What every command shares: how it says that it cannot go on, and how it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Final, NoReturn

import typer
from rich.console import Console

EXIT_CONFIGURATION: Final = 2
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong, without a traceback, and end with the status for a wrong configuration."""
    complain(message)
    raise typer.Exit(EXIT_CONFIGURATION)


def complain(message: str) -> None:
    """Say what is wrong, and go on."""
    errors.print(message, style="bold red", markup=False)


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
