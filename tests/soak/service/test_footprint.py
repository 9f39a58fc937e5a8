"""What a process holds is read from the kernel and from itself; what cannot be had is left out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from soak.service.footprint import engine_pid, measure
from soak.service.scrape import Scrape

SEEN = {"rss_kb", "pss_kb", "tree_rss_kb", "open_files", "sockets", "threads"}
TEXT = """
roomscribe_traced_heap_bytes 2048.0
roomscribe_heap_blocks 500.0
roomscribe_tasks 12.0
roomscribe_ring_bytes 1024.0
roomscribe_peer_connections{state="open"} 3.0
roomscribe_peer_connections{state="closed"} 2.0
roomscribe_memory_rss_bytes{process="main"} 102400.0
roomscribe_memory_rss_bytes{process="engine"} 51200.0
roomscribe_open_files 20.0
roomscribe_threads 7.0
"""


@pytest.fixture
def child():
    """A process that does nothing until it is told to end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


def test_a_process_is_seen_from_outside():
    figures = measure(os.getpid(), None)
    assert figures.keys() >= SEEN
    assert 1000 < figures["pss_kb"] <= figures["rss_kb"] * 1.1
    assert figures["threads"] >= 1


def test_the_engine_is_the_child_and_the_tree_is_both(child):
    figures = measure(os.getpid(), None)
    assert engine_pid(os.getpid()) == child.pid
    assert figures["engine_rss_kb"] > 1000
    assert figures["tree_rss_kb"] == pytest.approx(figures["rss_kb"] + figures["engine_rss_kb"], rel=0.05)


def test_a_socket_is_counted_and_a_file_is_not_taken_for_one():
    before = measure(os.getpid(), None)
    with socket.socket(), open(os.devnull):
        during = measure(os.getpid(), None)
    assert during["sockets"] - before["sockets"] == 1
    assert during["open_files"] - before["open_files"] == 2


def test_without_a_process_there_is_what_it_tells_of_itself():
    assert measure(None, Scrape(TEXT)) == {
        "rss_kb": 100.0, "engine_rss_kb": 50.0, "tree_rss_kb": 150.0, "heap_kb": 2.0, "heap_blocks": 500.0,
        "open_files": 20.0, "threads": 7.0, "tasks": 12.0, "peer_connections": 3.0, "closed_peers": 2.0,
        "ring_kb": 1.0, "series": 10.0,
    }  # fmt: skip


def test_what_the_kernel_says_goes_before_what_is_told():
    assert measure(os.getpid(), Scrape(TEXT))["rss_kb"] > 100.0
    assert measure(os.getpid(), Scrape(TEXT))["tasks"] == 12.0


def test_a_process_that_has_vanished_has_no_figures():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert measure(gone.pid, None) == {}
    assert engine_pid(gone.pid) is None
    assert measure(gone.pid, Scrape("")) == {"series": 0.0}


def test_a_process_that_nobody_has_buried_yet_has_none_either():
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        assert measure(dead.pid, None) == {}
        assert engine_pid(os.getpid()) is None
