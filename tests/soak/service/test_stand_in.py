"""The stand-in knows every phrase of a soak, as it comes out of the product's decoder, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest

from pipeline import SAMPLE_RATE, WIRE_RATE, ModelSettings
from pipeline.decoders import choose_decoder
from pipeline.request import DecodeRequest, Hypothesis, Kind
from pipeline.wire import pack, read_frame
from soak.bench.voices import encoded
from soak.service.stand_in import SOURCE, StandIn
from soak.world.phrases import phrase_set

CUT = round(0.2 * WIRE_RATE)
GUARD_S = 20.0
DECODE_S = 0.05  # a few milliseconds, on a machine with other things to do
PHRASES = phrase_set(shortened=True)
NUMBERS = range(len(PHRASES))


@cache
def stand_in():
    return StandIn(PHRASES)


def received(pcm):
    """What the product makes of it: Opus, and 16 kHz."""
    decoder = choose_decoder().new()
    try:
        return np.concatenate([decoder.decode(payload) for payload in encoded(pcm).payloads])
    finally:
        decoder.close()


def text(pcm):
    [hypothesis] = stand_in().transcribe([DecodeRequest(kind=Kind.FINAL, language="en", pcm=pcm)])
    assert hypothesis.language == "en"
    return hypothesis.text


@pytest.mark.parametrize("number", NUMBERS)
def test_a_phrase_is_known_when_it_was_cut_at_both_ends(number):
    assert text(received(PHRASES[number].pcm[CUT:-CUT])) == PHRASES[number].text


@pytest.mark.parametrize("number", NUMBERS)
def test_a_phrase_is_known_in_the_middle_of_quiet(number):
    pause = np.zeros(WIRE_RATE // 2, dtype=np.int16)
    assert text(received(np.concatenate((pause, PHRASES[number].pcm, pause)))) == PHRASES[number].text


@pytest.mark.parametrize("number", NUMBERS[:-1])
def test_two_phrases_in_one_utterance_are_told_in_order(number):
    first, second = PHRASES[number], PHRASES[number + 1]
    assert text(received(np.concatenate((second.pcm, first.pcm)))) == f"{second.text} {first.text}"


def test_in_noise_there_are_no_words():
    rng = np.random.default_rng(0)
    for rms in (0, 3, 300, 6000):
        assert text(received((rng.standard_normal(3 * WIRE_RATE) * rms).astype(np.int16))) == ""


def test_in_speech_that_it_does_not_know_there_are_no_words():
    half = len(PHRASES) // 2
    knows = StandIn(PHRASES[:half])
    others = [DecodeRequest(kind=Kind.FINAL, language="en", pcm=received(each.pcm)) for each in PHRASES[half:]]
    assert {hypothesis.text for hypothesis in knows.transcribe(others)} == {""}


def test_a_decode_costs_some_milliseconds():
    pcm = received(PHRASES[0].pcm)
    text(pcm)
    began = time.perf_counter()
    for _ in range(10):
        text(pcm)
    assert (time.perf_counter() - began) / 10 < DECODE_S


@pytest.fixture
def child(engine_settings):
    """The engine's child with this recogniser in it, driven by hand."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "soak.service.stand_in"],
        env=engine_settings.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def test_the_child_speaks_as_the_real_one_does(child):
    def send(header, payload=b""):
        child.stdin.write(pack(header, payload))
        child.stdin.flush()

    send(asdict(ModelSettings(download=False)))
    ready = read_frame(child.stdout)[0]
    assert 0 < ready.pop("warm_up_s") < 5
    assert ready == {
        "ready": True, "source": SOURCE, "languages": ["en"], "translations": [], "short_inputs": True,
    }  # fmt: skip

    pcm = received(PHRASES[3].pcm)
    asked = {"kind": "final", "language": "en", "samples": len(pcm), "beam": 5, "hints": "", "allowed": []}
    send({"id": 1, "requests": [{**asked, "translate": False}]}, pcm.astype("<i2").tobytes())
    answered = read_frame(child.stdout)[0]
    assert answered["id"] == 1
    assert [Hypothesis(**each).text for each in answered["hypotheses"]] == [PHRASES[3].text]

    child.stdin.close()
    assert child.wait(GUARD_S) == 0


def test_audio_of_no_length_has_no_words():
    assert text(np.zeros(0, dtype=np.int16)) == text(np.zeros(SAMPLE_RATE // 100, dtype=np.int16)) == ""
