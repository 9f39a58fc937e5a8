"""A bot comes when it is asked, serves alone, and goes when it is time."""

from __future__ import annotations

import asyncio

from tests.realstack.conference import conference

GO_FORWARD = "command-goforward"  # "go forward ten meters"
LONG = "austen-0870"  # 7 s: "and mister john dashwood had then leisure to consider how much …"


async def test_two_bots_never_serve_one_room(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        leaving = room.bot
        leaving.stop("told to")
        former = leaving.session_id

        room.enable(rita)  # while the first is on its way out
        await room.hears(ada)

        assert leaving.gone.is_set()
        assert not rita.participant.is_here(former)
        await ada.says(GO_FORWARD)
        assert "forward" in (await rita.final(of=ada)).lower()
        assert len(rita.finals()) == 1


async def test_captions_on_off_and_on_again_within_a_second_are_one_bot(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        bot = room.bot
        room.disable(rita)
        room.enable(rita)
        await room.hears(ada)

        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert room.bot is bot


async def test_when_the_last_reader_has_enough_the_bot_leaves(engine_settings):
    async with conference(engine_settings, leave_after_s=0.5) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        session = room.bot.session_id

        room.disable(rita)
        await room.gone()

        await rita.sees_leave(session)


async def test_when_the_call_is_ended_for_all_the_last_words_come_out_and_the_bot_leaves(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        await ada.says(LONG, seconds=2.5)
        bot = room.bot

        await room.stack.end_call(room.token)
        async with asyncio.timeout(10):
            await bot.gone.wait()

        assert "dashwood" in (await rita.final()).lower()


async def test_when_the_last_person_has_left_the_call_the_bot_leaves(engine_settings):
    async with conference(engine_settings, call_over_after_s=0.5) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        await ada.leaves_call()
        await rita.leaves_call()

        await room.gone()


async def test_shutting_down_takes_less_than_five_seconds_and_delivers_the_last_words(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        session = room.bot.session_id
        await ada.says(LONG, seconds=2.5)
        loop = asyncio.get_running_loop()

        began = loop.time()
        await room.shut_down()
        took = loop.time() - began

        assert took < 5.0
        assert "dashwood" in (await rita.final()).lower()
        await rita.sees_leave(session)


async def test_a_reader_who_left_the_room_and_comes_back_reads_what_it_missed_first(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        await rita.leaves()
        await ada.says(GO_FORWARD)
        await asyncio.sleep(2.5)  # its final comes into a room without a reader
        again = await room.reader("Rita", nc=rita.nc)
        await ada.says("command-something")
        await again.final_number(2)

        assert ["forward" in text.lower() for text in again.finals()] == [True, False]
