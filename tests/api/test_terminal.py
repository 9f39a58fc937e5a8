from __future__ import annotations

import asyncio
import os
import signal

import pytest
import typer

from api.terminal import EXIT_CONFIGURATION, complain, fail, until_signalled


def test_a_failure_is_said_as_it_is_and_ends_with_its_status(capsys):
    with pytest.raises(typer.Exit) as end:
        fail("[bold]no such room[/bold]: name another")
    assert end.value.exit_code == EXIT_CONFIGURATION
    assert "[bold]no such room[/bold]: name another" in capsys.readouterr().err


def test_a_complaint_is_one_line_however_long(capsys):
    complain("word " * 100)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_is_an_event(number):
    with until_signalled() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(2):
            await stop.wait()
