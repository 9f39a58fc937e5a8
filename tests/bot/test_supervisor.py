"""The process: what callers are told, and that one room's trouble stays its own."""

from __future__ import annotations

import asyncio
import os

import pytest

from bot import (
    AdmissionSettings,
    BadLanguagePair,
    NotReady,
    ProcessFull,
    RoomFailed,
    SecretRejected,
    Supervisor,
    TranslationUnsupported,
)
from bot.admission import Bound
from bot.memory_watch import rss_of
from pipeline import UnknownLanguage
from tests.support.meeting import meeting

pytestmark = pytest.mark.model


async def test_a_wrong_secret_is_tried_once_and_said_on_the_next_call(engine_settings):
    async with meeting(engine_settings, secret="not the secret") as room:
        room.enable("nc-1")
        await room.gone()

        with pytest.raises(SecretRejected, match="ROOMSCRIBE_HPB_SECRET") as refused:
            room.enable("nc-1")
        with pytest.raises(SecretRejected):
            room.supervisor.enable("another room", "nc-1", room.supervisor.language("en"))

        assert "not the secret" not in str(refused.value)
        assert not room.supervisor.rooms


async def test_a_room_that_failed_is_reported_once_and_then_tried_anew(engine_settings):
    async with meeting(engine_settings) as room:
        room.enable("nc-1")
        first = room.bot
        first._failure = RoomFailed("it broke")
        first.stop("a failure")
        await room.gone()

        with pytest.raises(RoomFailed, match="it broke"):
            room.enable("nc-1")
        room.enable("nc-1")

        assert room.bot is not first


async def test_an_old_failure_is_nobodys_business_any_more(engine_settings, monkeypatch):
    monkeypatch.setattr("bot.supervisor.FAILURE_AGE_S", 0.0)
    async with meeting(engine_settings) as room:
        room.enable("nc-1")
        first = room.bot
        first._failure = RoomFailed("it broke")
        first.stop("a failure")
        await room.gone()

        room.enable("nc-1")

        assert room.bot is not first


async def test_more_than_a_hundred_rooms_are_joined_at_once(engine_settings):
    tokens = [f"room-{number}" for number in range(105)]
    admission = AdmissionSettings(max_rooms=105)
    async with meeting(engine_settings, admission=admission, signaling={"max_rooms": 105}) as room:
        for token in tokens:
            room.supervisor.enable(token, "nc-1", room.supervisor.language("en"))

        async with asyncio.timeout(30):
            for token in tokens:
                await room.supervisor.rooms[token].joined.wait()


async def test_no_more_rooms_than_the_setting_says(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(max_rooms=1)) as room:
        room.enable("nc-1")

        with pytest.raises(ProcessFull, match="ROOMSCRIBE_MAX_ROOMS is 1"):
            room.supervisor.enable("another", "nc-1", room.supervisor.language("en"))

        room.enable("nc-2")
        assert room.bot.targets == 2
        assert (list(room.supervisor.rooms), room.supervisor.admission.refused_rooms) == ([room.token], 1)


async def test_a_room_whose_bot_leaves_is_no_room_more_when_it_is_asked_for_again(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(max_rooms=1)) as room:
        room.enable("nc-1")
        leaving = room.bot
        leaving.stop("told to")

        room.enable("nc-1")

        assert room.bot is not leaving


async def test_a_room_that_is_over_leaves_its_place_to_another(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(max_rooms=1)) as room:
        room.enable("nc-1")
        assert room.supervisor.full
        room.bot.stop("told to")
        await room.gone()

        assert not room.supervisor.full
        room.supervisor.enable("another", "nc-1", room.supervisor.language("en"))


async def test_the_memory_of_the_process_and_its_recogniser_is_looked_at(engine_settings):
    async with meeting(engine_settings, admission=AdmissionSettings(memory_limit_mb=1)) as room:
        with pytest.raises(ProcessFull, match=r"MB of memory are in use, and ROOMSCRIBE_MEMORY_LIMIT_MB is 1"):
            room.enable("nc-1")

        both = rss_of(os.getpid()) + rss_of(room.supervisor.engine.pid)
        async with asyncio.timeout(20):
            while used_of(room) != pytest.approx(both, rel=0.2):  # noqa: ASYNC110 — it is looked at now and then
                await asyncio.sleep(0.05)
        assert rss_of(room.supervisor.engine.pid) > 20e6


