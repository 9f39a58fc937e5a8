"""From the outbox to the readers: finals once to each, in order, partials to whoever is there.

Each reader gets exactly the five fields that Talk reads. A final waits through an outage of the signaling connection,
and for a reader who is away; what a broken connection may have swallowed is sent again (`bot.receipts`). A partial
waits for nobody: by then, a newer one will be there.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pipeline import FinalTranscript, PartialTranscript, Transcript
from signaling import AskReceipt, MessageTooLarge, SendTranscript, SignalingClient

from .metrics import FINAL, INTERIM, TRANSLATED, Metrics
from .outbox import Outbox
from .pace import Pace
from .receipts import Receipts, Sent
from .status import Latencies
from .targets import Targets

log = logging.getLogger("roomscribe.bot.delivery")

BREATH: Final = 25  # messages; then the loop gets a turn, for a message that goes out at once does not yield
RATE: Final = 20.0  # transcripts a second to one reader
BURST: Final = 20
MAX_AGE_S: Final = 300.0  # a final that could not be sent for so long is of no use any more
RECEIPT_TIMEOUT_S: Final = 5.0
RECEIPT: Final = "receipt:"  # request ids of questions begin with it


class Delivery:
    """One a room."""

    def __init__(
        self, *, room: str, outbox: Outbox, targets: Targets, client: SignalingClient, metrics: Metrics
    ) -> None:
        self._room = room
        self._outbox = outbox
        self._targets = targets
        self._client = client
        self._metrics = metrics
        self._receipts = Receipts(metrics.totals.queue("room_unconfirmed"))
        self._pace = Pace(rate=RATE, burst=BURST)
        self._news = asyncio.Event()  # an answer came, or the connection went
        self.sent = 0  # captions, each reader counted
        self.dropped = 0  # finals, each reader counted
        self.latencies = Latencies()
        self.since = _now()  # when the bot came into the room; set by its owner

    @property
    def unconfirmed(self) -> int:
        """Finals that the signaling server may not have read yet."""
        return len(self._receipts)

    def answered(self, request_id: str) -> None:
        """The server answered one of our questions."""
        number = request_id.removeprefix(RECEIPT)
        if number.isdecimal():
            self._receipts.answered(int(number))
            self._news.set()

    async def confirmed(self) -> None:
        """Wait until the signaling server has read every final sent so far."""
        while self._receipts:
            self._news.clear()
            await self._news.wait()

    def back(self) -> None:
        """The connection is up (again)."""
        if self._receipts:
            self._outbox.nudge()

    def lost(self) -> None:
        """The connection broke."""
        self._receipts.lost(now=_now())
        self._news.set()

    async def run(self) -> None:
        """Send what comes out of the outbox to whoever is a target then. Runs until cancelled."""
        while True:
            await self._connected()
            await self._keep_pace()
            transcript = await self._outbox.next()
            await self._connected()  # connections may have come and gone meanwhile
            match transcript:
                case None:
                    with self._client.together():
                        for reader in self._targets.back():
                            await self._catch_up(reader)
                case FinalTranscript() as final:
                    with self._client.together():  # with the question for its receipt: else it may come twice
                        await self._send_to_all(final)
                case PartialTranscript() as partial:
                    await self._send_partial(partial)

    # Finals.

    async def _send_to_all(self, final: FinalTranscript) -> None:
        """To each reader for whom it is: of a transcript and its translation, everybody gets one."""
        waited_s = None
        for reader in self._targets.readers():
            await self._catch_up(reader)
            if not final.is_for(reader):
                continue
            before = self.sent
            if not await self._send_final(final, reader) and self._targets.miss(reader, final):
                self._drop("reader_away")
            if waited_s is None and self.sent > before and not final.instead:  # what is instead of it may be late
                waited_s = _now() - final.heard_at
        if waited_s is not None:
            self.latencies.note(waited_s)
        await self._ask()

    async def _catch_up(self, reader: str) -> None:
        """What was missed goes before what was said later."""
        while (final := self._targets.missed(reader)) is not None:
            await self._keep_pace()
            if await self._send_final(final, reader, waited=True):
                self._targets.caught_up(reader)
                await self._ask()

    async def _send_final(self, final: FinalTranscript, reader: str, *, waited: bool = False) -> bool:
        """To each session of `reader`, once. False: it has none, or lost it before anything was sent.

        `waited`: it was kept for the reader, who was away.
        """
        if _now() - final.heard_at > MAX_AGE_S:
            self._drop("too_old")
            return True
        served: set[str] = set()
        connection = self._client.connection
        while waiting := self._targets.sessions(reader) - served:
            recipient = min(waiting)
            connection = self._client.connection
            if await self._send(final, recipient, language_id=final.language_for(reader), waited=waited):
                served.add(recipient)
            else:  # its session may be another one by the time we are back
                await self._connected()
        if served:
            self._receipts.sent(final, reader, connection=connection, now=_now())
        return bool(served)

    # Connections come and go.

    async def _connected(self) -> None:
        """Wait for a connection. What an earlier one may have swallowed goes before anything else."""
        while True:
            await self._client.ready.wait()
            connection = self._client.connection
            if not self._receipts.in_doubt(connection=connection):
                return
            if not await self._asked_and_answered(connection):
                continue
            for sent in self._receipts.in_doubt(connection=connection):
                with self._client.together():
                    if not await self._send_again(sent):
                        break
                self._receipts.settle(sent)

    async def _asked_and_answered(self, connection: int) -> bool:
        """The server's answers for the earlier connection come before the one to this question. False: lost again."""
        number = await self._ask()
        try:
            async with asyncio.timeout(RECEIPT_TIMEOUT_S):
                while number is not None and self._receipts.is_open(number):
                    if not self._client.ready.is_set() or self._client.connection != connection:
                        return False
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            log.warning("the signaling server does not answer; captions may come twice")
        return number is not None

    async def _send_again(self, sent: Sent) -> bool:
        for reader in list(sent.readers):
            connection = self._client.connection
            sessions = self._targets.sessions(reader)
            for recipient in sorted(sessions):
                if not await self._send(sent.final, recipient, language_id=sent.final.language_for(reader)):
                    return False
            if sessions:
                self._receipts.sent(sent.final, reader, connection=connection, now=_now())
            else:
                self._targets.miss(reader, sent.final)
            sent.readers.remove(reader)
        await self._ask()
        return True

    async def _ask(self) -> int | None:
        """Ask for a receipt of all that was sent. None: it could not be asked."""
        if not self._receipts:
            return None
        number = self._receipts.ask(connection=self._client.connection)
        asked = await self._client.send(AskReceipt(request_id=f"{RECEIPT}{number}", room=self._room))
        return number if asked else None

    # What finals and partials share.

    async def _send_partial(self, partial: PartialTranscript) -> None:
        for recipient in self._targets.recipients():
            if not await self._send(partial, recipient, language_id=partial.language_id):
                return

    async def _keep_pace(self) -> None:
        """Before each transcript: whoever it goes to gets it once, so its pace is that of each reader."""
        if (wait_s := self._pace.wait_s(now=_now())) > 0:
            await asyncio.sleep(wait_s)
        self._pace.went(now=_now())

    async def _send(self, transcript: Transcript, recipient: str, *, language_id: str, waited: bool = False) -> bool:
        """False: not now. What can never be sent counts as sent, and is logged."""
        try:
            if not await self._client.send(caption(transcript, recipient, language_id=language_id)):
                return False
        except MessageTooLarge as error:
            log.error("a caption was not sent: %s", error)
            return True
        now = _now()
        self._metrics.caption(kind_of(transcript), latency_s=now - transcript.heard_at, waited=waited)
        if not self.sent:
            self._metrics.first_caption(now - self.since)
        self.sent += 1
        if self.sent % BREATH == 0:
            await asyncio.sleep(0)
        return True

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self._metrics.caption_dropped(reason)


def caption(transcript: Transcript, recipient: str, *, language_id: str) -> SendTranscript:
    """The message to one reader. A pipeline's speaker is "key/session id"; readers know the session id."""
    return SendTranscript(
        recipient=recipient,
        speaker=transcript.speaker.partition("/")[2],
        text=transcript.text,
        language_id=language_id,
        final=isinstance(transcript, FinalTranscript),
    )


def kind_of(transcript: Transcript) -> str:
    """As the metrics have it."""
    if isinstance(transcript, PartialTranscript):
        return INTERIM
    return TRANSLATED if transcript.instead else FINAL


def _now() -> float:
    return asyncio.get_running_loop().time()
