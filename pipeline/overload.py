"""The ladder of what is given up when more people talk than the machine can follow. Pure.

    step           given up                                                        climbed when finals are late by
    NORMAL         nothing
    SPARSE         every other partial, and finals that are decoded early          0.3 s
    FIRST_ONLY     all partials of an utterance but the first                      0.7 s
    FINALS_ONLY    all partials                                                    1.2 s
    NARROW         translations, and a wide search for the words of finals         2.0 s
    SHED           the oldest audio of the most backlogged speaker, with a mark    4.0 s

Up at once, as far as need be; down one step at a time, after `calm_s` in which finals were late by less than half of
what had led to the step. Finals never suffer before partials; whose translation is given up reads what was said. How
late translations are leads nowhere: they and partials share what transcripts leave.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Step(enum.IntEnum):
    NORMAL = 0
    SPARSE = 1
    FIRST_ONLY = 2
    FINALS_ONLY = 3
    NARROW = 4
    SHED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderSettings:
    """`climb_s[i]` is the lateness, in seconds, that leads to step i + 1."""

    climb_s: tuple[float, ...] = (0.3, 0.7, 1.2, 2.0, 4.0)
    calm_s: float = 5.0


@dataclass(slots=True)
class Ladder:
    """One for the process. `climbed` counts how often each step was reached."""

    settings: LadderSettings = field(default_factory=LadderSettings)
    step: Step = Step.NORMAL
    climbed: dict[Step, int] = field(default_factory=lambda: dict.fromkeys(list(Step)[1:], 0))
    _calm_since: float | None = None

    @property
    def shed_below_s(self) -> float:
        """Audio is given up until what waits is late by no more than this."""
        return self.settings.climb_s[-1] * 3 / 4

    def observe(self, *, late_s: float, now: float) -> Step:
        """`late_s`: how long the final that has waited longest is overdue. Returns the step from now on."""
        wanted = Step(sum(late_s > threshold for threshold in self.settings.climb_s))
        if wanted > self.step:
            for step in list(Step)[self.step + 1 : wanted + 1]:
                self.climbed[step] += 1
            self.step, self._calm_since = wanted, None
        elif self.step is Step.NORMAL or late_s > self.settings.climb_s[self.step - 1] / 2:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self.settings.calm_s:
            self.step, self._calm_since = Step(self.step - 1), now
        return self.step
