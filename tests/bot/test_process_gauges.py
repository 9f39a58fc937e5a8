"""What the process and its recogniser take, as the machine tells it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bot.process_gauges import ProcessGauges


def figures(gauges, pid=None):
    """By name, and by process where there are two."""
    return {
        (sample.name.removeprefix("roomscribe_"), *sample.labels.values()): sample.value
        for metric in gauges.collect(pid)
        for sample in metric.samples
    }


@pytest.fixture
def gauges():
    return ProcessGauges()


@pytest.fixture
def child():
    """A process that does nothing until it is told to end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


def test_our_own_figures_are_those_of_a_python_process(gauges):
    told = figures(gauges)
    assert 10e6 < told["memory_rss_bytes", "main"] < 10e9
    assert told["cpu_seconds_total", "main"] > 0
    assert told["threads",] >= 1
    assert 3 <= told["open_files",] < told["open_files_limit",]
    assert told["start_time_seconds",] > 1.6e9


def test_a_file_that_is_opened_is_counted(gauges):
    before = figures(gauges)["open_files",]
    with open(os.devnull):
        assert figures(gauges)["open_files",] == before + 1


def test_the_recogniser_is_told_of_beside_us(gauges, child):
    told = figures(gauges, child.pid)
    assert 0 < told["memory_rss_bytes", "engine"] < told["memory_rss_bytes", "main"]


def test_without_a_recogniser_it_takes_nothing(gauges):
    told = figures(gauges)
    assert told["memory_rss_bytes", "engine"] == told["cpu_seconds_total", "engine"] == 0


def test_a_recogniser_that_has_died_takes_nothing_and_its_successor_is_found(gauges, child):
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    assert figures(gauges, dead.pid)["memory_rss_bytes", "engine"] == 0
    assert figures(gauges, child.pid)["memory_rss_bytes", "engine"] > 0
