"""The log on standard error: its set-up and its handler. `lines` has what a line says, `rate` how often."""

from __future__ import annotations

import contextvars
import json
import logging
import math
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, TextIO

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

from api.settings.environment import environment

from .lines import NOT_TOLD, OURS, Line, is_ours, line_of, shortened
from .rate import Kind, LeftOut, LineRate

EVENT_COLUMNS: Final = 60  # of a console line, before what it is about

log = logging.getLogger(OURS)


def set_up_logging(level: str, format: str = "auto") -> None:  # noqa: A002 — as the setting is called
    """Ours at `level`, libraries from WARNING on. `auto`: for people on a terminal, else a JSON object a line."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, LogHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(LogHandler(format))
    root.setLevel(logging.WARNING)
    log.setLevel(level)
    # It has a traceback for whatever cannot be parsed as HTTP: strangers could fill the disk. Ours are logged by us.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def leave_no_traceback() -> None:
    """What would reach standard error beside the log, with whatever its text may hold, is a line of the log, too."""

    def warned(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
        log.warning("a %s at %s:%d", category.__name__, PurePath(filename).stem, lineno)

    def uncaught(kind: type[BaseException], error: BaseException | None, *_: object) -> None:
        if error is not None and not issubclass(kind, KeyboardInterrupt):
            log.critical("an error that nobody caught", exc_info=error)

    warnings.showwarning = warned
    sys.excepthook = uncaught
    threading.excepthook = lambda it: uncaught(it.exc_type, it.exc_value)
    sys.unraisablehook = lambda it: uncaught(it.exc_type, it.exc_value)


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes to `stream`, or to what is standard error at that moment."""

    def __init__(
        self,
        format: str = "auto",  # noqa: A002
        stream: TextIO | None = None,
        *,
        rate: LineRate | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream or sys.stderr)
        self._fixed = stream
        self._rate = rate or LineRate()
        self._clock = clock
        on_terminal = self.stream.isatty()
        colours = on_terminal and not environment().get("NO_COLOR")
        console = format == "console" or (format == "auto" and on_terminal)
        self.setFormatter(formatter(_console(colours) if console else _json()))

    def emit(self, record: logging.LogRecord) -> None:
        """Under the handler's lock."""
        self.stream = self._fixed or sys.stderr
        now = self._clock()
        for each in self._rate.over(now=now):
            contextvars.Context().run(super().emit, self._told(each))  # about no room
        if self._rate.admits(_kind(record), now=now):
            super().emit(record)

    def close(self) -> None:
        """What was left out until now is still told."""
        for each in self._rate.over(now=math.inf):
            super().emit(self._told(each))
        super().close()

    def _told(self, left_out: LeftOut) -> logging.LogRecord:
        """Maybe much later, as lines are written only when somebody has something to say: so it has its own time."""
        name, said, level = left_out.kind
        since = datetime.fromtimestamp(time.time() - (self._clock() - left_out.since), UTC)
        what = f"{name}: {said if isinstance(said, str) else NOT_TOLD}"
        text = "%d more lines like this were left out since %s UTC: %s"
        return logging.LogRecord(OURS, level, "", 0, text, (left_out.number, f"{since:%H:%M:%S}", what), None)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 — as the library calls it
        """The stream is gone, and with it all that could be said. (The standard library would print the arguments.)"""


def formatter(render: Callable[[Line], str]) -> logging.Formatter:
    """A line for each record of whatever logger."""
    return ProcessorFormatter(
        foreign_pre_chain=[lambda _, __, event: line_of(event["_record"], event["positional_args"])],
        processors=[lambda _, __, line: shortened(dict(line), render)],
        use_get_message=False,
        pass_foreign_args=True,
    )


def _json() -> Callable[[Line], str]:
    renderer = JSONRenderer(serializer=json.dumps, ensure_ascii=False)
    return lambda line: str(renderer(None, "", line))


def _console(colours: bool) -> Callable[[Line], str]:
    renderer = ConsoleRenderer(colors=colours, sort_keys=False, pad_event_to=EVENT_COLUMNS)

    def render(line: Line) -> str:
        # Under its own name it would get lines of its own.
        return renderer(None, "", {("raised" if name == "exception" else name): value for name, value in line.items()})

    return render


def _kind(record: logging.LogRecord) -> Kind:
    """Our templates are constants; what libraries say may be new each time, but not the place that says it."""
    return record.name, record.msg if is_ours(record) else (record.pathname, record.lineno), record.levelno
