"""When the real HPB says no: what is final is said once and clearly, what is not is waited for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot import SecretRejected
from signaling import BackoffSettings, InternalCredentials
from tests.realstack.conference import conference
from tests.realstack.raw import raw_client


async def test_a_wrong_secret_is_tried_once_and_said_with_its_setting(engine_settings):
    async with conference(engine_settings, secret="not the secret") as room:
        room.enable("nc-rita")
        await room.gone()

        with pytest.raises(SecretRejected, match=r"invalid_token.*ROOMSCRIBE_HPB_SECRET.*internalsecret"):
            room.enable("nc-rita")

        assert room.wire.connections == 1


async def test_a_server_that_limits_our_tries_is_waited_for(engine_settings):
    async with conference(engine_settings, backoff=BackoffSettings(rate_limited_s=1.0)) as room:
        await lock_out(room.stack)

        rita = await room.reader("Rita")
        room.enable(rita)
        await room.until(lambda: room.wire.connections >= 2)
        assert room.bot is not None  # it did not give up
        assert not room.bot.joined.is_set()
        await room.stack.restart_hpb()  # which forgets who tried how often
        await room.joined()


async def lock_out(stack):
    """Ten wrong hellos from this address: from then on HPB refuses right ones as well."""
    wrong = InternalCredentials(secret="a wrong guess", backend=stack.backend_url)

    async def guess():
        async with raw_client(stack) as stranger:
            return (await stranger.greets_as_internal(wrong))["error"]["code"]

    codes = await asyncio.gather(*(guess() for _ in range(12)))
    assert set(codes) <= {"invalid_token", "too_many_requests"}
    right = replace(wrong, secret=stack.internal_secret)
    async with raw_client(stack) as ours:
        assert (await ours.greets_as_internal(right))["error"]["code"] == "too_many_requests"


async def test_a_room_that_is_deleted_is_left_at_once(engine_settings):
    async with conference(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await room.hears(ada)

        await room.stack.chat.tell(room.token, {"type": "delete", "delete": {"userids": ["rita", "ada"]}})

        await room.gone()
