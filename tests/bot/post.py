"""Delivery at work: a bot in a room of the embedded server, and who reads there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from bot.delivery import RECEIPT, Delivery
from bot.metrics import Metrics
from bot.outbox import Outbox
from bot.targets import Targets
from pipeline import FinalTranscript, PartialTranscript
from signaling import ErrorReply, PeopleJoined, PeopleLeft, RoomEntered, SessionLost, SessionStarted, TranscriptReceived
from tests.signaling.callers import PATIENCE_S, calling, ticket

READER = "nc-rita"


def now():
    return asyncio.get_running_loop().time()


def final(text, speaker="1.1/ada", **details):
    """In English, unless the details say otherwise."""
    details = {"utterance": 1, "language_id": "en", "start": 0, "end": 1, "heard_at": now(), **details}
    return FinalTranscript(speaker=speaker, text=text, **details)


def partial(text):
    return PartialTranscript(
        speaker="1.1/ada", utterance=1, revision=1, text=text, language_id="en", start=0, end=1, heard_at=now()
    )


class Post:
    """The bot's side: what the room does with its signaling session, and no more."""

    def __init__(self, bot):
        self.targets = Targets(forget_after_s=60)
        self.outbox = Outbox()
        self.metrics = Metrics()
        self.delivery = Delivery(
            room="attic", outbox=self.outbox, targets=self.targets, client=bot.client, metrics=self.metrics
        )
        for event in bot.events:
            self.note(event)
        bot.watch = self.note

    def note(self, event):
        if isinstance(event, SessionStarted):
            self.targets.started(now=0)
        if isinstance(event, SessionLost):
            self.delivery.lost()
        match getattr(event, "message", None):
            case ErrorReply(request_id=str(request_id)) if request_id.startswith(RECEIPT):
                self.delivery.answered(request_id)
            case PeopleJoined(people=people):
                self.targets.joined(people, now=0)
            case PeopleLeft(session_ids=session_ids):
                self.targets.left(session_ids, now=0)
        if self.targets.back():
            self.outbox.nudge()

    def count(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def delivering(url):
    """A bot in the room that delivers what is put into `post.outbox` to READER."""
    async with calling(url) as bot, asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        await bot.told(RoomEntered)
        post = Post(bot)
        post.targets.enable(READER, now=0)
        running = tasks.create_task(post.delivery.run())
        yield bot, post
        running.cancel()


@asynccontextmanager
async def reading(server, name="rita", nc=READER):
    async with calling(server.url, credentials=ticket(server, name), room_session=nc) as reader:
        await reader.told(RoomEntered)
        yield reader


async def reads(reader, *texts):
    """The reader has got exactly this, in this order."""
    await reader.told(TranscriptReceived, times=len(texts))
    assert [each.text for each in reader.messages if isinstance(each, TranscriptReceived)] == list(texts)
