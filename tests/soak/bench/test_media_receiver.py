"""Every way of receiving is measured alike. The conversation as a whole is in `test_media.py`."""

from __future__ import annotations

import asyncio
import time

import pytest

from soak.bench.media_receiver import LoopLag, Options, measure


class FakeReceiver:
    """Between two looks, so many packets have come."""

    def __init__(self, packets):
        self._packets = iter((1000, 1000 + packets))

    def packets(self):
        return next(self._packets)

    def extra(self):
        return {"decoded_s": 3.0}


async def measured(packets, *, speakers=1, start_rss_mb=0.0, base_rss_mb=0.0):
    return await measure(
        FakeReceiver(packets),
        Options(speakers=speakers, seconds=0.05),
        start_rss_mb=start_rss_mb,
        base_rss_mb=base_rss_mb,
    )


def test_the_arguments_are_those_of_the_go_receiver_and_more():
    assert Options.read(["40", "2.5"]) == Options(speakers=40, seconds=2.5)
    more = '{"rooms": 4, "hearing": true}'
    assert Options.read(["40", "20", more]) == Options(speakers=40, seconds=20.0, rooms=4, hearing=True)


async def test_cpu_time_is_told_per_packet_that_came_in_the_meantime():
    told = await measured(500)
    assert told["packets"] == 500
    assert told["us_per_packet"] == round(told["cpu_s"] / 500 * 1e6, 1) or told["us_per_packet"] > 0
    assert told["decoded_s"] == 3.0


async def test_without_packets_there_is_no_time_per_packet():
    assert (await measured(0))["us_per_packet"] is None


async def test_memory_of_a_speaker_is_what_came_on_top_of_the_base():
    told = await measured(1, speakers=10, start_rss_mb=1.0, base_rss_mb=11.0)
    assert told["mb_per_speaker_from_start"] - told["mb_per_speaker"] == pytest.approx(1.0)


async def test_a_loop_that_stands_still_lags():
    with LoopLag() as lag:
        await asyncio.sleep(0.05)
        time.sleep(0.2)  # noqa: ASYNC251 — this is the standstill
        await asyncio.sleep(0.05)
    assert lag.percentile_ms(100) >= 150


async def test_a_standstill_is_one_late_look_not_many():
    with LoopLag() as lag:
        time.sleep(0.5)  # noqa: ASYNC251 — this is the standstill
        await asyncio.sleep(0.1)
    assert lag.percentile_ms(50) < 200


def test_a_loop_that_was_not_looked_at_does_not_lag():
    assert LoopLag().percentile_ms(99) == 0.0
