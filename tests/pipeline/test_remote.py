from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from pipeline import Engine, EngineFatal, EngineState, Kind
from pipeline.errors import DecodeFailed, EngineDied, EngineError
from pipeline.local import LocalBackend
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import TRANSIENT_DELAYS_S, TRIP_AFTER, RemoteSettings
from pipeline.request import DecodeRequest
from pipeline.scheduler import Job
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness, serving
from tests.pipeline.voices import downsampled

GUARD_S = 30.0
SECOND = np.arange(16_000, dtype=np.int16)
WORDS = "the parrot is dead"
KEY = "sk-hunter2"


class Stage:
    """A backend that runs, the server it talks to, and whom it tells."""

    def __init__(self, server, backend, crew, witness, time):
        self.server, self.backend, self.crew, self.witness, self.time = server, backend, crew, witness, time
        self.running = crew.start(ending(backend.run(witness)))

    async def hear(self, kind=Kind.FINAL, **fields):
        [hypothesis] = await self.backend.decode([asking(kind, **fields)])
        return hypothesis

    async def fails(self, kind=Kind.FINAL, **fields):
        """What `decode` raised."""
        with pytest.raises(EngineError) as raised:
            await self.hear(kind, **fields)
        return raised.value


def asking(kind=Kind.FINAL, *, language="en", pcm=SECOND, **fields):
    return DecodeRequest(kind=kind, language=language, pcm=pcm, **fields)


async def ending(work):
    """How it ended, when it did so by itself: it must not end the crew."""
    try:
        await work
    except EngineFatal as fatal:
        return fatal


@asynccontextmanager
async def talking(usually=None, *, suffix="", models=200, **settings):
    """A server and a backend that is ready, with a clock of its own."""
    async with serving(usually or asr.says(WORDS)) as server, asyncio.timeout(GUARD_S), Crew() as crew:
        server.models = models
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url + suffix, **settings), sleep=time.sleep, clock=time.clock)
        stage = Stage(server, backend, crew, Witness(), time)
        up = crew.start(stage.witness.up.wait())
        await asyncio.wait([up, stage.running], return_when=asyncio.FIRST_COMPLETED)
        yield stage


def segments(*each):
    return {"language": "english", "segments": list(each)}


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


# When it fails

PASSING = {
    "status 500": asr.status(500),
    "status 503": asr.status(503),
    "reset": asr.reset_at_once,
    "reset in the middle": asr.reset_in_the_middle,
    "hangs": asr.hang,
    "slow headers": asr.headers_that_never_end,
    "slow body": asr.body_that_never_ends,
    "html": asr.body(b"<html>Bad Gateway</html>", "text/html"),
    "truncated": asr.body(b'{"text": "the parrot'),
    "giant": asr.giant,
    "empty": asr.body(b""),
    "no content": asr.status(204),
    "compressed": asr.body(gzip.compress(b'{"text": "a"}'), **{"Content-Encoding": "gzip"}),
    "elsewhere": asr.status(307, Location="/v1/audio/transcriptions"),
}


@pytest.mark.parametrize("misbehaviour", PASSING.values(), ids=PASSING)
async def test_a_final_survives_what_passes_and_a_partial_is_given_up(misbehaviour):
    async with talking(timeout_s=0.4) as stage:
        stage.server.then(misbehaviour, misbehaviour)
        assert (await stage.hear()).text == WORDS
        assert stage.time.slept == [0.0, 0.1]

        stage.server.then(misbehaviour)
        assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
        assert stage.time.slept == [0.0, 0.1]
        assert (stage.witness.told, stage.backend.restarts) == (["ready"], 0)


