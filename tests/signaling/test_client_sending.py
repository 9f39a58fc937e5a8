"""What a client may send, when, and what becomes of it: `ready`, sizes, texts, many tasks."""

import asyncio

import pytest

from signaling import MessageTooLarge, RoomEntered, SessionLost, SessionStarted, TranscriptReceived
from signaling.messages import MAX_MESSAGE_BYTES
from tests.signaling.callers import PATIENCE_S, calling, caption, free_port, meeting, reaches, scripted


async def test_nothing_can_be_sent_while_there_is_no_connection():
    async with calling(f"http://127.0.0.1:{free_port()}") as bot:
        assert not await bot.client.send(caption("anybody"))
        await bot.told(SessionLost)
        assert not await bot.client.send(caption("anybody"))

    assert not await bot.client.send(caption("anybody"))


async def test_whoever_waits_to_send_is_never_told_ready_while_there_is_no_connection():
    """A server that says bye and then closes slowly: between the two, `ready` must not invite to try for ever."""
    refused = []

    async def says_bye(desk):
        await desk.greets()
        if desk.number == 1:
            await desk.says({"type": "bye", "bye": {"reason": "restart"}})
            refused.append(await first_refusal)
        await desk.listens_on()

    first_refusal = asyncio.get_running_loop().create_future()
    async with scripted(says_bye) as url, calling(url) as bot, asyncio.timeout(PATIENCE_S):
        await bot.told(RoomEntered)
        while await bot.client.send(caption("anybody")):  # noqa: ASYNC110 — nothing tells of the refusal
            await asyncio.sleep(0)

        assert not bot.client.ready.is_set()
        first_refusal.set_result(True)
        await bot.client.ready.wait()
        assert await bot.client.send(caption("anybody"))


async def test_nothing_can_be_sent_before_the_room_is_entered():
    async def never_lets_in(desk):
        await desk.hears()
        await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1"}})
        assert [message["type"] for message in await desk.listens_on()] == ["internal", "room", "bye"]

    async with scripted(never_lets_in) as url, calling(url) as bot:
        await bot.told(SessionStarted)
        assert not await bot.client.send(caption("anybody"))


async def test_a_message_that_would_make_the_server_hang_up_is_refused_and_the_connection_stays():
    async with meeting() as (_, bot, rita):
        long = "ä" * (MAX_MESSAGE_BYTES // 2)

        with pytest.raises(MessageTooLarge):
            await bot.client.send(caption(rita.client.session_id, long))
        await reaches(bot, rita)

        assert "SessionLost" not in bot.kinds


async def test_a_text_that_is_no_unicode_is_no_reason_to_raise():
    async with meeting() as (_, bot, rita):
        await bot.client.send(caption(rita.client.session_id, "half an emoji: \ud83d"))
        await reaches(bot, rita)

        assert "SessionLost" not in bot.kinds


async def test_messages_of_many_tasks_do_not_mix():
    async with meeting() as (_, bot, rita), asyncio.TaskGroup() as tasks:
        texts = {str(number) * 500 for number in range(50)}
        for text in texts:
            tasks.create_task(bot.client.send(caption(rita.client.session_id, text)))
        await rita.told(TranscriptReceived, times=50)

        assert {message.text for message in rita.messages if isinstance(message, TranscriptReceived)} == texts
