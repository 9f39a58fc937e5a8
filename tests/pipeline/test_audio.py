import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME, SAMPLE_RATE, AudioChunk, samples, seconds


def silence(count):
    return np.zeros(count, dtype=np.int16)


def test_a_second_is_sixteen_thousand_samples_and_a_frame_is_twenty_milliseconds():
    assert samples(1.0) == SAMPLE_RATE == 16_000
    assert seconds(FRAME) == 0.02


@given(st.integers(min_value=0, max_value=SAMPLE_RATE * 3600 * 24))
def test_a_day_of_samples_survives_the_way_through_seconds(count):
    assert samples(seconds(count)) == count


def test_a_chunk_ends_where_its_last_sample_ends():
    assert AudioChunk(start=100, pcm=silence(320)).end == 420


def test_the_audio_of_a_chunk_cannot_be_changed():
    chunk = AudioChunk(start=0, pcm=silence(4))
    with pytest.raises(ValueError, match="read-only"):
        chunk.pcm[0] = 1
