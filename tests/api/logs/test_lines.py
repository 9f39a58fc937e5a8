"""What a line of the log says, and what it never does."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs.lines import CUT, MAX_FRAMES, MAX_LINE_BYTES, NOT_TOLD, line_of, outline, plain, shortened
from bot import RoomFailed
from bot.log_context import about_nothing, about_request, about_room, about_speaker, room_id

PRIVATE = "wss://198.51.100.7/spreed"


def record(message, *args, logger="roomscribe.bot.room", error=None):
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord(logger, logging.WARNING, "/somewhere/aioice/ice.py", 812, message, args, exc_info, "check")


def line(message, *args, **more):
    made = record(message, *args, **more)
    return line_of(made, made.args)


def raised(function, *args):
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001 — whatever it raises is the answer
        return error
    raise AssertionError("nothing was raised")


def breaks():
    raise ValueError(PRIVATE)


def wraps():
    try:
        breaks()
    except ValueError as error:
        raise RoomFailed("the room broke", room="token") from error


def test_a_line_has_its_time_in_utc_its_level_and_its_origin():
    made = record("joined")
    made.created = 1_700_000_000.25

    assert line_of(made, ()) == {
        "timestamp": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "roomscribe.bot.room",
        "event": "joined",
    }


def test_it_says_of_which_request_room_and_speaker_it_is():
    try:
        about_request("r-1")
        about_room("abc123")
        about_speaker("3.7")
        said = line("joined")
    finally:
        about_nothing()

    assert (said["request"], said["room"], said["speaker"]) == ("r-1", room_id("abc123"), "3.7")


def test_an_error_that_is_given_to_a_line_says_its_text_only_if_it_is_ours():
    assert line("failed: %s (%d)", ValueError(PRIVATE), 3)["event"] == "failed: ValueError (3)"
    assert line("failed: %s", RoomFailed("it broke", room="token"))["event"] == "failed: it broke"


def test_a_librarys_words_are_not_taken_over_but_the_place_they_came_from_is():
    said = line("check %s", PRIVATE, logger="aioice.ice")

    assert (said["event"], said["where"]) == (NOT_TOLD, "aioice.ice:812 check")
    assert PRIVATE not in str(said)


def test_what_asyncio_always_says_alike_is_told_without_what_follows():
    said = line(f"Task exception was never retrieved\nfuture: <Task {PRIVATE}>", logger="asyncio")

    assert said["event"] == "Task exception was never retrieved"
    assert PRIVATE not in str(said)


def test_a_line_that_cannot_be_made_says_where_it_was_to_be():
    said = line("%d rooms", PRIVATE)

    assert "TypeError at aioice.ice:812" in said["event"]
    assert PRIVATE not in str(said)


def test_an_exception_is_told_by_types_and_places_and_in_one_line():
    said = line("failed", error=raised(wraps))["exception"]

    here = __name__
    assert said.startswith("RoomFailed: the room broke at ")
    assert f"{here}:" in said
    assert " wraps <- ValueError at " in said
    assert said.endswith(" breaks")
    assert PRIVATE not in said


def test_a_group_is_told_with_its_members():
    group = ExceptionGroup(PRIVATE, [raised(breaks), ExceptionGroup("", [RoomFailed("it broke")])])

    said = outline(group)

    assert said.startswith("ExceptionGroup <- ValueError at")
    assert said.endswith("<- ExceptionGroup <- RoomFailed: it broke")
    assert PRIVATE not in said


def test_what_an_error_hides_is_hidden():
    def hides():
        try:
            breaks()
        except ValueError:
            raise KeyError from None

    assert "ValueError" not in outline(raised(hides))


def test_of_a_deep_trace_the_innermost_places_are_told():
    def deeper(depth):
        if depth:
            deeper(depth - 1)
        breaks()

    said = outline(raised(deeper, 50))

    assert said.count(",") == MAX_FRAMES
    assert said.endswith("breaks")
    assert CUT in said


def test_a_ring_of_causes_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert outline(one) == "ValueError <- ValueError"


def test_a_crowd_of_errors_is_cut():
    assert outline(ExceptionGroup("", [ValueError() for _ in range(99)])).count("ValueError") < 10


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\n b", "a\x1b[2Jb", "a\u2028b", "a\u202eb", "a\x00b", "a\ud800b", "a\x85b"]
)
def test_nothing_in_a_value_breaks_the_line_or_speaks_to_the_terminal(text):
    assert plain(text).isprintable()
    assert len(plain(text).splitlines()) == 1


@given(event=st.text(max_size=300), times=st.integers(1, 400), exception=st.text(max_size=4000))
def test_every_line_is_one_bounded_json_object(event, times, exception):
    content = {"level": "info", "event": plain(event * times), "exception": plain(exception)}

    text = shortened(content, lambda line: json.dumps(line, ensure_ascii=False))

    assert len(text.encode()) <= MAX_LINE_BYTES
    assert text.isprintable()
    read = json.loads(text)
    for name, value in content.items():
        assert read[name] == value or read[name].endswith(CUT)


def test_only_ours_are_ours():
    assert line("said", logger="roomscribe")["event"] == "said"
    assert line("said", logger="roomscribers")["event"] == NOT_TOLD


def test_a_record_without_an_error_has_no_exception():
    made = record("joined")
    made.exc_info = sys.exc_info()
    assert "exception" not in line_of(made, ())
