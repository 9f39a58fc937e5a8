"""What the process and its recogniser take, as the machine tells it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tracemalloc

import pytest

from bot.process_gauges import ProcessGauges
from tests.support.open_files import no_more_files


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


def test_where_no_file_can_be_opened_what_was_seen_last_stands_and_all_files_are_taken(gauges, child):
    before = figures(gauges, child.pid)
    with no_more_files() as limit:
        told = figures(gauges, child.pid)
    assert told.keys() == before.keys()
    for name in (("memory_rss_bytes", "main"), ("memory_rss_bytes", "engine"), ("threads",), ("start_time_seconds",)):
        assert told[name] == before[name]
    for process in ("main", "engine"):
        assert told["cpu_seconds_total", process] >= before["cpu_seconds_total", process]
    assert told["open_files",] == told["open_files_limit",] == limit
    assert figures(gauges, child.pid)["open_files",] < 2 * before["open_files",]


def test_what_was_never_seen_is_not_told(gauges, child):
    with no_more_files():
        told = figures(gauges, child.pid)
    assert ("memory_rss_bytes", "main") not in told
    assert ("threads",) not in told
    assert figures(gauges, child.pid)["memory_rss_bytes", "main"] > 0


def test_where_the_whole_machine_has_no_file_left_ours_are_not_said_to_be_all(gauges, monkeypatch):
    before = figures(gauges)["open_files",]

    def none_left(_):
        raise OSError(errno.ENFILE, "too many open files in system")

    monkeypatch.setattr("psutil.Process.num_fds", none_left)
    assert figures(gauges)["open_files",] == before


def test_memory_that_python_gives_out_is_counted(gauges):
    before = figures(gauges)["heap_blocks",]
    kept = [[number] for number in range(100_000)]
    assert figures(gauges)["heap_blocks",] - before > len(kept) / 2


def test_memory_is_traced_only_for_who_asks_python_to(gauges):
    assert ("traced_heap_bytes",) not in figures(gauges)
    tracemalloc.start()
    try:
        before = figures(gauges)["traced_heap_bytes",]
        kept = bytes(1_000_000)
        assert figures(gauges)["traced_heap_bytes",] - before >= len(kept)
    finally:
        tracemalloc.stop()


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
