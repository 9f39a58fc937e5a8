"""From the outbox to the readers: finals once to each, partials to whoever is there.

Each reader gets exactly the five fields that Talk reads. A final waits through an outage of the signaling connection,
and for a reader who is away; a partial does not: by then, a newer one will be there.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pipeline import FinalTranscript, PartialTranscript, Transcript
from signaling import MessageTooLarge, SendTranscript, SignalingClient

from .metrics import Metrics
from .outbox import Outbox
from .targets import Targets

log = logging.getLogger("roomscribe.bot.delivery")

BREATH: Final = 25  # messages; then the loop gets a turn, for a message that goes out at once does not yield


class Delivery:
    """One a room."""

    def __init__(self, *, outbox: Outbox, targets: Targets, client: SignalingClient, metrics: Metrics) -> None:
        self._outbox = outbox
        self._targets = targets
        self._client = client
        self._metrics = metrics
        self._sent = 0
        self.since = asyncio.get_running_loop().time()  # when the bot came into the room; set by its owner

    async def run(self) -> None:
        """Send what comes out of the outbox to whoever is a target then. Runs until cancelled."""
        while True:
            await self._client.ready.wait()
            match await self._outbox.next():
                case None:
                    for reader in self._targets.back():
                        await self._catch_up(reader)
                case FinalTranscript() as final:
                    for reader in self._targets.readers():
                        await self._catch_up(reader)
                        if not await self._send_final(final, reader) and self._targets.miss(reader, final):
                            self._metrics.caption_dropped()
                case PartialTranscript() as partial:
                    await self._send_partial(partial)

    async def _catch_up(self, reader: str) -> None:
        """What was missed goes before what was said later."""
        while (final := self._targets.missed(reader)) is not None:
            if await self._send_final(final, reader):
                self._targets.caught_up(reader)

    async def _send_final(self, final: FinalTranscript, reader: str) -> bool:
        """To each session of `reader`, once. False: it has none, or lost it before anything was sent."""
        served: set[str] = set()
        while waiting := self._targets.sessions(reader) - served:
            recipient = min(waiting)
            if await self._send(final, recipient):
                served.add(recipient)
            else:  # its session may be another one by the time we are back
                await self._client.ready.wait()
        return bool(served)

    async def _send_partial(self, partial: PartialTranscript) -> None:
        for recipient in self._targets.recipients():
            if not await self._send(partial, recipient):
                return

    async def _send(self, transcript: Transcript, recipient: str) -> bool:
        """False: not now. What can never be sent counts as sent, and is logged."""
        try:
            if not await self._client.send(caption(transcript, recipient)):
                return False
        except MessageTooLarge as error:
            log.error("a caption was not sent: %s", error)
            return True
        now = asyncio.get_running_loop().time()
        self._metrics.caption(final=isinstance(transcript, FinalTranscript), latency_s=now - transcript.heard_at)
        if not self._sent:
            self._metrics.first_caption(now - self.since)
        self._sent += 1
        if self._sent % BREATH == 0:
            await asyncio.sleep(0)
        return True


def caption(transcript: Transcript, recipient: str) -> SendTranscript:
    """The message to one reader. A pipeline's speaker is "key/session id"; readers know the session id."""
    return SendTranscript(
        recipient=recipient,
        speaker=transcript.speaker.partition("/")[2],
        text=transcript.text,
        language_id=transcript.language_id,
        final=isinstance(transcript, FinalTranscript),
    )
