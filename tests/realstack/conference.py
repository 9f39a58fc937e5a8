"""A room on the real HPB and Janus, with the real bot and the real model: the language of the tests beside it.

async with conference(engine_settings) as room:
    rita, ada = await room.reader("Rita"), await room.speaker("Ada")
    room.enable(rita)
    await room.hears(ada)
    await ada.says("command-goforward")
    assert "forward" in await rita.final(of=ada)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot import LocalAddresses, RoomSettings, SignalingSettings
from bot.signaling_watch import NOT_YET
from bot.subscription import State
from pipeline import EngineSettings
from signaling import BackoffSettings, InternalCredentials, signaling_url
from soak.stack import RealStack, find_programs
from soak.stack.wire import Wire
from tests.realstack.conftest import MEDIA_ADDRESS
from tests.support.meeting import LONG_PATIENCE_S, PATIENCE_S, Meeting, hosted


def worker_number() -> int:
    """Tests run side by side: each process has a stack with ports of its own."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def new_stack(**settings) -> RealStack:
    return RealStack(find_programs(), media_address=MEDIA_ADDRESS, number=worker_number(), **settings)


class Conference:
    """A `Meeting` on the real stack. `wire` is the bot's own connection to HPB, and can be cut."""

    def __init__(self, meeting: Meeting, stack: RealStack, wire: Wire) -> None:
        self._meeting = meeting
        self.stack = stack
        self.wire = wire

    def __getattr__(self, name):
        return getattr(self._meeting, name)

    async def hears(self, *speakers) -> None:
        """Wait until the bot receives these people's media."""
        async with asyncio.timeout(PATIENCE_S):
            for speaker in speakers:
                while not self.is_live(speaker):  # noqa: ASYNC110 — a state of a part has no event
                    await asyncio.sleep(0.02)

    async def forgets(self, speaker) -> None:
        """Wait until the bot has noticed that this subscription is over."""
        await self.until(lambda: not self.is_live(speaker))

    async def publishes_again(self, speaker) -> None:
        """What Talk's page does when its own connection has failed: leave the call and join it, until it works."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await speaker.leaves_call()
                await speaker.joins_call(microphone=True)
                speaker.participant.publish()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(3.0):
                        await speaker.participant.connected.wait()
                        return

    async def hears_media_of(self, speaker) -> None:
        """Wait until packets of the newest subscription have come in."""
        await self.until(lambda: (found := self.subscriber_of(speaker)) is not None and found.hears)

    async def until(self, condition) -> None:
        async with asyncio.timeout(LONG_PATIENCE_S):
            while not condition():  # noqa: ASYNC110 — states of parts have no event
                await asyncio.sleep(0.02)

    def subscriber_of(self, speaker):
        found = self.bot.speakers.of(speaker.session_id) if self.bot is not None else None
        return found.subscriber if found is not None else None

    def is_live(self, speaker) -> bool:
        subscriber = self.subscriber_of(speaker)
        return subscriber is not None and subscriber.state is State.LIVE


@asynccontextmanager
async def conference(
    engine: EngineSettings,
    *,
    secret: str = "",
    backoff: BackoffSettings | None = None,
    stack: RealStack | None = None,
    **room_settings,
) -> AsyncIterator[Conference]:
    """Everything up and the model loaded; `secret` is what the bot believes, if not the right one."""
    stack = stack or new_stack()
    async with stack, Wire(stack.hpb_port) as wire:
        settings = RoomSettings(
            signaling=SignalingSettings(
                url=signaling_url(wire.url),
                credentials=InternalCredentials(secret=secret or stack.internal_secret, backend=stack.backend_url),
                backoff=backoff or BackoffSettings(),
            ),
            addresses=LocalAddresses((MEDIA_ADDRESS,), auto=False),
        )
        settings = replace(settings, **room_settings)
        async with hosted(stack, engine, settings, backend=stack.chat.signaling_backend) as meeting:
            room = Conference(meeting, stack, wire)
            await room.until(lambda: room.supervisor.signaling_problem != NOT_YET)
            wire.connections = 0  # only the bot's own from here on: nobody else asks while there is a room
            yield room