@pytest.mark.parametrize(
    ("busy", "slept"),
    [
        ([asr.status(429)] * 3, [5.0, 10.0, 20.0]),
        ([asr.status(429, Retry_After="2")], [2.0]),
        ([asr.status(429, Retry_After="9999")], [30.0]),
        ([asr.status(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")], [5.0]),
    ],
)
async def test_a_busy_server_is_left_in_peace_for_a_while(busy, slept):
    async with talking() as stage:
        stage.server.then(*busy)
        assert (await stage.hear()).text == WORDS
        assert stage.time.slept == slept


async def test_a_server_that_stays_busy_is_given_up_only_after_finals_waited_in_vain():
    async with talking(asr.status(429)) as stage:
        for _ in range(TRIP_AFTER * 2):
            assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
        for _ in range(TRIP_AFTER - 1):
            assert isinstance(await stage.fails(), DecodeFailed)
        assert stage.backend.restarts == 0
        stage.server.then(*[asr.status(429)] * 4, asr.says(""))
        assert isinstance(await stage.fails(), DecodeFailed)
        assert stage.backend.restarts == 1


@pytest.mark.parametrize(("asked", "pause_s"), [({}, 5.0), ({"Retry_After": "12"}, 12.0), ({"Retry_After": "0"}, 0.0)])
async def test_partials_spare_a_busy_server_until_it_wants_requests_again(asked, pause_s):
    async with talking() as stage:
        stage.server.then(asr.status(429, **asked))
        assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
        if pause_s:
            stage.time.now += pause_s - 0.1
            assert isinstance(await stage.fails(Kind.PARTIAL), DecodeFailed)
            assert len(stage.server.uploads) == 1
            assert (await stage.hear()).text == WORDS  # finals have nowhere else to go
            stage.time.now += 0.1
        assert (await stage.hear(Kind.PARTIAL)).text == WORDS


# When somebody else can decode


async def test_a_final_does_not_wait_for_a_busy_server_and_others_spare_it():
    async with talking() as stage:
        stage.backend.relief = True
        stage.server.then(asr.status(429, Retry_After="12"))
        assert isinstance(await stage.fails(), DecodeFailed)
        assert isinstance(await stage.fails(), DecodeFailed)
        assert (len(stage.server.uploads), stage.time.slept) == (1, [])
        stage.time.now += 12.0
        assert (await stage.hear()).text == WORDS


async def test_a_final_is_tried_again_only_within_the_time_for_the_server():
    async with talking() as stage:
        stage.backend.relief = True
        stage.server.usually = asr.takes(stage.time, 1.7, asr.status(500))
        assert isinstance(await stage.fails(), DecodeFailed)
        assert stage.time.slept == [0.0, 0.1]
        assert stage.backend.restarts == 0


async def test_a_server_that_hangs_is_not_waited_for_as_long_as_if_there_were_no_other(monkeypatch):
    monkeypatch.setattr("pipeline.remote_policy.FALLBACK_AFTER_S", 0.2)
    monkeypatch.setattr("pipeline.remote_policy.LEAST_TRY_S", 0.1)
    async with talking(asr.hang, timeout_s=GUARD_S * 2) as stage:
        stage.backend.relief = True
        assert isinstance(await stage.fails(), DecodeFailed)


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


async def test_nothing_is_decoded_before_it_runs():
    backend = RemoteBackend(RemoteSettings(url="http://127.0.0.1:1"))
    with pytest.raises(EngineDied):
        await backend.decode([asking()])


# The start


@pytest.mark.parametrize("status", [200, 400, 404, 405])
async def test_a_server_that_answers_is_there_whether_it_lists_models_or_not(status):
    async with talking(models=status, languages=("de", "en")) as stage:
        assert (stage.witness.told, stage.witness.languages) == (["ready"], ("de", "en"))
        assert (stage.backend.pid, stage.backend.max_batch, stage.backend.slots) == (None, 1, 8)


@pytest.mark.parametrize(("status", "setting"), [(401, "API_KEY"), (403, "API_KEY"), (301, "URL")])
async def test_a_wrong_key_or_address_is_found_at_the_start(status, setting):
    async with talking(models=status, api_key=KEY) as stage:
        fatal = await stage.running
        assert isinstance(fatal, EngineFatal)
        assert "ROOMSCRIBE_ASR_URL" in str(fatal)
        assert f"ROOMSCRIBE_ASR_{setting}" in str(fatal)
        assert KEY not in str(fatal)
        assert stage.witness.told == []


async def test_a_server_that_is_not_there_yet_is_waited_for():
    async with talking(models=deque([503] * 7 + [429, 200])) as stage:
        assert stage.witness.told == ["ready"]
        assert stage.time.slept == [*TRANSIENT_DELAYS_S, 10.0, 20.0, 5.0]


async def test_a_machine_that_refuses_is_waited_for_and_its_address_stays_out_of_the_logs(caplog):
    async with serving(asr.says(WORDS)) as server:
        port, settings = server.port, RemoteSettings(url=server.url)
    time, witness = Time(), Witness()
    backend = RemoteBackend(settings, sleep=time.sleep, clock=time.clock)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(backend.run(witness))
        while not time.slept:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        async with serving(asr.says(WORDS), port=port):
            await witness.up.wait()
            [hypothesis] = await backend.decode([asking()])
    assert hypothesis.text == WORDS
    assert "ROOMSCRIBE_ASR_URL" in caplog.text
    assert "127.0.0.1" not in caplog.text


# The circuit


async def test_a_server_that_keeps_failing_is_left_alone_and_comes_back():
    async with talking(asr.status(500)) as stage:
        stage.server.then(*[asr.status(500)] * (TRIP_AFTER + 4), asr.says(""))

        assert isinstance(await stage.fails(), EngineDied)

        assert stage.witness.told == ["ready", "lost"]  # told before the one who waited
        assert isinstance(await stage.fails(), EngineDied)
        assert len(stage.server.uploads) <= TRIP_AFTER + 1  # nothing of ours goes out while it is open
        await stage.witness.up.wait()
        assert stage.witness.told == ["ready", "lost", "ready"]
        assert stage.time.slept == [0.0, 0.1, 1.0, 3.0, 10.0, 20.0, 40.0, 60.0, 60.0]
        assert stage.backend.restarts == 1
        assert not stage.server.uploads[-1].pcm.any()  # what tries is silence
        stage.server.usually = asr.says(WORDS)
        assert (await stage.hear()).text == WORDS


async def test_a_server_that_lives_but_refuses_to_transcribe_silence_is_back():
    async with talking() as stage:
        stage.server.then(*[asr.status(500)] * TRIP_AFTER, asr.status(400))
        assert isinstance(await stage.fails(), EngineDied)
        await stage.witness.up.wait()
        assert stage.time.slept[-1] == 10.0


async def test_a_key_that_was_withdrawn_meanwhile_is_the_end():
    async with talking() as stage:
        stage.server.then(*[asr.status(500)] * TRIP_AFTER, asr.status(401))
        assert isinstance(await stage.fails(), EngineDied)
        assert "ROOMSCRIBE_ASR_API_KEY" in str(await stage.running)


async def test_one_blip_that_hits_many_at_once_does_not_open_the_circuit():
    async with talking() as stage:
        stage.server.then(*[asr.reset_at_once] * 8)
        asked = [stage.crew.start(stage.fails(Kind.PARTIAL)) for _ in range(8)]
        assert [type(await each) for each in asked] == [DecodeFailed] * 8
        assert (stage.witness.told, stage.backend.restarts) == (["ready"], 0)


async def test_what_fails_for_many_again_and_again_opens_it_once():
    async with talking() as stage:
        stage.server.then(*[asr.reset_at_once] * 8 * TRIP_AFTER, asr.says(""))
        for _ in range(TRIP_AFTER):
            asked = [stage.crew.start(stage.fails(Kind.PARTIAL)) for _ in range(8)]
            assert [type(await each) for each in asked] == [DecodeFailed] * 8
        assert (stage.witness.told[:2], stage.backend.restarts) == (["ready", "lost"], 1)


# Its end


async def test_who_waits_when_it_is_stopped_is_told():
    async with talking(asr.hang) as stage:
        asked = stage.crew.start(stage.fails())
        await stage.server.asked.wait()
        stage.running.cancel()
        assert isinstance(await asked, EngineDied)


async def test_a_decode_that_is_cancelled_disturbs_nobody():
    async with talking() as stage:
        stage.server.then(asr.hang)
        asked = stage.crew.start(stage.hear())
        await stage.server.asked.wait()
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
        assert (await stage.hear()).text == WORDS


# Privacy


async def test_neither_key_nor_words_nor_address_reach_the_logs_or_the_errors(caplog):
    caplog.set_level(logging.DEBUG)
    said = json.dumps({"text": WORDS}).encode()
    async with talking(timeout_s=0.4, api_key=KEY) as stage:
        await stage.hear(hints="Babbage")
        stage.server.then(asr.body(said[:-2]), asr.body(said + said), asr.status(400))
        failures = [await stage.fails(Kind.PARTIAL, hints="Babbage") for _ in range(3)]
        stage.server.then(*PASSING.values())
        failures += [await stage.fails(hints="Babbage")]
        stage.server.script.clear()
        await stage.witness.up.wait()
        stage.server.then(asr.status(401))
        failures += [await stage.fails(hints="Babbage")]
        await stage.running
        settings = stage.backend._settings
    ours = [record for record in caplog.records if record.name.startswith("roomscribe")]
    assert ours
    told = caplog.text + "\n".join(f"{each} {each!r} {each.__cause__!r}" for each in failures)
    for private in (KEY, "parrot", "Babbage", "127.0.0.1"):
        assert private not in told
    assert KEY not in repr(settings)


# With the engine


@asynccontextmanager
async def running(backend):
    engine = Engine(backend)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(engine.run())
        yield engine, crew


def job(pcm=SECOND, *, kind=Kind.FINAL, speaker="ada", language="en"):
    return Job(kind=kind, speaker=speaker, language=language, due=0.0, cut=lambda: pcm)


async def test_a_final_goes_through_the_engine_although_the_server_is_away_for_a_while():
    async with serving(asr.says(WORDS)) as server:
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url), sleep=time.sleep, clock=time.clock)
        async with running(backend) as (engine, _):
            await engine.wait_ready()
            assert engine.languages[:2] == ("af", "am")
            server.then(*[asr.status(502)] * (TRIP_AFTER + 2), asr.says(""))
            assert (await engine.transcribe(job())).text == WORDS
            assert (engine.state, engine.restarts) == (EngineState.READY, 1)
            assert engine.decodes[Kind.FINAL] == 1


async def test_a_final_that_was_tried_in_vain_is_not_tried_all_over_again():
    async with serving(asr.status(429)) as server:
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url), sleep=time.sleep, clock=time.clock)
        async with running(backend) as (engine, _):
            await engine.wait_ready()
            with pytest.raises(DecodeFailed, match="status 429"):
                await engine.transcribe(job())
            assert (len(server.uploads), time.slept) == (4, [5.0, 10.0, 20.0])

            server.usually = asr.takes(time, 20.0, asr.status(504))
            with pytest.raises(DecodeFailed, match="status 504"):
                await engine.transcribe(job())
            assert len(server.uploads) == 4 + 2
            assert engine.restarts == 0


