"""The named wall at which a failure stops."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("roomscribe.bot")


async def guard(name: str, work: Awaitable[None], on_failure: Callable[[Exception], None]) -> None:
    """Await `work`; an exception is logged once under `name` and handed to `on_failure`, and goes no further.

    Our own typed errors say enough; anything else is logged with its traceback.
    Cancellation passes through. `name` must not contain ids or tokens: it is logged.
    """
    try:
        await work
    except Exception as error:
        log.error("%s failed: %s", name, _describe(error), exc_info=None if hasattr(error, "component") else error)
        on_failure(error)


def _describe(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
