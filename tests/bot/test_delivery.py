"""Delivery over real websockets: each final reaches each reader once, in order, whatever becomes of the connection."""

import asyncio
from dataclasses import replace

import pytest

from bot.delivery import BURST, MAX_AGE_S, caption
from signaling import PeopleJoined, SessionLost, SessionStarted, TranscriptReceived
from signaling.messages import MAX_MESSAGE_BYTES
from tests.bot.post import READER, delivering, final, now, partial, reading, reads
from tests.signaling.callers import scripted, serving


async def test_a_reader_gets_partials_and_finals():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        await post.outbox.put(partial("so"))
        await rita.told(TranscriptReceived)
        await post.outbox.put(final("so be it"))

        await reads(rita, "so", "so be it")
        await post.outbox.drained()
        assert post.metrics.registry.get_sample_value("roomscribe_captions_total", {"kind": "final"}) == 1
        assert post.metrics.registry.get_sample_value("roomscribe_captions_total", {"kind": "interim"}) == 1


async def test_finals_said_while_the_reader_is_away_come_first_when_it_is_back():
    async with serving() as server, delivering(server.url) as (_, post):
        await post.outbox.put(final("one"))
        await post.outbox.put(partial("never mind"))
        await post.outbox.put(final("two"))
        await post.outbox.drained()

        async with reading(server) as rita:
            await rita.told(TranscriptReceived, times=2)
            await post.outbox.put(final("three"))

            await reads(rita, "one", "two", "three")
        counted = post.metrics.registry.get_sample_value
        assert counted("roomscribe_captions_total", {"kind": "final"}) == 3
        assert counted("roomscribe_caption_latency_seconds_count", {"kind": "final"}) == 1  # the others waited for her


async def test_finals_said_during_an_outage_come_once_and_in_order():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        server.cut(bot.client.session_id)
        await bot.told(SessionLost)
        for text in ("one", "two", "three"):
            await post.outbox.put(final(text))

        await reads(rita, "one", "two", "three")


async def test_finals_said_before_a_new_session_has_seen_its_readers_are_not_lost():
    async with serving(resume_window_s=0.0) as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        server.cut(bot.client.session_id)
        await bot.told(SessionLost)
        await post.outbox.put(final("one"))
        await bot.told(SessionStarted, times=2)
        await post.outbox.put(final("two"))

        await reads(rita, "one", "two")


async def test_a_final_that_waits_for_the_connection_keeps_nobody_else_waiting():
    """The server says bye and takes its time to close: whoever waits must wait, not try for ever."""
    first_try = asyncio.get_running_loop().create_future()

    async def says_bye(desk):
        await desk.greets()
        joined = [{"sessionid": "s9", "userid": "rita", "roomsessionid": READER}]
        await desk.says({"type": "event", "event": {"target": "room", "type": "join", "join": joined}})
        if desk.number == 1:
            await desk.says({"type": "bye", "bye": {"reason": "restart"}})
            await first_try
        else:
            heard.extend(await desk.listens_on())

    heard = []
    async with scripted(says_bye) as url, delivering(url) as (bot, post):
        await bot.told(PeopleJoined)
        while bot.client.ready.is_set():  # noqa: ASYNC110 — nothing tells that an event was cleared
            await asyncio.sleep(0)
        await post.outbox.put(final("one"))
        first_try.set_result(True)
        await bot.told(PeopleJoined, times=2)
        await post.outbox.drained()

    said = [message["message"]["data"]["message"] for message in heard if message["type"] == "message"]
    assert said == ["one"]


async def test_a_final_that_no_server_would_take_is_dropped_and_the_next_one_comes(caplog):
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        await post.outbox.put(final("x" * MAX_MESSAGE_BYTES))
        await post.outbox.put(final("two"))

        await reads(rita, "two")
    assert "a caption was not sent" in caplog.text


async def test_a_final_that_waited_for_too_long_is_given_up_and_counted():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        await post.outbox.put(replace(final("stale"), heard_at=now() - MAX_AGE_S - 1))
        await post.outbox.put(final("fresh"))

        await reads(rita, "fresh")
        assert post.metrics.registry.get_sample_value("roomscribe_captions_dropped_total", {"reason": "too_old"}) == 1


async def test_partials_are_paced_and_only_the_newest_is_sent():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        for number in range(300):
            await post.outbox.put(partial(str(number)))
            await asyncio.sleep(0)
        await post.outbox.drained()
        await rita.told(TranscriptReceived)

        texts = [each.text for each in rita.messages if isinstance(each, TranscriptReceived)]
        assert len(texts) <= BURST + 2
        assert [int(text) for text in texts] == sorted(int(text) for text in texts)


async def test_a_final_for_a_reader_who_asked_no_more_is_sent_to_nobody():
    async with serving() as server, delivering(server.url) as (bot, post), reading(server) as rita:
        await bot.told(PeopleJoined, times=2)
        post.targets.disable(READER, now=0)
        await post.outbox.put(final("one"))
        await post.outbox.drained()
        post.targets.enable(READER, now=0)
        await post.outbox.put(final("two"))

        await reads(rita, "two")


@pytest.mark.parametrize(("key", "session_id"), [("1.1/ada", "ada"), ("12.7/an/odd/one", "an/odd/one")])
async def test_readers_know_the_speaker_by_its_session_id(key, session_id):
    assert caption(final("", speaker=key), "rita", language_id="en").speaker == session_id
