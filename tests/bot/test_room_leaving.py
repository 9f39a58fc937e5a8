"""When the bot of a room goes, for real: not while somebody reads, not without the last words, and not late."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from bot import RoomState
from tests.support.meeting import meeting

pytestmark = pytest.mark.model

GO_FORWARD = "command-goforward"  # "go forward ten meters"
LONG = "austen-0870"  # 7 s: "and mister john dashwood had then leisure to consider how much …"


async def test_the_bot_leaves_when_the_last_reader_has_gone(engine_settings):
    async with meeting(engine_settings, leave_after_s=0.3) as room:
        rita, _ = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)

        room.disable(rita)
        await room.gone()

        assert room.token not in room.supervisor.rooms or room.bot.state is RoomState.LEAVING


async def test_asking_again_in_time_keeps_the_same_bot(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        bot = room.bot

        room.disable(rita)
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert room.bot is bot


async def test_asking_again_while_the_bot_leaves_brings_one_that_comes_after_it(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        leaving = room.bot
        leaving.stop("told to")
        ada.participant.connected.clear()

        room.enable(rita)
        follower = room.bot

        assert follower is not leaving
        await ada.heard()
        assert leaving.gone.is_set()
        await ada.says(GO_FORWARD)
        assert "forward" in (await rita.final(of=ada)).lower()


async def test_when_the_call_is_ended_for_all_the_last_words_come_out_first(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(LONG, seconds=2.5)
        bot = room.bot

        room.server.end_call(room.token)
        async with asyncio.timeout(10):
            await bot.gone.wait()

        assert "dashwood" in (await rita.final()).lower()


async def test_shutting_down_delivers_the_last_words(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(LONG, seconds=2.5)

        await room.shut_down()

        assert "dashwood" in (await rita.final()).lower()


async def test_a_reader_who_leaves_the_call_is_sent_nothing_and_the_bot_goes_in_the_end(engine_settings):
    async with meeting(engine_settings, forget_after_s=0.5, leave_after_s=0.5) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()

        await rita.leaves_call()
        await room.gone()

        assert rita.captions == []


async def test_a_bot_that_is_to_leave_at_once_stays_while_there_is_a_reader(engine_settings):
    async with meeting(engine_settings, leave_after_s=0.0) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)
        await rita.final(of=ada)

        room.disable(rita)
        await room.gone()


async def test_leaving_takes_no_longer_than_the_setting_says_even_if_recognition_hangs(engine_settings):
    async with meeting(engine_settings, drain_timeout_s=0.5) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        (engine,) = psutil.Process().children()
        engine.suspend()
        await ada.says(LONG, seconds=2.5)

        room.bot.stop("told to")
        async with asyncio.timeout(5):
            await room.gone()
