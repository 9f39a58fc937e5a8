"""Records of the log → what a line says. Private by construction: of what others than us say, nothing is taken over.

Our own lines are templates with checked arguments. A library's line may hold anything (addresses, SDP, the repr of a
task with an exception's text in it): it is told by its logger and the place in the code that said it. An exception is
told by its type and the places it went through, ours with their texts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final

from structlog.contextvars import get_contextvars

from bot.log_context import text_of, told

OURS: Final = "roomscribe"
MAX_LINE_BYTES: Final = 8 * 1024
MAX_FRAMES: Final = 12  # of one exception: those next to where it was raised
MAX_ERRORS: Final = 8  # of one chain or group
CUT: Final = "…"
UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"
NOT_TOLD: Final = "(a library's own words)"

#: How libraries begin what they say, where that is the same each time; what follows is not told.
KNOWN: Final = (
    "Exception in callback",
    "Future exception was never retrieved",
    "Task exception was never retrieved",
    "Task was destroyed but it is pending",
    "Unclosed client session",
    "Unclosed connection",
    "Unclosed connector",
    "an error occurred during closing of asynchronous generator",
)
_SPACE: Final = re.compile(r"\s+")

Line = dict[str, Any]


def line_of(record: logging.LogRecord, args: object) -> Line:
    """All that is told of a record with these arguments, in the order in which it stands in the line. Never raises."""
    line: Line = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "level": record.levelname.lower(),
        "logger": plain(record.name),
    }
    if is_ours(record):
        line["event"] = plain(_said(record, args))
    else:
        line["event"] = known_words(record)
        line["where"] = plain(_where(record))
    context = get_contextvars()
    line |= {name: plain(str(context[name])) for name in ("request", "room", "speaker") if name in context}
    if record.exc_info and record.exc_info[1] is not None:
        line["exception"] = plain(outline(record.exc_info[1]))
    return line


def is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def known_words(record: logging.LogRecord) -> str:
    """What may be told of what a library says."""
    said = record.msg if isinstance(record.msg, str) else ""
    return next((each for each in KNOWN if said.startswith(each)), NOT_TOLD)


def plain(text: str) -> str:
    """One line without control characters, of bounded length."""
    text = _SPACE.sub(" ", text[: MAX_LINE_BYTES + 1]).strip()
    return text if text.isprintable() else "".join(each if each.isprintable() else UNPRINTABLE for each in text)


def outline(error: BaseException) -> str:
    """The error with what caused it: types, and modules, lines and functions from the outside in."""
    return " <- ".join(_outlines(error))


def shortened(line: Line, render: Callable[[Line], str], limit: int = MAX_LINE_BYTES) -> str:
    """Render the line, cutting its longest values until it fits; a mark stands for what is gone."""
    text = render(dict(line))
    while len(text.encode()) > limit:
        longest = max(line, key=lambda name: len(str(line[name])))
        value = str(line[longest])
        line = {**line, longest: value[: len(value) * 3 // 4] + CUT}  # how many bytes a character takes differs
        text = render(dict(line))
    return text


def _said(record: logging.LogRecord, args: object) -> str:
    """Errors among the arguments are told as errors are told."""
    try:
        if isinstance(args, tuple):
            args = tuple(text_of(each) if isinstance(each, BaseException) else each for each in args)
        return str(record.msg) % args if args else str(record.msg)
    except Exception as error:  # noqa: BLE001 — a line that cannot be made must not hide that it was to be
        return f"(a line that cannot be written: {type(error).__name__} at {_where(record)})"


def _where(record: logging.LogRecord) -> str:
    path = PurePath(record.pathname)
    return f"{path.parent.name}.{path.stem}:{record.lineno}" + (f" {record.funcName}" if record.funcName else "")


def _outlines(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        if len(seen) == MAX_ERRORS:
            yield CUT
            return
        seen.add(id(each))
        text = type(each).__name__ if isinstance(each, BaseExceptionGroup) else told(each)
        if each.__traceback__ is not None:
            text += f" at {_frames(each.__traceback__)}"
        yield text
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(each.__context__)


def _frames(trace: TracebackType | None) -> str:
    places: list[str] = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "?"))
        places.append(f"{module}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    cut = [CUT] if len(places) > MAX_FRAMES else []
    return ", ".join([*cut, *places[-MAX_FRAMES:]])
