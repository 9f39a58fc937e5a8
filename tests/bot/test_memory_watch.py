"""Memory: looked at, and given back. That limits are kept is told in test_supervisor and test_admission."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bot import memory_watch
from bot.admission import Admission, AdmissionSettings
from bot.memory_watch import REST, TIDY_EACH_S, TIDY_GROWN, MemoryWatch, rss_of
from soak.crew import Crew

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


def watch(idle=lambda: False):
    return MemoryWatch(admission=Admission(AdmissionSettings()), engine=None, idle=idle)


def test_what_is_free_is_given_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_time_once_enough_has_grown_since_the_least_that_was_in_use():
    looked = watch()

    assert not looked.is_due(100 * MB, now=1.0)
    assert not looked.is_due(90 * MB, now=2.0)
    assert not looked.is_due(90 * MB + TIDY_GROWN - 1, now=4.0)
    assert looked.is_due(90 * MB + TIDY_GROWN, now=6.0)


@pytest.mark.parametrize(("took_s", "rest_s"), [(0.001, TIDY_EACH_S), (0.1, 0.1 * REST)])
def test_however_much_grows_it_is_done_only_now_and_then(took_s, rest_s):
    looked = watch()
    looked.is_due(100 * MB, now=1.0)

    looked.tidied(took_s=took_s, now=2.0)

    assert not looked.is_due(200 * MB, now=2.0 + rest_s - 0.1)
    assert looked.is_due(200 * MB, now=2.0 + rest_s)


def test_it_is_done_once_each_time_that_the_last_room_has_closed():
    empty = iter([False, True, True, True, False, True, False, True, True, True])
    looked = watch(lambda: next(empty))
    looked.tidied(took_s=1.0, now=0.0)  # nothing else would be due for a long time

    due = [looked.is_due(100 * MB, now=float(second)) for second in range(10)]

    assert [second for second, each in enumerate(due) if each] == [2, 8]


def test_a_process_that_is_gone_uses_nothing():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert rss_of(ended.pid) == 0
    assert rss_of(None) == 0


async def test_while_no_file_can_be_opened_what_was_seen_last_still_counts(monkeypatch):
    admission = Admission(AdmissionSettings(memory_limit_mb=100))
    looks = iter([200 * MB, OSError(errno.EMFILE, "too many open files"), 10 * MB])
    full, over = [], asyncio.Event()

    def look(pid):
        if pid is None:
            return 0
        full.append(admission.memory_full)
        seen = next(looks, None)
        if seen is None:
            over.set()
            return 10 * MB
        if isinstance(seen, OSError):
            raise seen
        return seen

    monkeypatch.setattr(memory_watch, "rss_of", look)
    monkeypatch.setattr(memory_watch, "CHECK_S", 0.0)
    looked = MemoryWatch(admission=admission, engine=SimpleNamespace(pid=None), idle=lambda: False)

    async with asyncio.timeout(5), Crew() as crew:
        crew.start(looked.run())
        await over.wait()

    assert full[:4] == [False, True, True, False]
