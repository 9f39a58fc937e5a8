from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from soak.demo.console import MAX_OPEN, MAX_VOICES, STALE_S, JsonScreen, LiveScreen, PlainScreen, screen
from soak.demo.score import Result, summary

TRICKY = "he said [bold]no[/bold] [/] … naïve 日本"


def captioned(view, text, *, final=True, key="s1", name="Ada", at=1.23456):
    view.caption(key=key, name=name, text=text, final=final, at=at)


def terminal(*, width=100, tty=False):
    return Console(file=io.StringIO(), force_terminal=tty, width=width, highlight=False, color_system=None)


def results():
    one = Result(clip="sonnet-1", reference="one two", hypothesis=TRICKY, first_partial_ms=1234.0, final_ms=560.0)
    two = Result(clip="sonnet-2", reference="three", hypothesis="", first_partial_ms=None, final_ms=None)
    return [one, two]


def lines(console):
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def live():
    """A live screen and its terminal."""
    console = terminal(tty=True)
    view = LiveScreen(console)
    yield view, console
    view.close()


# Which screen


def test_programs_get_json_and_pipes_get_plain_lines(capsys):
    assert isinstance(screen(as_json=True), JsonScreen)
    assert isinstance(screen(as_json=False), PlainScreen)


# JSON


def test_json_captions_are_one_object_a_line_as_they_were_said(capsys):
    view = JsonScreen()
    captioned(view, TRICKY, final=False)
    captioned(view, "line\nbreak")
    one, two = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert one == {"type": "caption", "at": 1.235, "speaker": "Ada", "session": "s1", "final": False, "text": TRICKY}
    assert (two["final"], two["text"]) == (True, "line\nbreak")


def test_remarks_stay_out_of_the_json(capsys):
    view = JsonScreen()
    view.note("the room is open")
    view.summary(results(), summary(results(), captions=3))
    view.close()
    out, err = capsys.readouterr()
    assert json.loads(out)["captions"] == 3
    assert err == "the room is open\n"


# Plain


def test_plain_captions_are_one_line_each_however_long():
    console = terminal(width=20)
    view = PlainScreen(console)
    captioned(view, TRICKY, final=False)
    captioned(view, "words " * 20)
    view.close()
    one, two = lines(console)
    assert one.endswith(f" partial Ada: {TRICKY}")
    assert " final   Ada: words words" in two


def test_a_plain_note_is_printed_as_it_is():
    console = terminal(width=20)
    PlainScreen(console).note(TRICKY)
    assert lines(console) == [TRICKY]


# Live


def test_a_live_final_is_printed_once_and_stays(live):
    view, console = live
    captioned(view, TRICKY)
    view.close()
    assert console.file.getvalue().count(f"Ada: {TRICKY}") == 1


def test_a_live_partial_is_replaced_and_leaves_with_its_final(live):
    view, console = live
    captioned(view, "one", final=False)
    captioned(view, "one two", final=False)
    assert "Ada: one two" in lines(console)[-1]
    captioned(view, "", final=True)
    before = console.file.getvalue()
    captioned(view, "other words", final=False, key="s2", name="Will")
    assert "one two" not in console.file.getvalue()[len(before) :]


def test_each_live_speaker_has_its_own_open_line(live):
    view, console = live
    captioned(view, "one", final=False)
    before = console.file.getvalue()
    captioned(view, "two", final=False, key="s2", name="Will")
    shown = console.file.getvalue()[len(before) :]
    assert shown.index("Ada: one") < shown.index("Will: two")


def test_open_lines_whose_final_never_came_make_room_for_others(live):
    view, console = live
    for number in range(MAX_OPEN + 1):
        captioned(view, f"words of {number}.", final=False, key=f"s{number}")
    before = console.file.getvalue()
    captioned(view, "other words", final=False, key=f"s{MAX_OPEN}")
    shown = console.file.getvalue()[len(before) :]
    assert "words of 0." not in shown
    assert "words of 1." in shown
    assert "other words" in shown


def test_an_open_line_that_has_not_changed_for_long_is_given_up(live):
    view, console = live
    captioned(view, "one", final=False, at=0)
    captioned(view, "two", final=False, key="s2", name="Will", at=STALE_S - 1)
    before = console.file.getvalue()
    captioned(view, "two three", final=False, key="s2", name="Will", at=STALE_S + 1)
    shown = console.file.getvalue()[len(before) :]
    assert "Ada: one" not in shown
    assert "Will: two three" in shown


def test_a_speaker_keeps_the_colour_and_neighbours_differ():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False, color_system="standard")
    view = LiveScreen(console)
    for key, name in [("s1", "Ada"), ("s2", "Will"), ("s1", "Ada")]:
        captioned(view, "words", key=key, name=name)
    view.close()
    first, second, third = re.findall(r"\x1b\[([0-9;]+)m(?:Ada|Will): ", console.file.getvalue())
    assert first == third
    assert first != second


def test_a_screen_that_stands_for_days_holds_only_so_many_speakers(live):
    view, _ = live
    for number in range(MAX_VOICES + 50):
        captioned(view, "words", final=False, key=f"s{number}")
        captioned(view, "words", key=f"t{number}")
    held = [len(each) for each in vars(view).values() if isinstance(each, dict)]
    assert held
    assert max(held) <= MAX_VOICES


def test_a_live_screen_can_be_closed_twice(live):
    view, _ = live
    view.note("the room is open")
    view.close()
    view.close()


# The summary


@pytest.mark.parametrize("kind", [PlainScreen, LiveScreen])
def test_the_summary_tells_clip_by_clip_and_then_all_in_one_line(kind):
    console = terminal(tty=kind is LiveScreen)
    kind(console).summary(results(), summary(results(), captions=3))
    text = console.file.getvalue()
    (first,) = [line for line in text.splitlines() if "sonnet-1" in line]
    (second,) = [line for line in text.splitlines() if "sonnet-2" in line]
    assert "1.23 s" in first
    assert "0.56 s" in first
    assert "[bold]no[/bold]" in first
    assert second.count("—") == 3
    assert "1 of 2 clips captioned, word error rate " in text
    assert "first caption after 1.23 s (p95 1.23 s), final 0.56 s after the last word (p95 0.56 s)" in text


def test_the_summary_of_nothing_is_told_too():
    console = terminal()
    PlainScreen(console).summary([], summary([], captions=0))
    assert "0 of 0 clips captioned, word error rate —; first caption after — (p95 —)" in console.file.getvalue()


def test_the_name_of_a_clip_is_not_markup():
    console = terminal()
    odd = Result(clip="[/b] take 1", reference="one", hypothesis="one", first_partial_ms=1.0, final_ms=1.0)
    PlainScreen(console).summary([odd], summary([odd], captions=1))
    assert "[/b] take 1" in console.file.getvalue()
