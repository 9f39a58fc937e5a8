"""Bytes of a request → checked models. A problem names its field, what was expected and what came."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MAX_BODY_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 64  # of one object; what looks for the wrong ones takes time with each
MAX_PROBLEMS: Final = 20  # told in one answer: unknown fields could make it as long as the body
MAX_SHOWN: Final = 40  # characters of a field's name as it came
NEAR: Final = 0.6  # of 1: how alike a wrong field and the one that was meant are at least

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`field` is the JSON field or the query's; empty when the body as a whole is wrong."""

    field: str
    message: str
    kind: str  # "json", "missing", "type", "value", "unknown"
    place: str = "body"  # or "query"


class InvalidBody(Exception):
    """The request is not what the endpoint takes."""

    component = "api"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field or problem.place}: {problem.message}" for problem in problems))
        self.problems = problems


def parse(model: type[Model], body: bytes, *, lenient: bool = False) -> Model:
    """Read a JSON object. `lenient`: fields that we do not know are passed over, not refused.

    Raises `InvalidBody` with every problem found.
    """
    return check(model, _json(body), place="body", lenient=lenient)


def check(model: type[Model], data: Mapping[str, Any], *, place: str, lenient: bool = False) -> Model:
    """Read what was decoded already, such as a query. Raises `InvalidBody`."""
    if lenient:
        known = {field.alias or name for name, field in model.model_fields.items()}
        data = {name: value for name, value in data.items() if name in known}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
        problems = [_problem(model, each, place) for each in found[:MAX_PROBLEMS]]
    raise InvalidBody(problems)  # out of the handler: its context would hold the values


def _json(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        _refuse("is not valid JSON: it is not UTF-8", "json")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        _refuse("is not valid JSON: it is nested too deeply", "json")
    except ValueError:  # its text would show what came
        _refuse("is not valid JSON", "json")
    if not isinstance(data, dict):
        _refuse("expected a JSON object", "type")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_FIELDS:
        _refuse(f"has an object of more than {MAX_FIELDS} fields", "json")
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidBody([Problem(field=shown(twice), message="is there more than once", kind="json")])
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse(message: str, kind: str) -> NoReturn:
    raise InvalidBody([Problem(field="", message=message, kind=kind)]) from None


def _problem(model: type[BaseModel], error: ErrorDetails, place: str) -> Problem:
    field = shown(".".join(str(each) for each in error["loc"]))
    message, kind = _told(model, error, field)
    return Problem(field=field, message=message, kind=kind, place=place)


def _told(model: type[BaseModel], error: ErrorDetails, field: str) -> tuple[str, str]:
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is required", "missing"
        case "extra_forbidden":
            known = [each.alias or name for name, each in model.model_fields.items()]
            near = difflib.get_close_matches(field, known, n=1, cutoff=NEAR)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            return f"is not known: {hint}", "unknown"
        case "string_type":
            return f"expected a text, got {_kind(error['input'])}", "type"
        case "string_unicode":
            return "holds half of a surrogate pair", "value"
        case "bool_type" | "bool_parsing":
            return f"expected true or false, got {_kind(error['input'])}", "type"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"expected a whole number, got {_kind(error['input'])}", "type"
        case "string_too_short" | "string_too_long":
            limits = {each: value for part in model.model_fields.values() for each, value in _limits(part, field)}
            return f"expected {limits.get('min_length', 1)} to {limits.get('max_length', '?')} characters", "value"
        case "string_pattern_mismatch":
            return "holds control characters, or nothing but spaces", "value"
        case "greater_than_equal":
            return f"expected a number of at least {context['ge']}", "value"
        case "less_than_equal":
            return f"expected a number of at most {context['le']}", "value"
        case _:
            return error["msg"], "value"


def _limits(field: Any, alias: str) -> list[tuple[str, int]]:
    if field.alias != alias:
        return []
    found = []
    for rule in field.metadata:
        found += [(each, getattr(rule, each)) for each in ("min_length", "max_length") if hasattr(rule, each)]
    return [(each, value) for each, value in found if value is not None]


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")


def shown(name: str) -> str:
    """A field's name as it may be answered: whoever sent it may have put anything in it."""
    clean = "".join(each if each.isprintable() else "�" for each in name[:MAX_SHOWN])
    return f"{clean}…" if len(name) > MAX_SHOWN else clean
