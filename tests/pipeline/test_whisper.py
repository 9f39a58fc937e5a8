from __future__ import annotations

import numpy as np
import pytest

from pipeline import Kind
from pipeline.model import find_model
from pipeline.whisper import FasterWhisper
from tests.pipeline.voices import downsampled

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def whisper():
    model = find_model("tiny.en", cache_dir=None, download=False)
    whisper = FasterWhisper(model, device="cpu", compute_type="int8", workers=1)
    whisper.warm_up()
    return whisper


def words(hypothesis):
    return "".join(each for each in hypothesis.text.lower() if each.isalpha() or each == " ")


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_speech_becomes_its_words(whisper, kind):
    hypothesis = whisper.transcribe(downsampled("austen-0930"), language="en", kind=kind)
    assert words(hypothesis) == "he might even have been made amiable himself"
    assert hypothesis.language == "en"
    assert hypothesis.decode_s > 0


def test_silence_becomes_nothing(whisper):
    assert whisper.transcribe(np.zeros(32_000, dtype=np.int16), language="en", kind=Kind.FINAL).text == ""


def test_nothing_becomes_nothing(whisper):
    assert whisper.transcribe(np.zeros(0, dtype=np.int16), language="en", kind=Kind.FINAL).text == ""


def test_an_english_model_claims_english_only(whisper):
    assert whisper.languages == ["en"]
