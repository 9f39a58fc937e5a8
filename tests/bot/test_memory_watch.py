"""Memory: looked at, and given back. That limits are kept is told in test_supervisor and test_admission."""

from __future__ import annotations

import subprocess
import sys

from bot.admission import Admission, AdmissionSettings
from bot.memory_watch import TRIM_EACH_S, TRIM_GROWN, MemoryWatch, rss_of

MB = 1_000_000

#: Large buffers between small ones that stay: freed, but not at the end of the heap.
TRY = """
import os
from bot.memory_watch import give_back, rss_of

large = [bytearray(60_000) for _ in range(1000)]
mixed = []
for each in range(1000):
    mixed += [bytearray(60_000), bytearray(600)]
before = rss_of(os.getpid())
del large, mixed[::2]
freed = rss_of(os.getpid())
give_back()
after = rss_of(os.getpid())
assert after < before - 100_000_000, (before, freed, after)
"""


def watch():
    return MemoryWatch(admission=Admission(AdmissionSettings()), engine=None, idle=lambda: True)


def test_what_is_free_is_given_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_time_once_enough_has_grown_since_the_least_that_was_in_use():
    looked = watch()

    assert not looked.is_due(100 * MB, now=0.0)
    assert not looked.is_due(90 * MB, now=2.0)
    assert not looked.is_due(90 * MB + TRIM_GROWN - 1, now=4.0)
    assert looked.is_due(90 * MB + TRIM_GROWN, now=6.0)


def test_however_much_grows_it_is_done_only_now_and_then():
    looked = watch()
    looked.is_due(100 * MB, now=0.0)

    due = [looked.is_due(200 * MB, now=float(now)) for now in range(1, 31)]

    assert due.count(True) == 1 + 29 // int(TRIM_EACH_S)
    assert due[0]


def test_a_process_that_is_gone_uses_nothing():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert rss_of(ended.pid) == 0
    assert rss_of(None) == 0
