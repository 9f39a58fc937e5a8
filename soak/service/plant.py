"""Leaks, planted in the process under test: a verdict that finds none of them is worth nothing.

Each keeps what the product lets go of, as a mistake in the product would, and is without bound for that reason.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import Counter

import bot.subscriber
from bot.peer import Peer
from bot.speakers import Speakers
from pipeline.finals import Finals
from pipeline.hearing import UtteranceHeard
from pipeline.utterance import OpenUtterance

EVERY: Final = 5  # so many peer connections, one is forgotten
KEPT_BYTES: Final = 1024  # of each utterance

kept: Final[list[Any]] = []


def forget_peers() -> None:
    """Every fifth receiving connection is kept, and nobody closes it: nor does aiortc, when the other side goes."""
    number = itertools.count(1)

    class Forgetful(Peer):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._forgotten = next(number) % EVERY == 0
            if self._forgotten:
                kept.append(self)
                connection: Any = self._connection
                connection.close = _nothing

        async def close(self) -> None:
            if not self._forgotten:
                await super().close()

    place: Any = bot.subscriber
    place.Peer = Forgetful


def keep_utterances() -> None:
    """A kilobyte stays of each utterance that has ended."""
    place: Any = Finals
    close = Finals.close

    def closing(finals: Finals, spoken: OpenUtterance, heard: UtteranceHeard) -> None:
        kept.append(os.urandom(KEPT_BYTES))
        close(finals, spoken, heard)

    place.close = closing


def count_by_speaker() -> None:
    """A counter has a label with a new value for each speaker who joins."""
    place: Any = Speakers
    start, number = Speakers._start, itertools.count(1)
    counters: list[Counter] = []

    def starting(speakers: Speakers, session_id: str, tasks: asyncio.TaskGroup) -> None:
        if not counters:
            registry = speakers._metrics.registry
            counters.append(Counter("roomscribe_planted", "Speakers, by a number", ["number"], registry=registry))
        counters[0].labels(str(next(number))).inc()
        start(speakers, session_id, tasks)

    place._start = starting


async def _nothing() -> None:
    pass


PLANTS: Final[Mapping[str, Callable[[], None]]] = {
    "peer": forget_peers,
    "utterance": keep_utterances,
    "labels": count_by_speaker,
}
