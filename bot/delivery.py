"""From the outbox to the readers: finals until they are sent, partials once.

Each reader gets exactly the five fields that Talk reads. A final waits through an outage of the signaling connection;
a partial does not: by the time the connection is back, a newer one will be there.
"""

from __future__ import annotations

import asyncio

from pipeline import FinalTranscript, Transcript
from signaling import SendTranscript, SignalingClient

from .metrics import Metrics
from .outbox import Outbox
from .targets import Targets


async def deliver(outbox: Outbox, targets: Targets, client: SignalingClient, metrics: Metrics) -> None:
    """Send what comes out of `outbox` to whoever is a target then. Runs until cancelled."""
    clock = asyncio.get_running_loop().time
    while True:
        await client.ready.wait()
        transcript = await outbox.next()
        final = isinstance(transcript, FinalTranscript)
        metrics.caption(final=final, latency_s=clock() - transcript.heard_at)
        for recipient in targets.recipients():
            while not await client.send(caption(transcript, recipient)):
                if not final:
                    break
                await client.ready.wait()


def caption(transcript: Transcript, recipient: str) -> SendTranscript:
    """The message to one reader. A pipeline's speaker is "room key/session id"; readers know the session id."""
    return SendTranscript(
        recipient=recipient,
        speaker=transcript.speaker.rpartition("/")[2],
        text=transcript.text,
        language_id=transcript.language_id,
        final=isinstance(transcript, FinalTranscript),
    )
