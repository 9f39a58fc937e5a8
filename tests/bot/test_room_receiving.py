"""A whole room by each of the ways that audio can come in: the same words, whatever this machine has."""

from __future__ import annotations

import logging

import pytest

from bot import rtp_tap, sweep
from bot.subscription import SubscriptionSettings
from pipeline import MediaSettings
from pipeline.decoders import NoDecoder
from signaling import BackoffSettings
from tests.support.meeting import broken_offer, meeting

pytestmark = pytest.mark.model

GO_FORWARD = "command-goforward"  # "go forward ten meters"
DO_SOMETHING = "command-something"  # "go somewhere and do something"


async def captioned(engine_settings, **settings):
    """What Rita reads of what Ada says, and the room's supervisor."""
    async with meeting(engine_settings, **settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)
        return (await rita.final(of=ada)).lower(), room.supervisor


async def test_by_our_own_way(engine_settings):
    text, supervisor = await captioned(engine_settings)
    assert "forward" in text
    assert supervisor.media.tallies()["received"] > 50
    assert supervisor.media.decoder.native


async def test_with_the_second_decoder(engine_settings, caplog):
    text, supervisor = await captioned(engine_settings, media=MediaSettings(decoder="av"))
    assert "forward" in text
    assert "av was asked for" in caplog.text
    assert not supervisor.media.decoder.native


async def test_by_aiortcs_way_when_it_was_asked_for(engine_settings, caplog):
    text, supervisor = await captioned(engine_settings, by_track=True)
    assert "forward" in text
    assert supervisor.media is None
    assert "ROOMSCRIBE_RECEIVE_PATH" in caplog.text


async def test_by_aiortcs_way_when_a_part_that_ours_needs_is_gone(engine_settings, caplog, monkeypatch):
    monkeypatch.setattr(rtp_tap, "_STATISTICS", "_something_else")
    text, supervisor = await captioned(engine_settings)
    assert "forward" in text
    assert supervisor.media is None
    assert "RTCRtpReceiver has no _something_else" in caplog.text


async def test_datagram_by_datagram_where_sockets_cannot_be_read_together(engine_settings, monkeypatch):
    monkeypatch.setattr(rtp_tap, "EPOLL", False)
    text, supervisor = await captioned(engine_settings)
    assert "forward" in text
    assert supervisor.media.tallies()["received"] > 50


async def test_a_decoder_that_was_insisted_on_and_is_not_there_is_said_at_start(engine_settings, monkeypatch):
    monkeypatch.setattr("pipeline.opus.copies", lambda: iter(()))
    with pytest.raises(NoDecoder, match="libopus0"):
        await captioned(engine_settings, media=MediaSettings(decoder="libopus"))


async def read_around(room, interrupt):
    """What Rita reads of what Ada says before, while and after she is not heard; and whom the room hears in the end."""
    rita, ada = await room.reader("Rita"), await room.speaker("Ada")
    room.enable(rita)
    await ada.heard()
    await ada.says(GO_FORWARD)
    await rita.final(of=ada)
    (speaker,) = room.bot.speakers.active
    ada.participant.connected.clear()

    await interrupt(speaker.subscriber)
    await ada.says(DO_SOMETHING)
    await ada.heard()
    await ada.says(GO_FORWARD)
    await rita.final_number(3)

    is_the_same = room.bot.speakers.of(ada.session_id) is speaker
    return rita.finals(), is_the_same


async def test_what_was_said_while_a_connection_was_made_anew_is_told_by_one_mark(engine_settings):
    async def close(subscriber):
        await subscriber.peer.close()

    slowly = SubscriptionSettings(backoff=BackoffSettings(floor_s=5.0))
    async with meeting(engine_settings, subscription=slowly) as room:
        (before, mark, after), is_the_same_speaker = await read_around(room, close)
    assert is_the_same_speaker
    assert "forward" in before.lower()
    assert mark == "[…]"
    assert "forward" in after.lower()


async def test_what_was_said_while_a_speaker_whose_captions_broke_off_waited_is_told_by_one_mark(engine_settings):
    async def fail(subscriber):
        subscriber.post(broken_offer())

    async with meeting(engine_settings, speaker_retry_s=5.0) as room:
        (before, mark, after), is_the_same_speaker = await read_around(room, fail)
    assert not is_the_same_speaker
    assert "forward" in before.lower()
    assert mark == "[…]"
    assert "forward" in after.lower()


async def test_what_lies_unread_in_the_socket_of_somebody_who_leaves_is_heard(engine_settings, monkeypatch):
    monkeypatch.setattr(sweep, "SWEEP_S", 60.0)  # sockets are read when their speaker leaves, or never
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD, seconds=2.0)  # a receiver has room for 3 s

        await ada.leaves()

        assert "forward" in (await rita.final()).lower()


@pytest.fixture(autouse=True)
def all_of_the_log(caplog):
    caplog.set_level(logging.INFO)
