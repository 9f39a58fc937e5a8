from __future__ import annotations

import numpy as np
import pytest

from pipeline import SAMPLE_RATE
from soak.bench.noise import KINDS, noises

MADE = noises(24.0)


def test_the_time_is_shared_by_all_kinds():
    assert MADE.keys() == KINDS.keys()
    assert sum(map(len, MADE.values())) == 24 * SAMPLE_RATE


def test_the_same_noise_is_made_every_time():
    again = noises(24.0)
    assert all(np.array_equal(MADE[name], again[name]) for name in KINDS)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "silence"])
def test_a_noise_can_be_heard(name):
    assert np.abs(MADE[name].astype(int)).max() > 10


def test_silence_is_silent():
    assert not MADE["silence"].any()
