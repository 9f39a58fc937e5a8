"""Joins and leaves from end to end: a process of publishers, and all that is ours on the receiving side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.bench import joins
from soak.bench.join_figures import SHOWN
from soak.bench.joins import WAYS, Options, measure
from soak.bench.media_run import RunFailed

ROOT = Path(__file__).parents[3]
MAIN = "import api.cli; api.cli.main()"
COUNT = 2 * len(WAYS)


@pytest.fixture(scope="module")
def ended():
    """A short run, in a process of its own: objects of other tests do not count."""
    arguments = ["--count", str(COUNT), "--warm-up", str(len(WAYS)), "--at-once", str(len(WAYS)), "--json"]
    return subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "joins", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(ended):
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


def test_nothing_is_left_of_those_who_came_and_went_in_every_way(told):
    assert told["joins"] == COUNT
    assert {name: count for name, count in told.items() if name.endswith("_left") and count} == {}


def test_some_of_them_were_closed_in_the_handshake(told):
    assert sum(told["closed_in"].values()) == COUNT // len(WAYS)


def test_the_status_tells_whether_everything_is_back(ended, told):
    assert ended.returncode == (0 if told["clean"] else 1)


def test_there_is_a_sample_before_and_after_and_a_table_of_them(ended, told):
    assert [each["joins"] for each in told["samples"]] == [0, COUNT]
    assert list(told["samples"][0]) == list(SHOWN)
    assert f"{COUNT} joins and leaves" in ended.stderr


async def test_publishers_that_end_are_told_with_their_last_words(monkeypatch):
    monkeypatch.setattr(joins, "SENDER", ("-c", "raise SystemExit('nobody wants to come')"))
    with pytest.raises(RunFailed, match=r"the process of the publishers ended.*\n.*nobody wants to come"):
        await measure(Options(count=1, warm_up=0), os.environ, lambda note: None)


async def test_a_speaker_who_never_comes_is_told_by_what_was_waited_for(monkeypatch):
    monkeypatch.setattr(joins, "SENDER", ("-c", "print('{}', flush=True); import sys; sys.stdin.read()"))
    monkeypatch.setattr(joins, "PATIENCE_S", 0.2)
    with pytest.raises(joins.NotHeard, match=r"a speaker \(we close first\) was not answered within"):
        await measure(Options(count=1, warm_up=0, at_once=1), os.environ, lambda note: None)
