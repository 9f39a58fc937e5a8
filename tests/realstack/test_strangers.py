"""What the bots before this one died of: phones, other bots, lists with holes, and nonsense."""

from __future__ import annotations

import logging
import secrets

import pytest

from signaling import InternalCredentials
from tests.realstack.conference import conference
from tests.realstack.raw import raw_client

GO_FORWARD = "command-goforward"  # "go forward ten meters"
NONSENSE = [
    {"type": "nonsense"},
    {"type": 7},
    {"no": "type"},
    {"type": "offer"},
    {"type": "offer", "roomType": "video", "payload": {"type": "offer", "sdp": 7}},
    {"type": "candidate", "payload": {"candidate": {}}},
    {"type": "candidate", "payload": {"candidate": {"candidate": "nonsense", "sdpMid": None}}},
    {"type": "transcript", "message": None},
    {"type": "control", "payload": {"action": "forceMute", "peerId": "everyone"}},
    "a text",
    ["a", "list"],
    None,
]


async def tell(sender, recipient, data):
    """Say something that no client of ours would say."""
    message = {"type": "message", "message": {"recipient": recipient, "data": data}}
    await sender.participant.client._socket.send_json(message)


async def captions_of(room, rita, ada):
    """Ada is captioned, whatever happened before."""
    await room.hears(ada)
    await ada.says(GO_FORWARD)
    return (await rita.final(of=ada)).lower()


async def test_a_phone_and_another_bot_in_the_room_do_no_harm(engine_settings):
    async with conference(engine_settings) as room, raw_client(room.stack) as bridge:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        credentials = InternalCredentials(secret=room.stack.internal_secret, backend=room.stack.backend_url)
        await bridge.greets_as_internal(credentials)
        await bridge.say({"id": "join", "type": "room", "room": {"roomid": room.token}})
        await bridge.hears("room", id="join")
        phone = {"sessionid": "phone-1", "roomid": room.token, "user": {"displayname": "+49 30 1"}, "incall": 11}
        await bridge.say({"type": "internal", "internal": {"type": "addsession", "addsession": phone}})
        await bridge.say({"type": "internal", "internal": {"type": "incall", "incall": {"incall": 3}}})
        await bridge.hears("event")
        room.enable(rita)

        assert "forward" in await captions_of(room, rita, ada)
        assert room.bot.speakers.of(bridge.session_id) is None


async def test_lists_of_participants_with_holes_take_nobody_away(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        for users in ([], [{}], [{"sessionId": "unknown"}], [{"inCall": 7}]):
            update = {"incall": 3, "changed": [], "users": users}
            await room.stack.chat.tell(room.token, {"type": "incall", "incall": update})
            await room.stack.chat.tell(room.token, {"type": "participants", "participants": {"users": users}})

        assert "forward" in await captions_of(room, rita, ada)
        assert room.subscriber_of(ada).requests == 1


async def test_nonsense_from_a_participant_is_survived_and_does_not_fill_the_log(engine_settings, caplog):
    caplog.set_level(logging.INFO, logger="roomscribe")
    async with conference(engine_settings) as room:
        rita, mallory, ada = await room.reader("Rita"), await room.reader("Mallory"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        bot = {"type": "session", "sessionid": room.bot.session_id}

        for _ in range(20):
            for data in NONSENSE:
                await tell(mallory, bot, data)

        assert "forward" in await captions_of(room, rita, ada)
        assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 3


@pytest.mark.parametrize("size", [60_000, 64_000])
async def test_a_message_as_large_as_the_server_allows_is_survived(engine_settings, size):
    async with conference(engine_settings) as room:
        rita, mallory, ada = await room.reader("Rita"), await room.reader("Mallory"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)
        bot = {"type": "session", "sessionid": room.bot.session_id}

        data = {"type": "nonsense", "padding": secrets.token_hex(size // 2)}
        await tell(mallory, bot, data)

        assert "forward" in await captions_of(room, rita, ada)
