from __future__ import annotations

import io

import pytest
from rich.console import Console

from soak.run import progress
from soak.run.progress import EACH_S, Progress, clock, told
from soak.verdict.sample import LOAD, WARM_UP, Sample
from soak.world.profile import PROFILES

SMOKE = PROFILES["smoke"]
COUNTS = {"silent": 1, "marked": 2, "repeated": 3}


def sample(at_s=75.0, phase=LOAD, **values):
    return Sample(leg=0, at_s=at_s, phase=phase, joins=1234, utterances=5678, reconnects=9, values=values)


@pytest.fixture
def time(monkeypatch):
    class Time:
        now = 1000.0

        def monotonic(self):
            return self.now

    time = Time()
    monkeypatch.setattr(progress, "time", time)
    return time


def test_the_line_says_where_it_is_how_long_it_takes_and_what_has_become_of_captions():
    assert told(SMOKE, sample(rss_kb=200_000.0), COUNTS) == (
        "load · 00:01:15, 00:03:45 left · 1,234 subscriptions, 9 reconnects, 5,678 utterances · "
        "1 lost silently, 2 with a mark, 3 repeated · 204.8 MB"
    )


def test_what_is_not_known_yet_is_nothing_and_memory_that_was_not_measured_is_left_out():
    line = told(SMOKE, sample(phase=WARM_UP), {})
    assert line.startswith("warm up · ")
    assert line.endswith("0 lost silently, 0 with a mark, 0 repeated")


def test_a_run_that_takes_longer_than_it_should_has_no_time_left():
    assert "00:05:10, 00:00:00 left" in told(SMOKE, sample(at_s=310.0), {})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (59.6, "00:01:00"), (3599.7, "01:00:00"), (360_061, "100:01:01")]
)
def test_hours_minutes_and_seconds(seconds, text):
    assert clock(seconds) == text


def test_where_there_is_no_terminal_there_is_a_line_now_and_then(time):
    written = io.StringIO()
    with Progress(SMOKE, Console(file=written, width=300)) as watch:
        for _ in range(int(3 * EACH_S) + 1):
            watch(sample(), COUNTS)
            time.now += 1.0
    assert written.getvalue().splitlines() == [told(SMOKE, sample(), COUNTS)] * 4


def test_on_a_terminal_one_line_changes(time):
    written = io.StringIO()
    with Progress(SMOKE, Console(file=written, width=300, force_terminal=True)) as watch:
        watch(sample(at_s=70.0), COUNTS)
        watch(sample(at_s=75.0), COUNTS)
    assert "00:01:15" in written.getvalue()
    assert written.getvalue().count("starting") <= 1
