"""Request bodies: JSON in, checked dataclasses out. A problem names its field and what was expected."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

MAX_BODY_BYTES: Final = 64 * 1024
MAX_TOKEN: Final = 255
MAX_SESSION: Final = 1024
MAX_LANGUAGE: Final = 32
UNFIT: Final = ("Cc", "Cs")  # Unicode categories that are no text: no websocket frame, no terminal takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`field` is the JSON field; empty when the body as a whole is wrong."""

    field: str
    message: str
    kind: str  # "json", "missing", "type", "value"


class InvalidBody(Exception):
    """The body is not what the endpoint takes."""

    component = "api"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field or 'body'}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeRequest:
    """`POST /api/v1/call/transcribe` as Talk sends it. `nc_session_id` is the Nextcloud session id."""

    room_token: str = field(repr=False)
    nc_session_id: str = field(repr=False)
    enable: bool
    lang_id: str
    translation_target: str | None


def parse_transcribe(body: bytes) -> TranscribeRequest:
    """Raises `InvalidBody` with every problem found."""
    fields = Fields(body)
    request = TranscribeRequest(
        room_token=fields.text("roomToken", MAX_TOKEN),
        nc_session_id=fields.text("ncSessionId", MAX_SESSION),
        enable=fields.flag("enable", default=True),
        lang_id=fields.text("langId", MAX_LANGUAGE, default="en"),
        translation_target=fields.optional_text("translationTargetLangId", MAX_LANGUAGE),
    )
    fields.done()
    return request


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRequest:
    """`POST /api/v1/call/set-language` as Talk sends it."""

    room_token: str = field(repr=False)
    lang_id: str


def parse_set_language(body: bytes) -> LanguageRequest:
    """Raises `InvalidBody` with every problem found."""
    fields = Fields(body)
    request = LanguageRequest(
        room_token=fields.text("roomToken", MAX_TOKEN), lang_id=fields.text("langId", MAX_LANGUAGE)
    )
    fields.done()
    return request


class Fields:
    """The fields of a JSON object, checked as they are read. `done` raises `InvalidBody` with every problem found; a
    body that is no JSON object is told at once. Until then, a wrong field reads as an empty or least value.
    """

    def __init__(self, body: bytes) -> None:
        self._problems: list[Problem] = []
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidBody([Problem(field="", message="is not valid JSON", kind="json")]) from error
        if not isinstance(data, dict):
            raise InvalidBody([Problem(field="", message="expected a JSON object", kind="type")])
        self._data: dict[str, Any] = data

    def text(self, name: str, longest: int, default: str | None = None) -> str:
        value = self._data.get(name, default)
        if name not in self._data and default is None:
            return self._problem(name, "is required", "missing")
        if not isinstance(value, str):
            return self._problem(name, f"expected a text, got {_kind(value)}", "type")
        if not value.strip() or len(value) > longest:
            return self._problem(name, f"expected 1 to {longest} characters", "value")
        if any(unicodedata.category(each) in UNFIT for each in value):
            return self._problem(name, "holds control characters, or half of a surrogate pair", "value")
        return value

    def optional_text(self, name: str, longest: int) -> str | None:
        return None if self._data.get(name) is None else self.text(name, longest)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._data.get(name, default)
        if not isinstance(value, bool):
            self._problem(name, f"expected true or false, got {_kind(value)}", "type")
            return default
        return value

    def number(self, name: str, low: int, high: int) -> int:
        value = self._data.get(name)
        if name not in self._data:
            self._problem(name, "is required", "missing")
        elif not isinstance(value, int) or isinstance(value, bool):
            self._problem(name, f"expected a whole number, got {_kind(value)}", "type")
        elif not low <= value <= high:
            self._problem(name, f"expected a number from {low} to {high}", "value")
        else:
            return value
        return low

    def done(self) -> None:
        if self._problems:
            raise InvalidBody(self._problems)

    def _problem(self, name: str, message: str, kind: str) -> str:
        self._problems.append(Problem(field=name, message=message, kind=kind))
        return ""


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")
