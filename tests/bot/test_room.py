"""A whole room for real: signaling, WebRTC on loopback, the real model. Each test is a promise to people in a call."""

from __future__ import annotations

import asyncio
import logging

import pytest

from signaling import IceCandidate, SendCandidate, SendOffer
from tests.support.meeting import broken_offer, meeting

pytestmark = pytest.mark.model

GO_FORWARD = "command-goforward"  # "go forward ten meters"
DO_SOMETHING = "command-something"  # "go somewhere and do something"
LONG = "austen-0870"  # 7 s: "and mister john dashwood had then leisure to consider how much …"


async def test_who_asked_reads_what_is_said_and_nobody_else_does(engine_settings):
    async with meeting(engine_settings) as room:
        rita, bystander, ada = await room.reader("Rita"), await room.reader("Bert"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()

        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()
        assert bystander.captions == ada.captions == []
        assert {caption.language_id for caption in rita.captions} == {"en"}


async def test_partials_come_while_somebody_speaks_and_the_final_closes_them(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()

        await ada.says(LONG)
        final = await rita.final(of=ada)

        kinds = [caption.final for caption in rita.captions]
        assert kinds.count(False) >= 3
        assert kinds[-1] is True
        assert "dashwood" in final.lower()
        assert final.lower().rstrip(".").endswith("for them")


async def test_a_language_switch_in_mid_call_takes_effect_with_the_next_utterance(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)
        await rita.final(of=ada)
        before = len(rita.captions)

        room.bot.set_language(room.supervisor.language("en_GB"))
        await ada.says(DO_SOMETHING)
        await rita.final(of=ada, after=before)

        assert {caption.language_id for caption in rita.captions[:before]} == {"en"}
        assert {caption.language_id for caption in rita.captions[before:]} == {"en_GB"}


async def test_two_people_who_talk_at_once_are_not_mixed_up(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada, will = await room.reader("Rita"), await room.speaker("Ada"), await room.speaker("Will")
        room.enable(rita)
        await asyncio.gather(ada.heard(), will.heard())

        await asyncio.gather(ada.says(GO_FORWARD), will.says(DO_SOMETHING))

        assert "forward" in (await rita.final(of=ada)).lower()
        assert "something" in (await rita.final(of=will)).lower()


async def test_a_speaker_and_a_reader_who_come_late_are_served(engine_settings):
    async with meeting(engine_settings) as room:
        early = await room.reader("Early")
        room.enable(early)
        await room.joined()

        late, ada = await room.reader("Late"), await room.speaker("Ada")
        room.enable(late)
        await ada.heard()
        await ada.says(GO_FORWARD)

        assert "forward" in (await late.final(of=ada)).lower()
        assert "forward" in (await early.final(of=ada)).lower()


async def test_who_leaves_in_mid_word_still_has_the_last_word(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        session = ada.session_id

        await ada.says(LONG, seconds=2.5)
        await ada.leaves()

        await rita.final()
        assert "dashwood" in rita.finals()[-1].lower()
        assert rita.captions[-1].speaker == session


async def test_who_rejoins_is_heard_again(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.leaves()

        again = await room.speaker("Ada")
        await again.heard()
        await again.says(DO_SOMETHING)

        assert "something" in (await rita.final(of=again)).lower()


async def test_who_leaves_the_call_and_comes_back_with_the_same_session_is_heard_again(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.leaves_call()
        ada.participant.connected.clear()

        await ada.joins_call(microphone=True)
        await ada.heard()
        await ada.says(DO_SOMETHING)

        assert "something" in (await rita.final(of=ada)).lower()


async def test_a_mute_in_mid_sentence_closes_the_caption_and_speech_after_it_opens_another(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()

        await ada.says(LONG, seconds=2.5)
        ada.microphone.muted = True
        first = await rita.final(of=ada)
        ada.microphone.muted = False
        seen = len(rita.captions)
        await ada.says(GO_FORWARD)

        assert "dashwood" in first.lower()
        assert "forward" in (await rita.final(of=ada, after=seen)).lower()


async def test_a_cut_connection_is_resumed_and_no_word_is_lost_or_said_twice(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        ada.participant.connected.clear()
        session = room.bot.session_id

        speaking = asyncio.gather(ada.says(GO_FORWARD))
        room.server.cut(session)
        await speaking
        await rita.final(of=ada)
        seen = len(rita.captions)
        await ada.says(DO_SOMETHING)
        await rita.final(of=ada, after=seen)

        assert room.bot.session_id == session
        assert not ada.participant.connected.is_set()  # the peer connection was kept
        assert ["forward" in text.lower() for text in rita.finals()] == [True, False]


async def test_a_session_that_cannot_be_resumed_is_made_anew_and_the_last_words_wait_for_the_reader(engine_settings):
    async with meeting(engine_settings, signaling={"resume_window_s": 0.0}) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        session = room.bot.session_id
        ada.participant.connected.clear()

        await ada.says(LONG, seconds=2.5)
        room.server.cut(session)
        last_words = await rita.final()
        await ada.heard()
        seen = len(rita.captions)
        await ada.says(GO_FORWARD)

        assert "dashwood" in last_words.lower()
        assert "forward" in (await rita.final(of=ada, after=seen)).lower()
        assert room.bot.session_id != session
        assert sum("dashwood" in text.lower() for text in rita.finals()) == 1


async def test_a_failing_subscription_does_not_take_the_last_words_with_it(engine_settings):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        ada.participant.connected.clear()
        (speaker,) = room.bot.speakers.active

        await ada.says(LONG, seconds=2.5)
        speaker.subscriber.post(broken_offer())

        assert "dashwood" in (await rita.final()).lower()
        await ada.heard()  # and it is tried anew


async def test_a_broken_offer_of_one_speaker_does_not_touch_another(engine_settings):
    async with meeting(engine_settings) as room:
        rita, mallory, ada = await room.reader("Rita"), await room.reader("Mallory"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await mallory.joins_call(microphone=True)

        client = mallory.participant._client
        bot = room.bot.session_id
        for sdp in ("", "v=0\r\n", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", "m=video 9 x 1"):
            await client.send(SendOffer(recipient=bot, sid="s", sdp=sdp))
            await client.send(SendCandidate(recipient=bot, sid="s", candidate=IceCandidate(candidate="nonsense 1 2")))
        await ada.says(GO_FORWARD)

        assert "forward" in (await rita.final(of=ada)).lower()


async def test_nothing_private_reaches_the_logs(engine_settings, caplog):
    caplog.set_level(logging.DEBUG, logger="roomscribe")
    async with meeting(engine_settings, leave_after_s=0.2) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Adalbert")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)
        await rita.final(of=ada)
        room.disable(rita)
        await room.gone()
        private = [room.token, ada.nc, rita.nc, ada.session_id, "Adalbert", "127.0.0.1", "secret of the test"]

    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("roomscribe"))
    assert logged
    assert "forward" not in logged.lower()
    assert not [word for word in private if word in logged]
