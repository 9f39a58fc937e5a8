"""A sound is known again by how it rises and falls, wherever it stands, and nothing else is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import SAMPLE_RATE
from soak.service.likeness import LIKE, STEP, Likeness, levels

QUIET = 20.0  # root mean square of a room in which nobody speaks


def babble(seed, seconds=1.0):
    """Noise whose bands rise and fall a few times a second, as those of speech do."""
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    at, pcm = np.arange(count), np.zeros(count)
    for centre in np.geomspace(150, 5000, 12):
        beats = rng.uniform(-1.5, 1.5, max(4, round(seconds * 8)))
        level = 10 ** np.interp(at, np.linspace(0, count, len(beats)), beats)
        pcm += level * np.sin(2 * np.pi * centre / SAMPLE_RATE * at + rng.uniform(0, 6))
    return (pcm / np.abs(pcm).max() * 12_000).astype(np.int16)


def quiet(seconds, seed=0):
    return (np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)) * QUIET).astype(np.int16)


SOUNDS = [babble(number, 0.8 + number / 10) for number in range(8)]
KNOWN = Likeness(SOUNDS)


def numbers(*pcms):
    return [match.number for match in KNOWN.matches(np.concatenate(pcms))]


@pytest.mark.parametrize("number", range(len(SOUNDS)))
def test_a_sound_is_known_and_its_place_is_told(number):
    [match] = KNOWN.matches(np.concatenate((quiet(0.5), SOUNDS[number], quiet(0.5))))
    assert match.number == number
    assert match.start == pytest.approx(0.5 * SAMPLE_RATE / STEP, abs=1)
    assert match.likeness > 0.95


@pytest.mark.parametrize("gain", [0.1, 0.5, 2.0])
def test_however_loud_it_is(gain):
    louder = np.clip(SOUNDS[2] * gain, -32_768, 32_767).astype(np.int16)
    assert numbers(quiet(0.3), louder, quiet(0.3)) == [2]


def test_what_was_cut_off_at_its_ends_is_no_matter_while_more_than_half_is_there():
    sound = SOUNDS[7]
    half = len(sound) // 2
    assert numbers(sound[: half + 4 * STEP]) == [7]
    assert numbers(sound[half - 4 * STEP :]) == [7]
    assert numbers(sound[: half - STEP]) == []


@settings(max_examples=40)
@given(st.integers(0, 7), st.floats(0, 1))
def test_of_a_sound_that_is_torn_in_two_one_part_is_known_at_most(number, share):
    sound = SOUNDS[number]
    at = round(share * len(sound))
    assert len(numbers(sound[:at]) + numbers(sound[at:])) <= 1


def test_nothing_is_known_in_silence_in_noise_and_in_what_is_too_short():
    assert numbers(np.zeros(SAMPLE_RATE, dtype=np.int16)) == []
    assert numbers(quiet(3.0)) == numbers(quiet(1.0) * 100) == []
    assert numbers(SOUNDS[0][: STEP - 1]) == numbers(np.zeros(0, dtype=np.int16)) == []


@settings(max_examples=25)
@given(st.integers(100, 10_000))
def test_a_sound_that_nobody_knows_is_not_taken_for_one(seed):
    assert numbers(quiet(0.2), babble(seed, 1.2), quiet(0.2)) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0.0, 0.1, 0.5])), max_size=6))
def test_several_sounds_are_told_in_their_order(said):
    parts = [quiet(0.1), *(part for number, pause in said for part in (SOUNDS[number], quiet(pause)))]
    assert numbers(*parts) == [number for number, _ in said]


def test_levels_stand_for_twenty_milliseconds_each():
    assert len(levels(SOUNDS[0])) == len(SOUNDS[0]) // STEP - 1
    assert LIKE < 1
