"""How media finds its way: through a TURN server if need be; and if there is no way, somebody says why."""

from __future__ import annotations

import asyncio
import logging

from bot import ChatServerSettings
from tests.realstack.conference import conference, new_stack

GO_FORWARD = "command-goforward"  # "go forward ten meters"


async def test_media_comes_through_talks_turn_server_where_there_is_no_other_way(engine_settings):
    stack = new_stack()
    turn = stack.turn_server()
    chat = ChatServerSettings(url=stack.backend_url, secret=stack.chat.app_secret)
    await turn.start()
    try:
        async with conference(engine_settings, stack=stack, chat_server=chat, relay_only=True) as room:
            rita, ada = await room.reader("Rita"), await room.speaker("Ada")
            room.enable(rita)
            await room.hears(ada)
            await ada.says(GO_FORWARD)

            assert "forward" in (await rita.final(of=ada)).lower()
            candidates = room.subscriber_of(ada).peer.local_candidates
            assert {candidate.type for candidate in candidates} == {"relay"}
    finally:
        await turn.stop()


async def test_a_media_server_with_an_rsa_certificate_works_or_is_named(engine_settings, caplog):
    async with conference(engine_settings, stack=new_stack(rsa_certificate=True)) as room:
        rita, ada = await room.reader("Rita"), await room.reader("Ada", microphone=True)
        room.enable(rita)
        await ada.joins_call(microphone=True)
        caplog.set_level(logging.WARNING, logger="roomscribe")
        ada.participant.publish()

        async with asyncio.timeout(10):
            while not room.is_live(ada) and "RSA" not in caplog.text:  # noqa: ASYNC110 — logs have no event
                await asyncio.sleep(0.05)
