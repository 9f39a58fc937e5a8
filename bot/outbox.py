"""What waits to be delivered to a room's readers: finals in order and never lost, partials latest only.

A final takes its speaker's waiting partial with it: a partial can never overtake its final. (A translation does not:
its readers get no partials.) When the finals' bound is reached (the signaling server is away), `put` waits, and the
wait is felt by the speakers' decoders.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pipeline import Bounded, ChannelStats, FinalTranscript, Latest, PartialTranscript, Totals, Transcript

MAX_FINALS: Final = 200  # a room
MAX_PARTIALS: Final = 200  # one a speaker


class Outbox:
    """One a room, with one reader."""

    def __init__(self, totals: Totals | None = None) -> None:
        totals = totals or Totals()
        self._finals: Bounded[FinalTranscript] = Bounded(MAX_FINALS, totals.queue("room_finals"))
        self._partials: Latest[str, PartialTranscript] = Latest(MAX_PARTIALS, totals.queue("room_partials"))
        self._nudged = False
        self._changed = asyncio.Event()
        self._delivered = asyncio.Event()
        self._delivered.set()

    async def put(self, transcript: Transcript) -> None:
        if isinstance(transcript, PartialTranscript):
            self._partials.put(transcript.speaker, transcript)
        else:
            if not transcript.instead:
                self._partials.discard(transcript.speaker)
            await self._finals.put(transcript)
        self._note_change()

    def nudge(self) -> None:
        """A reader is back, and may have missed something."""
        self._nudged = True
        self._note_change()

    def _note_change(self) -> None:
        self._delivered.clear()
        self._changed.set()

    async def next(self) -> Transcript | None:
        """Wait for what is to be sent next; None after a nudge. Asking for it says that the one before is delivered."""
        while True:
            if self._nudged:
                self._nudged = False
                return None
            transcript = self._finals.take() or self._partials.take()
            if transcript is not None:
                return transcript
            self._delivered.set()
            self._changed.clear()
            await self._changed.wait()

    async def drained(self) -> None:
        """Wait until everything put so far has been delivered."""
        await self._delivered.wait()

    @property
    def finals(self) -> ChannelStats:
        return self._finals.stats

    @property
    def partials(self) -> ChannelStats:
        return self._partials.stats
