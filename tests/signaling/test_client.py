"""The shell on real websockets: the embedded server for what a good server does, scripted ones for the rest."""

import asyncio
import logging

import pytest

from signaling import (
    InvalidSignalingUrl,
    PeopleJoined,
    PeopleLeft,
    RoomEntered,
    SessionLost,
    SessionRejected,
    SessionResumed,
    TranscriptReceived,
    signaling_url,
)
from tests.signaling.callers import (
    PATIENCE_S,
    Caller,
    Desk,
    calling,
    caption,
    free_port,
    meeting,
    reaches,
    scripted,
    serving,
    settings_for,
    telephone,
)

LEFT = {"type": "event", "event": {"target": "room", "type": "leave", "leave": ["s9"]}}
MALFORMED = ["", "not json", "[]", '{"type":"hello"}', '{"type":"event"}', '{"type":"message","message":7}', "{" * 5000]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://hpb.example", "wss://hpb.example/spreed"),
        ("http://hpb.example:8080/", "ws://hpb.example:8080/spreed"),
        (" https://cloud.example/standalone-signaling/ ", "wss://cloud.example/standalone-signaling/spreed"),
        ("wss://hpb.example/spreed", "wss://hpb.example/spreed"),
        ("ws://[::1]:8080/spreed/", "ws://[::1]:8080/spreed"),
        ("https://hpb.example/?a=b#c", "wss://hpb.example/spreed"),
    ],
)
def test_an_address_becomes_a_websocket_address(address, url):
    assert signaling_url(address) == url


@pytest.mark.parametrize(
    "address", ["", "hpb.example", "ftp://hpb.example", "https://", "https:///spreed", "http://[", "http://h:99999"]
)
def test_what_is_no_address_is_refused_by_name(address):
    with pytest.raises(InvalidSignalingUrl):
        signaling_url(address)


async def test_a_client_greets_joins_and_can_be_written_to():
    async with meeting() as (_, bot, rita):
        assert bot.kinds[:2] == ["SessionStarted", "RoomEntered"]
        assert await bot.client.send(caption(rita.client.session_id, "hello ♥"))
        assert (await rita.told(TranscriptReceived)).text == "hello ♥"
        assert (await rita.told(PeopleJoined)).people


async def test_a_cut_connection_is_resumed_without_a_second_join():  # D2
    async with meeting() as (server, bot, rita):
        session_id = bot.client.session_id
        seen = len(rita.events)

        server.cut(session_id)
        await bot.told(SessionResumed)
        await reaches(bot, rita)
        await reaches(rita, bot)

        assert bot.client.session_id == session_id
        assert bot.kinds.count("SessionStarted") == bot.kinds.count("RoomEntered") == 1
        assert not [each for each in rita.messages[seen:] if isinstance(each, PeopleJoined | PeopleLeft)]
        assert len(bot.dials) == 2


async def test_what_the_server_kept_for_us_is_read_right_after_the_resume():
    async def breaks_once(desk):
        if desk.number == 1:
            await desk.greets()
            return
        assert (await desk.hears())["hello"]["resumeid"] == "r1"
        await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1"}}, LEFT)
        assert await desk.listens_on() == [{"type": "bye", "bye": {}}]

    async with scripted(breaks_once) as url, calling(url) as bot:
        await bot.told(PeopleLeft)

        assert bot.kinds[2:] == ["SessionLost", "SessionResumed", "MessageReceived"]


async def test_a_session_can_be_lost_and_resumed_again_and_again():
    async with meeting() as (server, bot, rita):
        for number in range(1, 6):
            server.cut(bot.client.session_id)
            await bot.told(SessionResumed, times=number)
            await reaches(bot, rita, times=number)


async def test_a_connection_that_breaks_under_the_answer_to_a_ping_is_resumed():
    async def pings_in_the_same_breath(desk):
        if desk.number == 1:
            await desk.greets()
            await desk.ws.ping()
        else:
            await desk.hears()
            await desk.says({"type": "hello", "hello": {"sessionid": "s1", "resumeid": "r1"}})
        await desk.listens_on()

    async with scripted(pings_in_the_same_breath) as url, calling(url) as bot:
        bot.watch = lambda event: bot.loses_the_network() if isinstance(event, RoomEntered) else None

        await bot.told(SessionResumed)

        assert bot.kinds == ["SessionStarted", "RoomEntered", "SessionLost", "SessionResumed"]


async def test_an_expired_session_starts_anew_on_the_same_socket():  # D3
    async with meeting(resume_window_s=0) as (server, bot, rita):
        old = bot.client.session_id

        server.cut(old)
        await bot.told(RoomEntered, times=2)
        await reaches(bot, rita)

        assert bot.client.session_id != old
        assert bot.kinds.count("SessionStarted") == 2
        assert len(bot.dials) == 2


async def test_a_wrong_secret_is_fatal_at_once_and_tried_exactly_once():
    async with serving(internal_secret="another secret") as server, calling(server.url) as bot:
        await bot.ended()

        assert bot.kinds == ["SessionRejected"]
        assert bot.events[0].code == "invalid_token"
        assert len(bot.dials) == 1


