"""What the recognition process writes comes out as lines of the log, as long as it cannot be of what was said."""

from __future__ import annotations

import asyncio
import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.child_words import MAX_LINE, ChildWords, StandardError

GUARD_S = 10.0


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG, logger="roomscribe")
    return lambda: [record.getMessage() for record in caplog.records]


async def child(script, *, hushed=False):
    """Run a program to its end."""
    error = StandardError()
    await error.open()
    if hushed:
        error.hush()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stderr=error.write_end)
    error.child_has_it()
    async with asyncio.timeout(GUARD_S):
        await process.wait()
        await error.close()


async def test_what_it_writes_while_it_loads_is_logged_line_by_line(said):
    await child("import sys; sys.stderr.write('no such device\\n\\nis it there?')")

    assert said() == [
        "the recognition process says: no such device",
        "the recognition process says: is it there?",
    ]


async def test_a_terminal_is_no_reason_to_let_it_write_past_the_log(said, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    await child("import sys; sys.stderr.write(f'on a terminal: {sys.stderr.isatty()}')")
    await child("import sys; sys.stderr.write('what somebody said')", hushed=True)

    assert said() == ["the recognition process says: on a terminal: False"]
    assert sys.stderr.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


async def test_an_address_is_left_out(said):
    await child("import sys; sys.stderr.write('asking https://models.test/x?token=1 in vain\\n')")

    assert said() == ["the recognition process says: asking (an address) in vain"]


async def test_once_it_was_asked_to_decode_its_words_are_left_out(said):
    await child("import sys; sys.stderr.write('what somebody said\\n')", hushed=True)

    assert said() == []


async def test_that_it_broke_down_is_told_all_the_same_but_not_over_what(said):
    await child("import sys; sys.stderr.write('terminate called after: what somebody said\\n')", hushed=True)

    assert said() == ["the recognition process says: terminate called"]


async def test_a_child_that_writes_much_is_read_to_its_end(said):
    await child("import sys; sys.stderr.write('x' * 1_000_000)")

    assert said() == [f"the recognition process says: {'x' * MAX_LINE}"]


async def test_a_grandchild_that_holds_the_pipe_holds_up_nobody():
    error = StandardError()
    await error.open()
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1, stderr=error.write_end)
    try:
        async with asyncio.timeout(GUARD_S):
            await error.close()
    finally:
        holder.kill()
        await holder.communicate()


@given(chunks=st.lists(st.binary(max_size=2000), max_size=20))
def test_what_waits_for_the_end_of_its_line_is_bounded(chunks):
    words = ChildWords()
    words.hushed = True
    for chunk in chunks:
        words.data_received(chunk)
        assert len(words._line) <= MAX_LINE
