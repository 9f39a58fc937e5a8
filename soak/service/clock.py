"""A wall clock that jumps: the process under test reads how far from a file that the soak writes.

Monotonic clocks are left alone, as they are when an operator or NTP sets a real clock.
"""

from __future__ import annotations

import datetime
import mmap
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiortc.clock

OFFSET: Final = struct.Struct("=d")  # seconds
NANOSECONDS: Final = 1_000_000_000


class ClockShift:
    """The outside: `path` is what the process under test was told. Until `set`, its clock is right.

    May be used as a context manager: leaving it sets the clock right.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(OFFSET.pack(0.0))

    def __enter__(self) -> ClockShift:
        return self

    def __exit__(self, *_: object) -> None:
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """From now on, the clock is ahead by so much (before 0: behind)."""
        with self.path.open("r+b") as file:
            file.write(OFFSET.pack(seconds))  # one piece: nobody reads half of it


def install(path: Path) -> None:
    """The inside, for the rest of the process: every wall clock that Python code asks is off by what stands in `path`.

    Raises `OSError`, and `ValueError` for a file that no `ClockShift` has made.
    """
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), OFFSET.size, access=mmap.ACCESS_READ)

    def offset() -> float:
        seconds: float = OFFSET.unpack_from(shared)[0]
        return seconds

    shift(offset)


def shift(offset: Callable[[], float]) -> Callable[[], None]:
    """Add `offset()` to the wall clocks. What is returned sets them right again."""
    right_time, right_time_ns, right_datetime = time.time, time.time_ns, aiortc.clock.current_datetime

    def shifted_time() -> float:
        return right_time() + offset()

    def shifted_time_ns() -> int:
        return right_time_ns() + round(offset() * NANOSECONDS)

    def shifted_datetime() -> datetime.datetime:
        return right_datetime() + datetime.timedelta(seconds=offset())

    pairs: list[tuple[Any, Any]] = [
        (right_time, shifted_time),
        (right_time_ns, shifted_time_ns),
        (right_datetime, shifted_datetime),
    ]
    for right, shifted in pairs:
        _replace(right, shifted)

    def restore() -> None:
        for right, shifted in pairs:
            _replace(shifted, right)

    return restore


def _replace(old: Any, new: Any) -> None:
    """Wherever a module has taken it: `from time import time` is a reference of its own."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        for name in [name for name, value in list(names.items()) if value is old]:
            names[name] = new
