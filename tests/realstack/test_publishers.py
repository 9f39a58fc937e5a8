"""Whatever publishers and the media server do, the subscription is made anew and nothing of the old one stays."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bot.subscription import State
from signaling.messages import IN_CALL, WITH_AUDIO, WITH_VIDEO
from tests.realstack.conference import conference

GO_FORWARD = "command-goforward"  # "go forward ten meters"
DO_SOMETHING = "command-something"  # "go somewhere and do something"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restarted_media_server_is_noticed_and_its_speakers_are_heard_again(engine_settings, how):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        before = room.bot.speakers.of(ada.session_id).subscriber

        await room.stack.restart_janus(how)  # HPB tells nobody
        await room.forgets(ada)
        await room.publishes_again(ada)
        await room.hears(ada)
        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert room.bot.speakers.of(ada.session_id).subscriber is not before


async def test_a_publisher_who_leaves_the_call_and_comes_back_is_heard_again_every_time(engine_settings):
    """HPB has a race here: an old subscription that is still open takes the new one down with it."""
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        for pause_s in (0.0, 0.2, 1.0, 0.0):
            await ada.leaves_call()
            await asyncio.sleep(pause_s)
            await ada.joins_call(microphone=True)
            ada.participant.publish()
            await room.hears_media_of(ada)
        await ada.says(DO_SOMETHING)

        assert "something" in (await rita.final(of=ada)).lower()
        assert len(room.bot.speakers.active) == 1


async def test_who_comes_back_with_another_session_is_heard_and_the_old_one_is_forgotten(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        former = ada.session_id
        await ada.leaves()

        again = await room.speaker("Ada")
        await room.hears(again)
        await again.says(DO_SOMETHING)

        assert "something" in (await rita.final(of=again)).lower()
        assert room.bot.speakers.of(former) is None


async def test_a_publisher_who_vanishes_without_a_goodbye_is_let_go_when_the_server_says_so(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada, will = await room.reader("Rita"), await room.speaker("Ada"), await room.speaker("Will")
        room.enable(rita)
        await room.hears(ada, will)
        session = ada.session_id

        await ada.vanishes()
        await rita.sees_leave(session)
        await room.until(lambda: room.bot.speakers.of(session) is None)
        await will.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=will)).lower()


async def test_a_publisher_who_is_in_the_call_before_it_publishes_is_heard_once_it_does(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.reader("Ada", microphone=True)
        room.enable(rita)
        await ada.joins_call(microphone=True)
        await room.until(lambda: room.subscriber_of(ada) is not None)
        await room.until(lambda: room.subscriber_of(ada).requests == 2)  # HPB has waited 10 s and refused the first

        ada.participant.publish()
        await room.hears(ada)
        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()


async def test_a_camera_that_goes_on_and_off_does_not_interrupt_the_captions(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        for flags in (IN_CALL | WITH_AUDIO | WITH_VIDEO, IN_CALL | WITH_AUDIO):
            await room.stack.set_in_call(room.token, nextcloud_session_id=ada.nc, flags=flags)
        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert room.subscriber_of(ada).requests == 1


async def test_twenty_publishers_are_subscribed_side_by_side(engine_settings):
    async with conference(engine_settings) as room:
        rita = await room.reader("Rita")
        speakers = await asyncio.gather(*(room.speaker(f"Speaker {number}") for number in range(20)))
        await asyncio.gather(*(each.published() for each in speakers))
        loop = asyncio.get_running_loop()

        room.enable(rita)
        await room.until(lambda: any(room.is_live(each) for each in speakers))
        first = loop.time()
        await room.hears(*speakers)

        assert loop.time() - first < 3.0
        assert all(room.subscriber_of(each).state is State.LIVE for each in speakers)
