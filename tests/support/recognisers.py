"""The real recogniser around a model that keeps what it was asked."""

from __future__ import annotations

import pytest

from pipeline import Kind, whisper
from pipeline.model import find_model
from pipeline.request import DecodeRequest
from pipeline.whisper import FasterWhisper, WindowSettings

AMIABLE = "he might even have been made amiable himself"
SHORT = WindowSettings()


class Recorder:
    """A model that keeps what it was asked."""

    def __init__(self, model):
        self.model = model
        self.windows = []  # frames
        self.questions = []  # prompts and options

    def encode(self, features, **options):
        self.windows.append(features.shape[2])
        return self.model.encode(features, **options)

    def generate(self, encoded, prompts, **options):
        self.questions.append((prompts, options))
        return self.model.generate(encoded, prompts, **options)

    def __getattr__(self, name):
        return getattr(self.model, name)


def load(kind=Recorder, window=SHORT):
    """A recogniser, and its model, which is of that kind."""
    library, models = whisper.WhisperModel, []

    def loaded(*args, **options):
        model = library(*args, **options)
        model.model = kind(model.model)
        models.append(model.model)
        return model

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(whisper, "WhisperModel", loaded)
        recogniser = FasterWhisper(
            find_model("tiny.en", cache_dir=None, download=False),
            device="cpu",
            compute_type="int8",
            workers=1,
            window=window,
        )
    return recogniser, models[0]


def request(pcm, kind=Kind.FINAL, **details):
    return DecodeRequest(kind=kind, pcm=pcm, **{"language": "en", "beam": 5 if kind is Kind.FINAL else 1, **details})


def hear(recogniser, pcm, kind=Kind.FINAL, **details):
    (hypothesis,) = recogniser.transcribe([request(pcm, kind, **details)])
    return hypothesis


def words(hypothesis):
    kept = "".join(each for each in hypothesis.text.lower() if each.isalnum() or each == " ")
    return " ".join(kept.split())