async def test_an_unreachable_server_is_tried_until_it_comes_up():
    port = free_port()
    async with calling(f"http://127.0.0.1:{port}") as bot:
        await bot.told(SessionLost, times=3)
        assert not bot.client.ready.is_set()

        async with serving(port=port):
            await bot.told(RoomEntered)
            assert bot.client.ready.is_set()
            assert len(bot.dials) == bot.kinds.count("SessionLost") + 1


async def test_a_server_that_restarts_is_joined_afresh():
    port = free_port()
    async with calling(f"http://127.0.0.1:{port}") as bot:
        for number in (1, 2):
            async with serving(port=port):
                await bot.told(RoomEntered, times=number)

        assert bot.kinds.count("SessionStarted") == 2


async def test_no_address_shows_in_the_reason_or_the_log_of_a_lost_connection(caplog):
    with caplog.at_level(logging.DEBUG):
        async with calling(f"http://127.0.0.1:{free_port()}") as bot:
            lost = await bot.told(SessionLost)

    assert "127.0.0.1" not in lost.reason
    assert not [record for record in caplog.records if "127.0.0.1" in record.getMessage()]


async def test_a_server_that_is_no_signaling_server_is_lost_and_tried_again():
    async with scripted(Desk.listens_on) as url, calling(f"{url}/elsewhere") as bot:
        await bot.told(SessionLost, times=2)


async def test_a_server_that_accepts_and_then_closes_is_tried_again():
    async def accept_then_close(desk):
        if desk.number > 3:
            await desk.greets()
            await desk.listens_on()

    async with scripted(accept_then_close) as url, calling(url) as bot:
        await bot.told(RoomEntered)

        assert bot.kinds == ["SessionLost"] * 3 + ["SessionStarted", "RoomEntered"]


async def test_a_server_that_does_not_answer_the_hello_is_left_in_time():
    async def half_open(desk):
        if desk.number > 1:
            await desk.greets()
        await desk.listens_on()

    async with scripted(half_open) as url, calling(url, answer_timeout_s=0.1) as bot:
        lost = await bot.told(SessionLost)
        await bot.told(RoomEntered)

        assert "in time" in lost.reason


async def test_malformed_messages_are_survived_and_mentioned_once(caplog):
    async def babbles(desk):
        await desk.says(*MALFORMED)
        await desk.ws.send_bytes(b"\x00binary")
        await desk.greets()
        await desk.says(*MALFORMED, LEFT)
        await desk.listens_on()

    async with scripted(babbles) as url, calling(url) as bot:
        left = await bot.told(PeopleLeft)

        assert left.session_ids == ("s9",)
        assert bot.kinds == ["SessionStarted", "RoomEntered", "MessageReceived"]
    assert len([record for record in caplog.records if "skipped a message" in record.getMessage()]) == 1


async def test_leaving_says_goodbye_and_ends_the_run():
    async with meeting() as (_, bot, rita):
        gone = bot.client.session_id

        await bot.client.leave()
        await bot.ended()

        assert (await rita.told(PeopleLeft)).session_ids == (gone,)
        assert not bot.client.ready.is_set()


async def test_leaving_while_waiting_to_dial_again_ends_the_run():
    async with calling(f"http://127.0.0.1:{free_port()}") as bot:
        await bot.told(SessionLost)

        await bot.client.leave()
        await bot.client.leave()
        await bot.ended()


async def test_leaving_while_the_server_does_not_answer_the_dial_ends_the_run():
    dialled = asyncio.get_running_loop().create_future()
    silent = await asyncio.start_server(lambda _, writer: dialled.set_result(writer), "127.0.0.1", 0)
    async with silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(PATIENCE_S), calling(url, answer_timeout_s=0.3) as bot:
            writer = await dialled
            await bot.client.leave()
            await bot.ended()
        writer.close()
        await writer.wait_closed()

    assert bot.events == []


async def test_leaving_before_the_run_makes_the_run_a_no_op():
    async with telephone() as (http, dials):
        caller = Caller(http, dials, settings_for("http://127.0.0.1:1"))

        await caller.client.leave()
        await caller.client.run(caller.handle)

    assert (caller.events, dials) == ([], [])


async def test_a_cancelled_run_says_no_goodbye_so_that_another_may_resume():
    heard = asyncio.get_running_loop().create_future()

    async def takes_notes(desk):
        await desk.greets()
        heard.set_result(await desk.listens_on())

    async with scripted(takes_notes) as url, calling(url) as bot:
        await bot.told(RoomEntered)
        bot.running.cancel()

        async with asyncio.timeout(PATIENCE_S):
            assert await heard == []


async def test_an_outage_is_logged_once_however_often_it_is_tried(caplog):
    async with calling(f"http://127.0.0.1:{free_port()}") as bot:
        await bot.told(SessionLost, times=4)

    assert len([record for record in caplog.records if "signaling lost" in record.getMessage()]) == 1


async def test_a_rejection_is_the_last_word():
    async def refuses(desk):
        await desk.hears()
        await desk.says({"type": "error", "id": "hello", "error": {"code": "invalid_client_type"}})
        assert await desk.listens_on() == []

    async with scripted(refuses) as url, calling(url) as bot:
        await bot.ended()

        assert isinstance(bot.events[-1], SessionRejected)
        assert len(bot.dials) == 1
