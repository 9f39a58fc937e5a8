"""What a run says of itself while it goes on: one line, that stays on a terminal, and now and then one elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from rich.console import Console
from rich.status import Status

from soak.verdict.sample import Sample
from soak.world.profile import Profile

EACH_S: Final = 60.0  # between two lines where there is no terminal
MINUTE_S: Final = 60
HOUR_S: Final = 3600
KILOBYTES: Final = 1e6 / 1024  # of a megabyte


class Progress:
    """A context manager."""

    def __init__(self, profile: Profile, console: Console) -> None:
        self._profile = profile
        self._console = console
        self._status = Status("starting …", console=console) if console.is_terminal else None
        self._next = 0.0

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, sample: Sample, counts: Mapping[str, Any]) -> None:
        line = told(self._profile, sample, counts)
        if self._status is not None:
            self._status.update(line)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + EACH_S
            self._console.print(line)


def told(profile: Profile, sample: Sample, counts: Mapping[str, Any]) -> str:
    """For example: load · 00:12:30, 00:46:30 left · 1,234 subscriptions · …"""
    left_s = max(0.0, profile.seconds - sample.at_s)
    parts = [
        sample.phase.replace("_", " "),
        f"{clock(sample.at_s)}, {clock(left_s)} left",
        f"{sample.joins:,} subscriptions, {sample.reconnects:,} reconnects, {sample.utterances:,} utterances",
        f"{counts.get('silent', 0)} lost silently, {counts.get('marked', 0)} with a mark, "
        f"{counts.get('repeated', 0)} repeated",
    ]
    if "rss_kb" in sample.values:
        parts.append(f"{sample.values['rss_kb'] / KILOBYTES:.1f} MB")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // HOUR_S:02}:{whole % HOUR_S // MINUTE_S:02}:{whole % MINUTE_S:02}"
