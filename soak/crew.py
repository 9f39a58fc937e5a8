"""Background tasks that belong to a block: cancelled and awaited when it is left, whatever way it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def first_of(error: BaseException) -> BaseException:
    """What went wrong first, of errors that were grouped on their way."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Crew:
    """An async context manager. A task that fails cancels the block, as in a TaskGroup; leaving the block does not
    wait for the tasks to end by themselves, and an exception of the block stays what it is.
    """

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[Any]] = []  # ≤ what the block starts

    async def __aenter__(self) -> Crew:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            if not task.cancelling():  # a second cancellation would interrupt its tidying up
                task.cancel()
        await self._group.__aexit__(None, None, None)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._group.create_task(work)
        self._tasks.append(task)
        return task