def used_of(room):
    return int(room.supervisor.full[Bound.MEMORY].split()[0]) * 1_000_000


async def test_a_limit_that_leaves_no_room_for_a_room_is_said(engine_settings, caplog):
    async with meeting(engine_settings, admission=AdmissionSettings(memory_limit_mb=1)) as room:
        async with asyncio.timeout(20):
            while "no room can ever be served" not in caplog.text:  # noqa: ASYNC110 — it is looked at now and then
                await asyncio.sleep(0.05)
        assert "ROOMSCRIBE_MEMORY_LIMIT_MB is 1" in caplog.text
        assert not room.supervisor.rooms


def test_a_process_that_is_not_there_takes_no_memory():
    assert rss_of(None) == rss_of(2**22 + 1) == 0


async def test_a_language_that_the_model_does_not_know_is_refused_by_name(engine_settings):
    async with meeting(engine_settings) as room:
        with pytest.raises(UnknownLanguage, match="'de' needs a multilingual model"):
            room.supervisor.language("de")
        with pytest.raises(UnknownLanguage, match="'xx' is not a known language id"):
            room.supervisor.language("xx")
        assert room.supervisor.language("en_US").id == "en_US"


async def test_before_the_model_is_loaded_callers_are_asked_to_come_again(engine_settings):
    async with meeting(engine_settings) as room:
        supervisor = Supervisor(rooms=room.supervisor._settings, engine=engine_settings)
        async with supervisor:
            with pytest.raises(NotReady, match="still being loaded"):
                supervisor.language("en")
            await supervisor.engine.wait_ready()


async def test_a_room_is_left_when_somebody_says_so_and_an_unknown_one_is_fine(engine_settings):
    async with meeting(engine_settings) as room:
        room.supervisor.leave("no such room")
        room.enable("nc-1")
        bot = room.bot
        await room.joined()

        room.supervisor.leave(room.token)
        await room.gone()

        assert not room.supervisor.rooms
        room.enable("nc-1")
        assert room.bot is not bot


async def test_all_rooms_are_left_at_once_and_can_be_asked_for_anew(engine_settings):  # D22
    async with meeting(engine_settings) as room:
        room.enable("nc-1")
        room.supervisor.enable("another", "nc-1", room.supervisor.language("en"))
        bots = list(room.supervisor.rooms.values())

        room.supervisor.stop_all("captions are switched off")
        async with asyncio.timeout(20):
            for bot in bots:
                await bot.gone.wait()

        assert not room.supervisor.rooms
        room.enable("nc-1")
        await room.joined()


async def test_a_room_that_is_left_and_asked_for_again_and_again_has_one_bot_that_leaves_and_one_that_comes(
    engine_settings,
):
    async with meeting(engine_settings) as room:
        room.enable("nc-1")
        first = room.bot
        await room.joined()
        drain = asyncio.Event()
        first._outbox.drained = drain.wait  # it has words to deliver

        bots = []
        for _ in range(20):
            room.supervisor.leave(room.token)
            room.enable("nc-1")
            bots.append(room.bot)
            await asyncio.sleep(0)
        await asyncio.gather(*(bot.gone.wait() for bot in bots[:-1]))
        assert not bots[-1].gone.is_set()
        assert len(room.supervisor._serving) == 2
        assert not first.gone.is_set()

        drain.set()
        await room.joined()
        assert first.gone.is_set()
        assert room.bot is bots[-1]
        assert len(room.supervisor._serving) == 1


async def test_a_model_that_speaks_english_only_translates_nothing(engine_settings):
    async with meeting(engine_settings) as room:
        with pytest.raises(TranslationUnsupported):
            room.supervisor.translation_target("en")
        with pytest.raises(BadLanguagePair):
            room.supervisor.translation_target("xx")


async def test_disabling_what_is_unknown_is_fine(engine_settings):
    async with meeting(engine_settings) as room:
        room.supervisor.disable("no such room", "nobody")
        room.enable("nc-1")
        room.supervisor.disable(room.token, "nobody")

        assert room.bot.targets == 1
