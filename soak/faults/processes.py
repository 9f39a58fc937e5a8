"""What can be done to a process from outside, and undone: stop it, end it, take its limits away.

A process is held by its number and its time of birth, so that nothing hits another one that has got its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from typing import Final

import psutil

from .fault import CannotStrike

SPARE_FILES: Final = 2  # that a process may still open


def held(pid: int | None, name: str) -> psutil.Process:
    """Raises `CannotStrike`: there is no such process."""
    try:
        process = psutil.Process(pid) if pid is not None else None
    except psutil.Error:
        process = None
    if process is None or not lives(process):
        raise CannotStrike(f"{name} has no process now")
    return process


def lives(process: psutil.Process) -> bool:
    """It is there, and has not ended without anybody having asked how."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def killed(process: psutil.Process) -> None:
    """By SIGKILL. Raises `CannotStrike`."""
    with _struck("killed"):
        process.kill()


@contextlib.contextmanager
def stopped(*processes: psutil.Process) -> Iterator[None]:
    """By SIGSTOP, until SIGCONT. Raises `CannotStrike`."""
    try:
        for each in processes:
            with _struck("stopped"):
                each.suspend()
        yield
    finally:
        for each in processes:
            with contextlib.suppress(psutil.Error):  # it has ended, and needs no healing
                each.resume()


@contextlib.contextmanager
def watched(process: psutil.Process, ended: Callable[[], object]) -> Iterator[None]:
    """`ended` is called once when it ends. Raises `CannotStrike`: it has ended already, and nobody knows of it."""
    loop = asyncio.get_running_loop()
    with _struck("watched"):
        handle = os.pidfd_open(process.pid)

    def tell() -> None:
        loop.remove_reader(handle)
        ended()

    loop.add_reader(handle, tell)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        os.close(handle)


@contextlib.contextmanager
def limited(process: psutil.Process, kind: int, soft: int) -> Iterator[None]:
    """Its soft limit of this kind is `soft`. The hard one stays, or only root could heal it. Raises `CannotStrike`."""
    with _struck("limited"):
        before = process.rlimit(kind)
        if before[0] != resource.RLIM_INFINITY and before[0] < soft:
            raise CannotStrike("its limit is lower than that already")
    try:
        with _struck("limited"):
            process.rlimit(kind, (soft, before[1]))
        yield
    finally:
        _unlimit(process, kind, soft, before)


def room_for(process: psutil.Process, files: int = SPARE_FILES) -> int:
    """The limit with which it may still open so many. What counts are numbers, and those in between may be free."""
    try:
        taken = {int(name) for name in os.listdir(f"/proc/{process.pid}/fd")}
    except OSError as error:
        raise CannotStrike(f"its open files cannot be seen ({error.strerror})") from error
    free = [number for number in range(len(taken) + files) if number not in taken]
    return free[files - 1] + 1


def _unlimit(process: psutil.Process, kind: int, soft: int, before: tuple[int, int]) -> None:
    """What it started meanwhile has inherited the limit."""
    family = [process]
    with contextlib.suppress(psutil.Error):
        family += process.children(recursive=True)
    for each in family:
        with contextlib.suppress(psutil.Error, OSError):
            if each.rlimit(kind)[0] == soft:
                each.rlimit(kind, before)


@contextlib.contextmanager
def _struck(how: str) -> Iterator[None]:
    try:
        yield
    except (psutil.Error, OSError) as error:
        raise CannotStrike(f"the process cannot be {how} ({type(error).__name__})") from error
