"""Where a setting's value comes from: the environment under our name, a file, another app's name, or the table.

Whoever asks for one setting alone need not load the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .aliases import Alias, started_by_app_api
from .setting import Setting

MAX_FILE_BYTES: Final = 65_536  # of a file with a secret
FILE: Final = "_FILE"
NOTHING: Final[Mapping[str, str]] = {}


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


def value_of(
    setting: Setting,
    environment: Mapping[str, str],
    *,
    defaults: Mapping[str, str] = NOTHING,
    fixed: Mapping[str, str] = NOTHING,
) -> Value:
    """`defaults` stand in for what is not set; what is `fixed` cannot be set from outside, under no name."""
    place = fixed if setting.own in fixed else environment
    names = given(setting, place)
    found: Found | None = None
    try:
        found = _found(setting, place, names[0]) if names else Found(text=defaults.get(setting.own) or setting.default)
        if setting.required and not found.text:
            raise ValueError(f"is required: {setting.meaning}{_hint(setting, place)}")
        return Value(setting=setting, found=found, value=setting.parse(found.text))
    except ValueError as error:
        name = names[0].removesuffix(FILE) if names else setting.own
        told = name if name == setting.own else f"{name} (for {setting.own})"
        reason = str(error)
        problem = f"{told} {reason}" if reason.startswith("is ") else f"{told}: {reason}"
        return Value(setting=setting, found=found or Found(text="", name=names[0]), problem=problem)


def given(setting: Setting, environment: Mapping[str, str]) -> list[str]:
    """The names under which it is set, first what counts before others; an empty one is not."""
    app_api = started_by_app_api(environment)
    return [name for name in _names(setting, app_api) if environment.get(name, "").strip()]


def differ(setting: Setting, environment: Mapping[str, str], one: str, other: str) -> bool:
    """Is it set to two values under these two names?"""
    try:
        first, second = (setting.parse(_found(setting, environment, name).text) for name in (one, other))
    except ValueError:
        return True
    return bool(first != second)


def _names(setting: Setting, app_api: bool) -> Iterator[str]:
    """What it may stand under, first what counts before others."""
    for name in (setting.own, *(alias.name for alias in setting.aliases if app_api or not alias.app_api)):
        if setting.secret:
            yield name + FILE
        yield name


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
        text = content.decode().strip()
    except OSError as error:
        raise ValueError(f"the file {path} of {name} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:  # whose text, or cause, would have some of its bytes
        raise ValueError(f"the file {path} of {name} is not text: write the secret into it, as UTF-8") from None
    if not text:  # as if none were wanted
        raise ValueError(f"the file {path} of {name} is empty: write the secret into it, or name no file")
    return text


def _hint(setting: Setting, environment: Mapping[str, str]) -> str:
    """Whoever has set another app's name for it may wonder."""
    app_api = started_by_app_api(environment)
    idle = next((each.name for each in setting.aliases if not app_api and environment.get(each.name)), None)
    return f" ({idle} is set, but counts only beside APP_ID and APP_SECRET)" if idle else ""
