"""When the process takes on no more, for real: who is heard stays heard, who is not is heard once there is a place."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bot import AdmissionSettings
from tests.support.meeting import PATIENCE_S, Meeting, broken_offer, meeting

pytestmark = pytest.mark.model

GO_FORWARD = "command-goforward"  # "go forward ten meters"
DO_SOMETHING = "command-something"  # "go somewhere and do something"
ONE = AdmissionSettings(max_total_speakers=1)
PLENTY_MB = 1_000_000


def next_door(room):
    """Another room of the same process, with its own people."""
    return Meeting(
        room.server, room.supervisor, room._http, room._crew, backend=room._backend, addresses=room._addresses
    )


async def waits(room, number=1):
    """Wait until so many speakers of the room wait for a place."""
    async with asyncio.timeout(PATIENCE_S):
        while room.bot.speakers.unheard != number:  # noqa: ASYNC110 — states of parts have no event
            await asyncio.sleep(0.05)


async def test_who_waits_is_heard_when_somebody_in_another_room_leaves(engine_settings):
    async with meeting(engine_settings, admission=ONE) as room:
        other = next_door(room)
        rita, bert = await room.reader("Rita"), await other.reader("Bert")
        room.enable(rita)
        other.enable(bert)
        ada = await room.speaker("Ada")
        await ada.heard()
        will = await other.speaker("Will")
        await waits(other)

        await ada.leaves()
        await will.heard()
        await will.says(DO_SOMETHING)

        assert "something" in (await bert.final(of=will)).lower()
        assert other.bot.speakers.unheard == 0


async def test_at_the_limit_who_is_heard_stays_heard_and_the_next_in_line_follows(engine_settings, caplog):
    caplog.set_level(logging.ERROR, logger="roomscribe")
    async with meeting(engine_settings, admission=ONE) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        will = await room.speaker("Will")
        await waits(room)

        await asyncio.gather(ada.says(GO_FORWARD), will.says(DO_SOMETHING))
        assert "forward" in (await rita.final(of=ada)).lower()
        assert {caption.speaker for caption in rita.captions} == {ada.session_id}

        await ada.leaves()
        await will.heard()
        assert room.bot.speakers.unheard == 0
        assert room.supervisor.admission.refused_speakers == 1

    (told,) = [record.getMessage() for record in caplog.records]
    assert "ROOMSCRIBE_MAX_TOTAL_SPEAKERS is 1" in told


async def test_while_memory_is_used_up_captions_go_on_and_newcomers_wait_until_there_is_some_again(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(memory_limit_mb=PLENTY_MB)) as room:
        admission = room.supervisor.admission
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        admission.observe(memory=2**60)  # until the next look, which comes within 2 s
        room.bot.speakers.reconcile(frozenset({ada.session_id, "a newcomer"}), room.bot._tasks, now=0.0)

        assert room.bot.speakers.unheard == 1
        assert room.bot.speakers.of(ada.session_id) is not None
        will = await room.speaker("Will")
        await will.heard()
        await ada.says(GO_FORWARD)
        assert "forward" in (await rita.final(of=ada)).lower()


async def test_readers_of_a_room_that_is_served_come_in_while_the_process_is_full(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(max_rooms=1, max_total_speakers=1)) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        late = await room.reader("Late")

        room.enable(late)
        await ada.says(GO_FORWARD)

        assert "forward" in (await late.final(of=ada)).lower()


async def test_a_session_that_is_made_anew_costs_nobody_their_place(engine_settings):
    async with meeting(engine_settings, admission=ONE, signaling={"resume_window_s": 0.0}) as room:
        other = next_door(room)
        rita, bert = await room.reader("Rita"), await other.reader("Bert")
        room.enable(rita)
        other.enable(bert)
        ada = await room.speaker("Ada")
        await ada.heard()
        await other.speaker("Will")
        await waits(other)
        session = room.bot.session_id
        ada.participant.connected.clear()

        room.server.cut(session)
        await ada.heard()

        assert room.bot.session_id != session
        assert other.bot.speakers.unheard == 1


async def test_a_speaker_who_failed_keeps_their_place_until_the_next_try(engine_settings):
    async with meeting(engine_settings, admission=ONE, speaker_retry_s=0.5) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        ada.participant.connected.clear()
        will = await room.speaker("Will")
        await waits(room)

        room.bot.speakers.of(ada.session_id).subscriber.post(broken_offer())
        await ada.heard()

        assert room.bot.speakers.of(will.session_id) is None
