"""Recognisers, loaded once for the tests of a file that ask for them."""

from __future__ import annotations

import pytest

from pipeline.whisper import WindowSettings
from tests.support.recognisers import load


@pytest.fixture(scope="module")
def loaded():
    return load()


@pytest.fixture
def short(loaded):
    return loaded[0]


@pytest.fixture
def recorded(loaded):
    """What is asked of the model from now on."""
    _, recorder = loaded
    recorder.windows.clear()
    recorder.questions.clear()
    return recorder


@pytest.fixture(scope="module")
def wide():
    return load(window=WindowSettings(margin_s=0.0))[0]