async def test_no_more_requests_are_out_at_once_than_there_are_slots():
    gate = asyncio.Event()
    async with serving(asr.waits_for(gate, asr.says(WORDS))) as server:
        async with running(RemoteBackend(RemoteSettings(url=server.url, slots=3))) as (engine, crew):
            asked = [crew.start(engine.transcribe(job(speaker=str(each)))) for each in range(9)]
            while server.busy < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            gate.set()
            assert [(await each).text for each in asked] == [WORDS] * 9
        assert server.busiest == 3


async def test_a_refused_key_fails_the_engine_and_tells_who_waits():
    async with (
        serving(asr.status(401)) as server,
        running(RemoteBackend(RemoteSettings(url=server.url))) as (engine, _),
    ):
        with pytest.raises(EngineFatal, match="ROOMSCRIBE_ASR_API_KEY"):
            await engine.transcribe(job())
        await engine.failed.wait()
        assert "ROOMSCRIBE_ASR_API_KEY" in engine.failure


@pytest.mark.model
async def test_true_words_come_back_from_a_server_with_a_true_model(engine_settings):
    local = LocalBackend(replace(engine_settings, model=replace(engine_settings.model, workers=1)))
    async with running(local) as (model, _):
        await model.wait_ready()

        async def decoded(server, request, upload):
            hypothesis = await model.transcribe(job(upload.pcm, speaker="the server", language="en"))
            numbers = segments({"avg_logprob": hypothesis.avg_logprob, "no_speech_prob": 0.0})
            return await asr.says(f" {hypothesis.text}", **numbers)(server, request, upload)

        async with (
            serving(decoded) as server,
            running(RemoteBackend(RemoteSettings(url=server.url))) as (engine, _),
        ):
            hypothesis = await engine.transcribe(job(downsampled("austen-0930")))
    assert hypothesis.text == "He might even have been made amiable himself."
    assert hypothesis.avg_logprob < 0
    assert hypothesis.decode_s > 0
