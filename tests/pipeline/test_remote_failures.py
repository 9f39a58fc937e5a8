"""When the server fails or is busy: finals are tried again, partials are given up, and nothing private is told."""

from __future__ import annotations

import gzip
import json
import logging

import pytest

from pipeline import Kind
from pipeline.errors import DecodeFailed
from pipeline.remote_policy import TRIP_AFTER
from tests.pipeline import asr_server as asr
from tests.support.remote import GUARD_S, KEY, WORDS, talking

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
