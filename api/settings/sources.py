"""All settings of an environment, and what to tell about the rest of it. `values` looks one of them up."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from .aliases import OLD_PREFIX, WITHOUT_EFFECT
from .table import PREFIX, TABLE
from .values import FILE, NOTHING, Value, differ, given, value_of

NEAR: Final = 0.5  # of 1: how alike a wrong name and the one that was meant are at least
#: What Kubernetes sets for a service of our name, and what only tests read.
NOT_OURS: Final = ("SERVICE_", "PORT", "TEST_")


def read(
    environment: Mapping[str, str],
    *,
    defaults: Mapping[str, str] = NOTHING,
    fixed: Mapping[str, str] = NOTHING,
    only: Collection[str] = (),
) -> dict[str, Value]:
    """Every setting by its name without the prefix, or `only` some.

    `defaults` stand in for what is not set; what is `fixed` cannot be set from outside, under no name.
    """
    chosen = [setting for setting in TABLE if not only or setting.name in only]
    return {setting.name: value_of(setting, environment, defaults=defaults, fixed=fixed) for setting in chosen}


def warnings(environment: Mapping[str, str]) -> list[str]:
    """What to tell about an environment that is no error, but may not be what was meant. Never a secret's value."""
    told = misspelt(environment)
    told += [
        f"{name} has no effect: roomscribe has its own recogniser; {PREFIX}ASR_URL names one elsewhere"
        for name in WITHOUT_EFFECT
        if environment.get(name)
    ]
    for setting in TABLE:
        first, *others = given(setting, environment) or [""]
        told += [
            f"{first} and {other} are both set, and differ: {first} counts"
            for other in others
            if first.startswith(PREFIX) and differ(setting, environment, first, other)
        ]
    verifies = read(environment, only=("TLS_VERIFY",))["TLS_VERIFY"]
    if verifies.value is False:
        told.append(
            f"{verifies.found.name} switches the check of certificates off: whoever sits between roomscribe and the "
            "signaling server or the chat server can sign in as it does, and read and forge captions"
        )
    return told


def misspelt(names: Iterable[str]) -> list[str]:
    """What to tell about names that look like ours and are no setting. Never their values: one may be a secret."""
    known = [f"{setting.name}{end}" for setting in TABLE for end in (("", FILE) if setting.secret else ("",))]
    # Compared without the prefix: with it, any name would be near any other.
    ours = sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
    told = []
    for name in ours:
        if name not in known and not name.startswith(NOT_OURS):
            near = difflib.get_close_matches(name, known, n=1, cutoff=NEAR)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "`roomscribe config show` lists them all"
            told.append(f"{PREFIX}{name} is no setting and has no effect: {hint}")
    return told


def of_others(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the names of another app's settings: some are secrets, which no child needs."""
    names = {alias.name + end for setting in TABLE for alias in setting.aliases for end in ("", FILE)}
    return {name: value for name, value in environment.items() if name not in names and not name.startswith(OLD_PREFIX)}
