"""The named wall at which a failure stops."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from .log_context import told

log = logging.getLogger("roomscribe.bot")


async def guard(name: str, work: Awaitable[None], on_failure: Callable[[Exception], None]) -> None:
    """Await `work`; an exception is logged once under `name` and handed to `on_failure`, and goes no further.

    Of a group, that is the first cause. Our own typed errors say enough; anything else is logged with its traceback.
    Cancellation passes through. `name` must not contain ids or tokens: it is logged.
    """
    try:
        await work
    except Exception as error:
        cause = _first(error)
        unforeseen = None if hasattr(cause, "component") else error
        log.error("%s failed: %s", name, told(cause), exc_info=unforeseen)
        on_failure(cause)


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
