"""The log as it comes out: its forms, its levels, its bounds."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from api.logs.rate import LineRate
from api.logs.setup import LogHandler, set_up_logging

PRIVATE = "198.51.100.7"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def log():
    """A logger of ours that nobody else hears."""
    logger = logging.getLogger("roomscribe.test.logs")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()
    logger.propagate = True


@pytest.fixture
def levels():
    """What the set-up changes is as it was afterwards."""
    loggers = [logging.getLogger(name) for name in ("", "roomscribe", "aiohttp.server")]
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers


def program(script, *, environment=None):
    """What a program of its own says on standard error."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_without_a_terminal_each_line_is_a_json_object(log):
    stream = io.StringIO()
    log.addHandler(LogHandler(stream=stream))

    log.info("joined %d rooms\nwith\tcare", 2)

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "joined 2 rooms with care"
    assert list(json.loads(line)) == ["timestamp", "level", "logger", "event"]


def test_on_a_terminal_lines_are_for_people_and_coloured(log, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    log.addHandler(LogHandler(stream=stream))

    log.warning("joined")

    assert "joined" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


@pytest.mark.parametrize("where", [io.StringIO, Terminal])
def test_colours_are_only_for_terminals_and_for_those_who_want_them(log, monkeypatch, where):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = where()
    log.addHandler(LogHandler("console", stream))

    log.warning("joined")

    assert "joined" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_an_exception_takes_no_line_of_its_own_for_people_either(log):
    stream = io.StringIO()
    log.addHandler(LogHandler("console", stream))

    try:
        raise ValueError(PRIVATE)
    except ValueError:
        log.exception("failed")

    (line,) = stream.getvalue().splitlines()
    assert "ValueError at" in line
    assert PRIVATE not in line


def test_a_line_that_is_said_too_often_is_left_out_and_told_with_its_own_time_whenever_the_next_one_comes(log):
    stream, now, began = io.StringIO(), [0.0], time.time()
    log.addHandler(LogHandler("json", stream, rate=LineRate(most=2, window_s=60), clock=lambda: now[0]))

    for number in range(5):
        log.info("joined %d", number)
    now[0] = 3600.0
    log.info("another")

    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events[:2] == ["joined 0", "joined 1"]
    told = re.fullmatch(
        r"3 more lines like this were left out since (\d\d:\d\d:\d\d) UTC: roomscribe\.test\.logs: joined %d", events[2]
    )
    assert told[1] in {f"{datetime.fromtimestamp(began - 3600 + late_s, UTC):%H:%M:%S}" for late_s in range(5)}
    assert events[3:] == ["another"]


def test_what_was_left_out_last_is_told_at_the_end(log):
    stream = io.StringIO()
    handler = LogHandler("json", stream, rate=LineRate(most=1))
    log.addHandler(handler)
    log.info("joined")
    log.info("joined")

    handler.close()

    assert "1 more lines like this" in stream.getvalue().splitlines()[-1]


def test_a_stream_that_is_gone_ends_nothing_and_shows_nothing(log, capsys):
    stream = io.StringIO()
    log.addHandler(LogHandler("json", stream))
    stream.close()

    log.info("%s", PRIVATE)

    assert capsys.readouterr().err == ""


def test_threads_write_whole_lines(log):
    stream = io.StringIO()
    log.addHandler(LogHandler("json", stream, rate=LineRate(most=10_000)))
    threads = [threading.Thread(target=lambda: [log.info("joined") for _ in range(100)]) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert all(json.loads(line)["event"] == "joined" for line in lines)


def test_ours_are_logged_at_the_level_asked_for_and_libraries_from_warnings_on(levels, capsys):
    set_up_logging("DEBUG", "json")

    logging.getLogger("roomscribe.bot").debug("ours")
    logging.getLogger("aioice").info("theirs, to be left out")
    logging.getLogger("aioice").warning("theirs")
    logging.getLogger("aiohttp.server").error("of strangers' making")

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["logger"], each["level"]) for each in said] == [("roomscribe.bot", "debug"), ("aioice", "warning")]


def test_setting_it_up_twice_says_everything_once(levels, capsys):
    set_up_logging("INFO", "json")
    set_up_logging("INFO", "json")

    logging.getLogger("roomscribe.bot").info("joined")

    assert len(capsys.readouterr().err.splitlines()) == 1


SET_UP = "from api.logs.setup import *; set_up_logging('INFO'); leave_no_traceback(); "


@pytest.mark.parametrize(
    ("script", "event"),
    [
        (f"raise ValueError('{PRIVATE}')", "an error that nobody caught"),
        (f"import warnings; warnings.warn('{PRIVATE}')", "a UserWarning at <string>:1"),
        (
            f"t = threading.Thread(target=lambda: int('{PRIVATE}')); t.start(); t.join()",
            "an error that nobody caught",
        ),
        (f"T = type('T', (), dict(__del__=lambda s: int('{PRIVATE}'))); T()", "an error that nobody caught"),
    ],
    ids=["an error", "a warning", "an error of a thread", "an error of a destructor"],
)
def test_what_would_come_out_beside_the_log_is_a_line_of_it(script, event):
    (line,) = program(SET_UP + script)

    assert json.loads(line)["event"] == event
    assert PRIVATE not in line
