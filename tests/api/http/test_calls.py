"""What chat servers ask for, against a running product: what Talk's PHP reads, and what it must never meet."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from api import HttpSettings
from tests.support.api import LEAVE, SET_LANGUAGE, SET_TRANSLATION, TALK, app_api_headers, app_api_settings

pytestmark = pytest.mark.model

TRANSLATIONS = "/api/v1/translation/languages?roomToken=abc123"


def multilingual(api):
    """As if a model were loaded that knows more than English and translates into it."""
    api.supervisor.engine.languages = ("de", "en", "fr")
    api.supervisor.engine.translations = ("en",)


async def test_enabling_and_disabling_answer_as_talk_expects(open_api):
    async with open_api() as api:
        expected = {"message": "Transcription or translation request processed successfully."}

        assert await api.post(TALK) == (200, expected)
        assert await api.post({**TALK, "langId": "en"}) == (200, expected)
        assert await api.post({**TALK, "enable": False}) == (200, expected)
        assert await api.post({**TALK, "roomToken": "unknown", "enable": False}) == (200, expected)


async def test_the_language_of_a_call_is_set_as_talk_expects(open_api):
    async with open_api() as api:
        await api.post(TALK)
        wanted = {"roomToken": TALK["roomToken"], "langId": "en_GB"}

        answers = [
            await api.post(body, SET_LANGUAGE)
            for body in (wanted, {**wanted, "roomToken": "unknown"}, {**wanted, "langId": "de"}, {"langId": "en"})
        ]

        assert answers[0] == (200, {"message": "Language set successfully for the call"})
        assert [status for status, _ in answers[1:]] == [404, 400, 422]
        assert "langId" in answers[2][1]["error"]
        assert "roomToken" in answers[3][1]["error"]


async def test_the_answer_does_not_wait_for_the_signaling_server(open_api):
    async with open_api(hpb_url="http://127.0.0.1:9") as api:
        began = time.perf_counter()
        status, _ = await api.post(TALK)

        assert status == 200
        assert time.perf_counter() - began < 1.0  # the promise is 200 ms on a quiet machine


async def test_while_the_model_is_being_loaded_the_chat_server_is_told_so(open_api):
    async with open_api(wait=False) as api:
        status, answer = await api.post(TALK)
        assert status == 503
        assert "still being loaded" in answer["error"]
        assert (answer["status"], api.retry_after) == ("loading", "2")
        await api.service.supervisor.engine.wait_ready()
        assert (await api.post(TALK))[0] == 200


async def test_without_a_bot_a_language_is_not_set_whether_there_is_a_model_or_not(open_api):
    # Talk takes 404 for an answer, and nothing else: a moderator could not even store the language
    async with open_api(wait=False) as api:
        wanted = {"roomToken": "abc123", "langId": "en"}

        assert (await api.post(wanted, SET_LANGUAGE))[0] == 404
        assert (await api.post({**wanted, "ncSessionId": "nc-1"}, SET_TRANSLATION))[0] == 404
        await api.supervisor.engine.wait_ready()


async def test_a_model_that_cannot_be_loaded_is_told_with_the_reason(open_api, engine_settings, tmp_path):
    engine = replace(engine_settings, model=replace(engine_settings.model, model=str(tmp_path)))
    async with open_api(wait=False, engine=engine) as api:
        async with asyncio.timeout(30):
            await api.service.supervisor.engine.failed.wait()
        status, answer = await api.post(TALK)

        assert (status, answer["status"], api.retry_after) == (503, "failed", "60")
        assert "ROOMSCRIBE_MODEL" in answer["error"]
        assert str(tmp_path) not in answer["error"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{", 422, "body"),
        ({}, 422, "roomToken"),
        ({**TALK, "roomToken": "\ud800"}, 422, "roomToken"),
        ({**TALK, "ncSessionId": "line\nbreak"}, 422, "ncSessionId"),
        ({**TALK, "enable": "yes"}, 422, "enable"),
        ({**TALK, "langId": "xx"}, 400, "langId"),
        ({**TALK, "langId": "de"}, 400, "langId"),
        ({**TALK, "translationTargetLangId": "fr"}, 550, "translationTargetLangId"),
    ],
)
async def test_a_bad_request_is_answered_with_the_field(open_api, body, status, field):
    async with open_api() as api:
        got, answer = await api.post(body)

        assert got == status
        assert field in answer["error"]
        if status == 422 and field != "body":
            assert field in [entry["loc"][-1] for entry in answer["detail"]]
        assert not api.service.supervisor.rooms


async def test_languages_carry_the_metadata_that_talk_reads(open_api):
    async with open_api() as api:
        _, body = await api.get("/api/v1/languages")

        assert json.loads(body) == {"en": {"name": "English", "metadata": {"separator": " ", "rtl": False}}}


async def test_a_room_too_many_is_told_to_come_later_and_readers_of_the_others_come_in(open_api):
    async with open_api(max_rooms=1) as api:
        await api.post(TALK)

        status, answer = await api.post({**TALK, "roomToken": "another"})

        assert (status, answer["status"], api.retry_after) == (503, "full", "60")
        assert "1 rooms are being served, and ROOMSCRIBE_MAX_ROOMS is 1" in answer["error"]
        assert (await api.post({**TALK, "ncSessionId": "nc-2"}))[0] == 200
        assert (await api.post({**TALK, "roomToken": "another", "enable": False}))[0] == 200


async def test_a_reader_too_many_is_no_matter_of_the_process(open_api, monkeypatch):
    monkeypatch.setattr("bot.targets.MAX_TARGETS", 1)
    async with open_api() as api:
        await api.post(TALK)

        assert (await api.post({**TALK, "ncSessionId": "nc-2"}))[0] == 429
        assert api.retry_after == "60"


async def test_a_crowd_of_requests_for_one_room_makes_one_bot(open_api):
    async with open_api() as api:
        answers = await asyncio.gather(*(api.post({**TALK, "ncSessionId": f"nc-{n}"}) for n in range(30)))

        assert {status for status, _ in answers} == {200}
        assert len(api.service.supervisor.rooms) == 1
        assert api.service.supervisor.rooms["abc123"].targets == 30


async def test_without_a_language_the_room_speaks_the_servers_default(open_api):
    async with open_api(http=HttpSettings(default_language="en_GB")) as api:
        await api.post(TALK)

        assert (await api.read("/api/v1/rooms/abc123"))[1]["language"] == "en_GB"


async def test_a_default_that_the_model_does_not_know_is_not_the_callers_fault(open_api):
    async with open_api(http=HttpSettings(default_language="de")) as api:
        status, answer = await api.post(TALK)

        assert status == 400
        assert "ROOMSCRIBE_DEFAULT_LANGUAGE" in answer["error"]
        assert (await api.post({**TALK, "langId": "en"}))[0] == 200


async def test_a_bot_leaves_when_told_to_and_an_unknown_room_is_fine(open_api):
    async with open_api() as api:
        await api.post(TALK)
        bot = api.supervisor.rooms["abc123"]
        expected = (200, {"message": "Leave call request processed."})

        assert await api.post({"roomToken": "abc123"}, LEAVE) == expected
        assert await api.post({"roomToken": "unknown"}, LEAVE) == expected
        await bot.gone.wait()
        assert await api.post({"roomToken": "abc123"}, LEAVE) == expected
        assert (await api.post({}, LEAVE))[0] == 422


# Defects of earlier bots


async def test_leaving_one_room_holds_up_no_other(open_api):
    # D1, D14: there, one leave, or one slow connection, held a lock for which every later call waited
    async with open_api(hpb_url="http://127.0.0.1:9") as api:
        await api.post(TALK)
        began = time.perf_counter()

        answers = await asyncio.gather(
            *(api.post({"roomToken": f"room{n}"}, LEAVE) for n in range(10)),
            api.post({"roomToken": "abc123"}, LEAVE),
            *(api.post({**TALK, "roomToken": f"room{n}"}) for n in range(10)),
        )

        assert {status for status, _ in answers} == {200}
        assert time.perf_counter() - began < 3.0  # when AppAPI gives up


async def test_only_who_asked_for_captions_can_ask_for_a_translation(open_api):
    # D18: there, everybody in the room counted as a reader
    async with open_api() as api:
        multilingual(api)
        await api.post({**TALK, "langId": "de"})
        wanted = {"roomToken": "abc123", "ncSessionId": "nc-1", "langId": "en"}
        message = "Target translation language set successfully for the participant."

        assert (await api.post({**wanted, "ncSessionId": "nc-2"}, SET_TRANSLATION))[0] == 412
        assert await api.post(wanted, SET_TRANSLATION) == (200, {"message": message})
        assert (await api.read("/api/v1/rooms/abc123"))[1]["translated"] == 1
        assert await api.post({**wanted, "langId": None}, SET_TRANSLATION) == (200, {"message": message})
        assert (await api.read("/api/v1/rooms/abc123"))[1]["translated"] == 0


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"roomToken": "unknown"}, 404), ({"langId": "xx"}, 400), ({"langId": "fr"}, 550)],
    ids=["no room", "no language", "not into this one"],
)
async def test_a_translation_that_cannot_be_is_refused_as_talk_reads_it(open_api, changed, status):
    async with open_api() as api:
        multilingual(api)
        await api.post({**TALK, "langId": "de"})
        wanted = {"roomToken": "abc123", "ncSessionId": "nc-1", "langId": "en"}

        assert (await api.post({**wanted, **changed}, SET_TRANSLATION))[0] == status


async def test_nobody_reads_a_translation_into_what_is_spoken(open_api):
    async with open_api() as api:
        multilingual(api)
        await api.post(TALK)

        status, answer = await api.post({"roomToken": "abc123", "ncSessionId": "nc-1", "langId": "en"}, SET_TRANSLATION)

        assert status == 400
        assert answer["error"].startswith("langId: ")


async def test_what_can_be_translated_is_what_the_model_can(open_api):
    async with open_api() as api:
        assert (await api.get(TRANSLATIONS))[0] == 550
        multilingual(api)

        status, found = await api.read(TRANSLATIONS)

        assert status == 200
        assert set(found["origin_languages"]) == {"de", "fr"}
        assert found["target_languages"] == {"en": {"name": "English", "metadata": {"separator": " ", "rtl": False}}}
        assert (await api.get("/api/v1/translation/languages"))[0] == 422


async def test_captions_can_be_asked_for_as_a_translation_from_the_start(open_api):
    async with open_api() as api:
        multilingual(api)

        answer = await api.post({**TALK, "langId": "de", "translationTargetLangId": "en"})

        assert answer[0] == 200
        assert (await api.read("/api/v1/rooms/abc123"))[1]["translated"] == 1
        assert (await api.post({**TALK, "roomToken": "another", "translationTargetLangId": "en"}))[0] == 400


async def test_fields_of_a_newer_talk_are_passed_over_and_those_of_others_are_refused(open_api):
    secrets = HttpSettings(secrets=("bearer-secret",))
    async with open_api(http=secrets, chat_server=app_api_settings()) as api:
        newer = {**TALK, "colour": "red", "langID": "de"}

        status, answer = await api.post(newer, Authorization="Bearer bearer-secret")

        assert status == 422
        assert "langID: is not known: did you mean langId?" in answer["error"]
        assert (await api.post(newer, **app_api_headers()))[0] == 200
