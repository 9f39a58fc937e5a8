"""The stock receiver, and our senders, over a real connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from soak.bench.media_receiver import Options
from soak.bench.media_stock import Stock
from soak.bench.rtp_sender import Speaker
from soak.bench.rtp_stream import Stream, tails
from soak.bench.voices import encoded
from soak.clip import shipped_clips
from soak.crew import Crew

GUARD_S = 30.0
PREFETCHED = 4  # packets, in aiortc


@asynccontextmanager
async def heard_by_stock():
    """A stock receiver, and the wire of a speaker that it listens to."""
    clip = next(clip for clip in shipped_clips() if clip.name == "command-something")
    speaker = Speaker(0)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        receiver = Stock(crew, Options(speakers=1, seconds=1))
        try:
            negotiated = await speaker.answered(await receiver.answer(await speaker.offer()))
            await speaker.connected()
            ready = tails(encoded(clip.decode()), negotiated.level_id)
            yield receiver, speaker.wire(Stream(ready, negotiated, ssrc=speaker.ssrc()))
        finally:
            await receiver.close()
            await speaker.close()


async def until(condition):
    async with asyncio.timeout(GUARD_S):
        while not condition():  # noqa: ASYNC110 — states of parts have no event
            await asyncio.sleep(0.01)


async def test_every_packet_is_counted_and_decoded_but_those_that_are_held_back():
    async with heard_by_stock() as (receiver, wire):
        for _ in range(20):
            wire.send()
            await asyncio.sleep(0)  # room for the receiver: it shares our loop

        await until(lambda: receiver.packets() == 20)
        await until(lambda: receiver.extra()["decoded_s"] >= 0.25)

        told = receiver.extra()
        assert told["holdback_ms"] == 20 * PREFETCHED
        assert told["decoded_s"] == pytest.approx((20 - PREFETCHED) * 0.02, abs=0.05)
        assert told["audio_lost_fraction"] == 0.0


async def test_a_lost_packet_loses_more_than_itself():
    async with heard_by_stock() as (receiver, wire):
        for _ in range(10):
            wire.send()
        wire.lose()
        for _ in range(40):
            wire.send()

        await until(lambda: receiver.packets() == 50)
        await until(lambda: receiver.extra()["audio_lost_fraction"] > 0)

        assert receiver.extra()["audio_lost_fraction"] > 1 / 50


async def test_before_anybody_is_heard_there_is_nothing_to_tell():
    async with Crew() as crew:
        assert Stock(crew, Options(speakers=1, seconds=1)).extra() == {
            "decoded_s": 0.0,
            "audio_lost_fraction": None,
            "holdback_ms": None,
        }
