"""A limit on the files that this process may open, as an operator may have set it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_more_files(but: int = 0) -> Iterator[int]:
    """`but` so many more may be opened. Gives the limit that holds meanwhile: all numbers below are taken then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.dup(0) for _ in range(but + 1)]  # the lowest numbers that are free
    for number in free:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield free[-1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
