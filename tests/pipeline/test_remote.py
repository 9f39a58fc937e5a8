"""What a recognition server is asked, in which format, and what becomes of its answers.

When it fails: test_remote_failures.py; whether it is there: test_remote_circuit.py; behind the engine:
test_remote_engine.py.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pipeline import EngineFatal, Kind
from pipeline.errors import DecodeFailed, EngineDied
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import TRIP_AFTER, RemoteSettings
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness
from tests.support.remote import GUARD_S, KEY, SECOND, WORDS, asking, segments, talking

# What is sent


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_any_way_to_write_the_address_leads_to_the_server(suffix):
    async with talking(suffix=suffix) as stage:
        assert (await stage.hear()).text == WORDS
        assert (stage.server.looks, len(stage.server.uploads)) == (1, 1)


async def test_speech_goes_out_as_a_wave_file_with_all_that_is_known():
    async with talking(model="large", api_key=KEY) as stage:
        await stage.hear(language="de", hints="Ada, Babbage")
        [upload] = stage.server.uploads
        assert upload.fields == {
            "model": "large",
            "response_format": "verbose_json",
            "temperature": "0",
            "language": "de",
            "prompt": "Ada, Babbage",
        }
        assert (upload.rate, upload.channels, upload.width) == (16_000, 1, 2)
        assert np.array_equal(upload.pcm, SECOND)
        assert (upload.filename, upload.content_type) == ("speech.wav", "audio/wav")
        assert upload.headers["Authorization"] == f"Bearer {KEY}"


async def test_what_is_not_known_is_left_out():
    async with talking() as stage:
        await stage.hear(language="")
        [upload] = stage.server.uploads
        assert not {"language", "prompt"} & set(upload.fields)
        assert "Authorization" not in upload.headers


async def test_thirty_seconds_and_broken_unicode_go_out_as_well():
    async with talking() as stage:
        assert (await stage.hear(pcm=np.zeros(480_000, dtype=np.int16), hints="A\ud800da")).text == WORDS
        [upload] = stage.server.uploads
        assert (len(upload.pcm), upload.fields["prompt"]) == (480_000, "A?da")


async def test_several_requests_are_decoded_at_once_and_answered_in_order():
    gate = asyncio.Event()
    async with talking(slots=3) as stage:
        stage.server.usually = asr.waits_for(gate, echo_of_the_prompt)
        asked = stage.crew.start(stage.backend.decode([asking(hints=each) for each in ("one", "two", "three")]))
        while stage.server.busy < 3:  # noqa: ASYNC110 — counters have no event
            await asyncio.sleep(0.001)
        gate.set()
        assert [each.text for each in await asked] == ["one", "two", "three"]


async def echo_of_the_prompt(server, request, upload):
    return await asr.says(upload.fields["prompt"])(server, request, upload)


# What comes back


async def test_what_the_guards_suspect_is_withheld_and_named():
    unsure = segments({"avg_logprob": -0.9, "no_speech_prob": 0.9, "tokens": [1, 2]})
    async with talking(asr.says("Thank you.", **unsure)) as stage:
        hypothesis = await stage.hear()
        assert (hypothesis.text, hypothesis.suppressed) == ("", "no_speech")
        assert hypothesis.avg_logprob == -0.9


async def test_without_numbers_only_the_words_themselves_are_judged():
    async with talking(asr.says("Thank you.")) as stage:
        assert (await stage.hear()).text == "Thank you."
        stage.server.usually = asr.says("word " * 80)
        assert (await stage.hear()).suppressed == "compression"


async def test_a_detected_language_is_told_and_is_not_taken_for_sure():
    async with talking(asr.says("Guten Tag.", language="german")) as stage:
        detected = await stage.hear(language="")
        assert (detected.language, detected.language_probability) == ("de", 0.5)
        asked = await stage.hear(language="en")
        assert (asked.language, asked.language_probability) == ("en", 1.0)


async def test_the_only_language_allowed_is_asked_for():
    async with talking() as stage:
        assert (await stage.hear(language="", allowed=("fr",))).language == "fr"
        assert [each.fields["language"] for each in stage.server.uploads] == ["fr"]


async def test_a_detection_outside_of_what_is_allowed_is_decoded_again_in_the_likeliest():
    async with talking(asr.says("Hei.", language="norwegian")) as stage:
        assert (await stage.hear(language="", allowed=("de", "en"))).language == "de"
        assert [each.fields.get("language") for each in stage.server.uploads] == [None, "de"]

        stage.server.usually = asr.says("Hi.", language="english")
        assert (await stage.hear(language="", allowed=("de", "en"))).language == "en"
        assert len(stage.server.uploads) == 3


# Formats


def knows_only_json(status):
    async def answer(server, request, upload):
        known = upload.fields["response_format"] == "json"
        return await (asr.says(WORDS) if known else asr.status(status))(server, request, upload)

    return answer


def formats(server):
    return [upload.fields["response_format"] for upload in server.uploads]


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_that_knows_no_details_is_asked_for_none_from_then_on(status, caplog):
    async with talking(knows_only_json(status)) as stage:
        assert [(await stage.hear()).text for _ in range(2)] == [WORDS] * 2
        assert formats(stage.server) == ["verbose_json", "json", "json"]
    (said,) = [each.getMessage() for each in caplog.records if "verbose_json" in each.getMessage()]
    assert "without probabilities" in said


async def test_two_that_find_it_out_at_once_are_both_heard():
    async with talking(knows_only_json(400)) as stage:
        assert [each.text for each in await stage.backend.decode([asking(), asking()])] == [WORDS] * 2


async def test_a_server_that_gave_details_once_is_never_asked_for_less():
    async with talking() as stage:
        await stage.hear()
        stage.server.then(asr.status(400))
        assert isinstance(await stage.fails(), DecodeFailed)
        assert (await stage.hear()).text == WORDS
        assert formats(stage.server) == ["verbose_json"] * 3


async def test_audio_that_cannot_be_decoded_says_nothing_of_the_format():
    async with talking() as stage:
        stage.server.then(asr.status(400), asr.status(400))
        assert isinstance(await stage.fails(), DecodeFailed)
        await stage.hear()
        assert formats(stage.server) == ["verbose_json", "json", "verbose_json"]


@pytest.mark.parametrize("code", [400, 413, 422])
async def test_audio_that_the_server_cannot_decode_is_its_own_failure(code):
    async with talking() as stage:
        await stage.hear()
        stage.server.usually = asr.status(code)
        for _ in range(TRIP_AFTER + 1):
            assert isinstance(failure := await stage.fails(), DecodeFailed)
        assert f"status {code}" in str(failure)
        assert len(stage.server.uploads) == TRIP_AFTER + 2
        assert (stage.witness.told, stage.time.slept) == (["ready"], [])


@pytest.mark.parametrize(("code", "setting"), [(401, "API_KEY"), (403, "API_KEY"), (404, "MODEL"), (308, "URL")])
async def test_a_refusal_is_the_end_and_says_what_to_do(code, setting):
    async with talking() as stage:
        stage.server.then(asr.status(code))
        failure = await stage.fails()
        assert isinstance(failure, EngineFatal)
        assert f"ROOMSCRIBE_ASR_{setting}" in str(failure)
        assert str(await stage.running) == str(failure)
        assert stage.witness.told == ["ready", "lost"]
        assert isinstance(await stage.fails(), EngineDied)  # nobody runs it any more
        assert len(stage.server.uploads) == 1


async def test_one_bad_request_among_several_is_told_when_all_are_done():
    async with talking() as stage:
        stage.server.then(asr.status(413))
        with pytest.raises(DecodeFailed):
            await stage.backend.decode([asking(), asking()])
        assert len(stage.server.uploads) == 2


async def test_whatever_a_library_makes_of_one_request_ends_only_that(monkeypatch):
    def broken(pcm):
        raise UnicodeError(WORDS)

    async with talking() as stage:
        with monkeypatch.context() as patched:
            patched.setattr("pipeline.remote.wav", broken)
            failure = await stage.fails(Kind.PARTIAL)
        assert isinstance(failure, DecodeFailed)
        assert "UnicodeError" in str(failure)
        assert WORDS not in str(failure)
        assert (await stage.hear()).text == WORDS


async def test_an_address_that_no_library_takes_does_not_end_the_engine(caplog):
    time, witness = Time(), Witness()
    backend = RemoteBackend(RemoteSettings(url=f"http://{'a' * 70}"), sleep=time.sleep, clock=time.clock)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        running = crew.start(backend.run(witness))
        while len(time.slept) < TRIP_AFTER:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert not running.done()
    assert "is not there yet (no answer: " in caplog.text
    assert "aaa" not in caplog.text


async def test_a_transcript_does_not_pass_for_a_translation():
    async with talking() as stage:
        with pytest.raises(DecodeFailed, match="not asked for translations"):
            await stage.hear(translate=True)
        assert stage.server.uploads == []


async def test_nothing_is_decoded_before_it_runs():
    backend = RemoteBackend(RemoteSettings(url="http://127.0.0.1:1"))
    with pytest.raises(EngineDied):
        await backend.decode([asking()])
