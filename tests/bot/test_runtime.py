"""In a process of its own: the settings are the process's."""

import subprocess
import sys

TRY = """
import gc
from bot.runtime import THRESHOLDS, settle

class Knot:
    def __init__(self):
        self.me = self

settle()
assert gc.get_threshold() == THRESHOLDS
assert gc.get_freeze_count() > 1000
before = len(gc.get_objects())
for _ in range(200_000):
    Knot()
assert len(gc.get_objects()) - before < 3 * THRESHOLDS[0]
"""


def test_what_was_loaded_is_left_alone_and_new_cycles_are_still_found():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


APART = """
import os
import psutil
from bot.runtime import LARGE, keep_large_apart

def used():
    return psutil.Process(os.getpid()).memory_info().rss

def holes():
    rows = []
    for _ in range(500):
        rows += [bytearray(2 * LARGE), bytearray(600)]
    return rows[1::2]

bytearray(30_000_000)  # whereupon glibc would keep all that is smaller
keep_large_apart()
before = used()
small = holes()
assert used() - before < 20_000_000, used() - before  # of 65 MB
"""


def test_what_is_large_leaves_no_holes():
    done = subprocess.run([sys.executable, "-c", APART], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
