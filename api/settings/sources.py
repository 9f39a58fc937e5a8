"""Where each setting's value comes from: the environment under our name, a file, another app's name, or the table."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .aliases import OLD_PREFIX, WITHOUT_EFFECT, Alias, started_by_app_api
from .table import PREFIX, TABLE, Setting

NEAR: Final = 0.5  # of 1: how alike a wrong name and the one that was meant are at least
MAX_FILE_BYTES: Final = 65_536  # of a file with a secret
FILE: Final = "_FILE"
NOTHING: Final[Mapping[str, str]] = {}
#: What Kubernetes sets for a service of our name, and what only tests read.
NOT_OURS: Final = ("SERVICE_", "PORT", "TEST_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A setting's text. `name`: what it stands under in the environment; empty: it is the default. `path`: its file."""

    text: str = field(repr=False)
    name: str = ""
    path: str = ""

    @property
    def source(self) -> str:
        """For people."""
        if self.path:
            return f"the file {self.path} ({self.name})"
        return self.name or "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What became of a setting: its value, or the problem with it."""

    setting: Setting
    found: Found
    value: Any = field(default=None, repr=False)
    problem: str = ""


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
    app_api = started_by_app_api(environment)
    chosen = [setting for setting in TABLE if not only or setting.name in only]
    return {setting.name: _value(setting, environment, app_api, defaults, fixed) for setting in chosen}


def warnings(environment: Mapping[str, str]) -> list[str]:
    """What to tell about an environment that is no error, but may not be what was meant. Never a secret's value."""
    told = misspelt(environment)
    told += [
        f"{name} has no effect: roomscribe has its own recogniser; {PREFIX}ASR_URL names one elsewhere"
        for name in WITHOUT_EFFECT
        if environment.get(name)
    ]
    app_api = started_by_app_api(environment)
    for setting in TABLE:
        first, *others = _given(setting, environment, app_api) or [""]
        told += [
            f"{first} and {other} are both set, and differ: {first} counts"
            for other in others
            if first.startswith(PREFIX) and _differ(setting, environment, first, other)
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


def _value(
    setting: Setting,
    environment: Mapping[str, str],
    app_api: bool,
    defaults: Mapping[str, str],
    fixed: Mapping[str, str],
) -> Value:
    given = environment
    if setting.own in fixed:
        given, app_api = fixed, False
    names = _given(setting, given, app_api)
    found: Found | None = None
    try:
        found = _found(setting, given, names[0]) if names else Found(text=defaults.get(setting.own) or setting.default)
        if setting.required and not found.text:
            raise ValueError(f"is required: {setting.meaning}{_hint(setting, environment, app_api)}")
        return Value(setting=setting, found=found, value=setting.parse(found.text))
    except ValueError as error:
        name = names[0].removesuffix(FILE) if names else setting.own
        told = name if name == setting.own else f"{name} (for {setting.own})"
        reason = str(error)
        problem = f"{told} {reason}" if reason.startswith("is ") else f"{told}: {reason}"
        return Value(setting=setting, found=found or Found(text="", name=names[0]), problem=problem)


def _names(setting: Setting, app_api: bool) -> Iterator[str]:
    """What it may stand under, first what counts before others."""
    for name in (setting.own, *(alias.name for alias in setting.aliases if app_api or not alias.app_api)):
        if setting.secret:
            yield name + FILE
        yield name


def _given(setting: Setting, environment: Mapping[str, str], app_api: bool) -> list[str]:
    """The names that are set; an empty one is not."""
    return [name for name in _names(setting, app_api) if environment.get(name, "").strip()]


def _found(setting: Setting, environment: Mapping[str, str], name: str) -> Found:
    """Its text in our terms. Raises `ValueError`."""
    text, path = environment[name].strip(), ""
    if setting.secret and name.endswith(FILE):
        text, path = _content(text, name), text
    alias = next((each for each in setting.aliases if each.name == name.removesuffix(FILE)), Alias(name=name))
    return Found(text=alias.translate(text), name=name, path=path)


def _content(path: str, name: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"the file {path} of {name} is larger than {MAX_FILE_BYTES} bytes: it holds no secret")
        return content.decode().strip()
    except OSError as error:
        raise ValueError(f"the file {path} of {name} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:  # whose text, or cause, would have some of its bytes
        raise ValueError(f"the file {path} of {name} is not text: write the secret into it, as UTF-8") from None


def _differ(setting: Setting, environment: Mapping[str, str], one: str, other: str) -> bool:
    try:
        first, second = (setting.parse(_found(setting, environment, name).text) for name in (one, other))
    except ValueError:
        return True
    return bool(first != second)


def _hint(setting: Setting, environment: Mapping[str, str], app_api: bool) -> str:
    """Whoever has set another app's name for it may wonder."""
    idle = next((each.name for each in setting.aliases if not app_api and environment.get(each.name)), None)
    return f" ({idle} is set, but counts only beside APP_ID and APP_SECRET)" if idle else ""
