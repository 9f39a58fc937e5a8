"""A phrase on its way out of a mouth, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from soak.bench.rtp_stream import TICK_S

from .phrases import Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`first_at` and `last_at`: loop times of the first and last packet with speech. `of` so many of them, `sent` were
    let through by the network to somebody who was there.
    """

    phrase: Phrase
    first_at: float
    last_at: float
    sent: int
    of: int

    @property
    def delivered(self) -> float:
        """As a share."""
        return self.sent / self.of if self.of else 0.0


class Saying:
    """A phrase on its way. `at` is the number of its next packet."""

    __slots__ = ("_first", "_first_at", "_last_at", "_sent", "_until", "at", "over", "phrase")

    def __init__(self, phrase: Phrase) -> None:
        self.phrase = phrase
        self.at = 0
        self.over = asyncio.Event()
        self._first = int(phrase.first_s / TICK_S + 1e-6)
        self._until = min(math.ceil(phrase.last_s / TICK_S - 1e-6), len(phrase.voice.payloads))
        self._first_at: float | None = None
        self._last_at = 0.0
        self._sent = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.phrase.voice.payloads)

    def beat(self, now: float, *, sent: bool) -> None:
        if self._first <= self.at < self._until:
            self._first_at = now if self._first_at is None else self._first_at
            self._last_at = now
            self._sent += sent
        self.at += 1

    def said(self, now: float) -> Said:
        """So far."""
        first_at, last_at = (now, now) if self._first_at is None else (self._first_at, self._last_at)
        of = self._until - self._first
        return Said(phrase=self.phrase, first_at=first_at, last_at=last_at, sent=self._sent, of=of)
