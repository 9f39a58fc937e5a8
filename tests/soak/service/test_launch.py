"""The options say what is put into the process under test, and nothing else is."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline.child_process
from soak.service import clock, launch
from soak.service.launch import STAND_IN, BadOptions, LaunchOptions, arrange, read_options
from soak.service.plant import PLANTS


@pytest.fixture
def put_in(monkeypatch):
    """What was put in, in order."""
    done = []
    monkeypatch.setattr(pipeline.child_process, "PROGRAM", "pipeline.engine_child")
    monkeypatch.setattr(clock, "install", lambda path: done.append(str(path)))
    for name in PLANTS:
        monkeypatch.setitem(PLANTS, name, lambda name=name: done.append(name))
    return done


@given(st.builds(LaunchOptions, stand_in=st.booleans(), plant=st.sampled_from(["", *PLANTS]), clock=st.text()))
def test_options_are_read_as_they_were_written(options):
    assert read_options(options.written) == options


@pytest.mark.parametrize("written", ["", "{", "[]", '{"leak": 1}', "3", '{"plant": "rose"}'])
def test_options_that_make_no_sense_are_refused(written):
    with pytest.raises(BadOptions):
        read_options(written)


def test_without_options_nothing_is_put_in(put_in):
    arrange(LaunchOptions())
    assert put_in == []
    assert pipeline.child_process.PROGRAM == "pipeline.engine_child"


def test_what_was_asked_for_is_put_in(put_in):
    arrange(LaunchOptions(stand_in=True, plant="labels", clock="/a/clock"))
    assert put_in == ["labels", "/a/clock"]
    assert pipeline.child_process.PROGRAM == STAND_IN


def test_the_command_line_goes_on_without_the_options(put_in, monkeypatch):
    lines = []
    monkeypatch.setattr(sys, "argv", ["launch", LaunchOptions(plant="peer").written, "serve", "--help"])
    monkeypatch.setattr("api.cli.main", lambda: lines.append(sys.argv))
    launch.main()
    assert (lines, put_in) == ([["launch", "serve", "--help"]], ["peer"])
