"""The interpreter, set for a service that makes thousands of small objects a second, and hardly any cycle.

With the defaults, the collector of cycles looks at everything again and again for nothing (`perf record` shows it
beside `roomscribe bench media`). And a thread that decodes would keep the event loop waiting for 5 ms at a time.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

THRESHOLDS: Final = (10_000, 10, 10)  # more objects made than freed; then collections of the next younger generation
M_MMAP_THRESHOLD: Final = -3  # of glibc's malloc.h
LARGE: Final = 64 * 1024  # bytes; by itself, glibc moves this bound up to whatever was freed last
SWITCH_S: Final = 0.001  # a thread that has something to do waits for another one no longer than this


def settle() -> None:
    """Call it once in the process, when everything is loaded: what exists by then is never looked at again."""
    keep_large_apart()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)


def keep_large_apart() -> None:
    """Large pieces of memory are the system's again when they are freed, not holes between small ones that stay. The
    bodies of ten thousand requests would leave some. Others than glibc are left alone.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_MMAP_THRESHOLD, LARGE)
