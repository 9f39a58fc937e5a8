"""The signaling connection breaks, in every way that the real HPB knows, and captions go on."""

from __future__ import annotations

import asyncio
import signal

import pytest

from soak.stack import Firewall
from tests.realstack.conference import conference

GO_FORWARD = "command-goforward"  # "go forward ten meters"
DO_SOMETHING = "command-something"  # "go somewhere and do something"
BACK_S = 5.0  # captions are promised so soon after HPB is back


async def test_a_cut_connection_is_resumed_and_what_was_said_meanwhile_comes_once_and_in_order(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        session, speaker = room.bot.session_id, room.bot.speakers.of(ada.session_id)

        room.wire.take_down()
        await ada.says(GO_FORWARD)
        await asyncio.sleep(1.0)  # the sentence is over, and the next one another
        await ada.says(DO_SOMETHING)
        room.wire.bring_up()
        await rita.final_number(2)

        assert ["forward" in text.lower() for text in rita.finals()] == [True, False]
        assert room.bot.session_id == session
        assert room.bot.speakers.of(ada.session_id) is speaker  # the peer connection was kept
        assert speaker.subscriber.requests == 1
        assert rita.participant.is_here(session)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restarted_server_is_joined_anew_with_the_same_readers_and_speakers(engine_settings, how):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        await ada.says(GO_FORWARD)
        await rita.final_number(1)
        await room.bot.delivery.confirmed()
        session = room.bot.session_id

        await room.stack.hpb.stop(how)
        await asyncio.sleep(3.0)  # long enough for the pauses between our tries to grow
        await room.stack.hpb.start()
        began = asyncio.get_running_loop().time()
        await asyncio.gather(rita.comes_back(), ada.comes_back())
        await room.hears(ada)
        heard_after = asyncio.get_running_loop().time() - began
        await ada.says(DO_SOMETHING)
        await rita.final_number(2)

        assert heard_after < BACK_S
        assert ["forward" in text.lower() for text in rita.finals()] == [True, False]
        assert room.bot.session_id != session


async def test_a_final_of_the_time_without_a_server_waits_for_its_readers(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        await ada.says(GO_FORWARD)
        await room.stack.restart_hpb(signal.SIGKILL)  # the final is not out yet
        await asyncio.gather(rita.comes_back(), ada.comes_back())

        assert "forward" in (await rita.final_number(1)).lower()
        assert len(rita.finals()) == 1


async def test_an_outage_longer_than_the_server_remembers_us_ends_with_a_new_session(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        session = room.bot.session_id

        room.wire.take_down()
        await ada.says(GO_FORWARD)
        await rita.sees_leave(session)  # HPB has given us up, 30 s later
        room.wire.bring_up()
        await rita.final_number(1)
        await room.hears(ada)
        await ada.says(DO_SOMETHING)
        await rita.final_number(2)

        assert ["forward" in text.lower() for text in rita.finals()] == [True, False]
        assert room.bot.session_id != session
        assert room.wire.connections == 2  # the resume was refused and the new hello said on the same socket


async def test_a_connection_that_dies_without_a_word_is_noticed_and_no_sentence_is_lost(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        loop = asyncio.get_running_loop()

        async with Firewall(room.wire.port):
            began = loop.time()
            await ada.says(GO_FORWARD)  # its final is written into the void
            while room.bot.is_connected:  # noqa: ASYNC110 — a state of a part has no event
                await asyncio.sleep(0.05)
            noticed_after = loop.time() - began
        await rita.final_number(1)
        await ada.says(DO_SOMETHING)
        await rita.final_number(2)

        assert noticed_after < 20.0
        assert ["forward" in text.lower() for text in rita.finals()] == [True, False]


async def test_fifty_cuts_in_a_row_lose_nothing_and_repeat_nothing(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        session = room.bot.session_id
        sentences = 4

        async def cutting():
            while True:
                await asyncio.sleep(0.4)
                room.wire.cut()

        async with asyncio.TaskGroup() as tasks:
            saboteur = tasks.create_task(cutting())
            for number in range(sentences):
                await ada.says(GO_FORWARD if number % 2 == 0 else DO_SOMETHING)
                await asyncio.sleep(1.0)
            saboteur.cancel()
        await rita.final_number(sentences)
        await asyncio.sleep(1.0)  # a repetition would come now

        assert ["forward" in text.lower() for text in rita.finals()] == [True, False] * (sentences // 2)
        assert room.bot.session_id == session
