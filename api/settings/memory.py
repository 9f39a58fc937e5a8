"""How much memory there is for this process."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

MB: Final = 1_000_000  # bytes


def memory_there_is(root: Path = Path("/")) -> int:
    """Bytes that this process may use before the kernel ends it: the machine's, or less if a control group of it, or
    one above that, is given less. In a container, the group's path may be the host's, and only its root be there.
    """
    limits = [int(psutil.virtual_memory().total)]
    for group in _lines(root / "proc/self/cgroup"):
        _, controllers, path = group.split(":", 2)
        if not controllers:
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        for step in ("", *(each for each in path.split("/") if each not in ("", ".."))):
            folder /= step
            limits += [int(line) for line in _lines(folder / name) if line.isdecimal()]  # else "max": none
    return min(limits)


def _lines(path: Path) -> list[str]:
    """None, where there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
