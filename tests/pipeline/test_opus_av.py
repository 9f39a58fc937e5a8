from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
import soxr

from pipeline.audio import FRAME, SAMPLE_RATE, WIRE_RATE, samples
from pipeline.opus_av import DELAY, AvDecoder
from tests.pipeline.opus_packets import decoded, encoded, likeness, packets, speech

ALGORITHM = samples(0.0065)  # what Opus itself delays
DITHER = 4  # random noise of the last bits, as the resampler rounds to 16
GROWTH = 2_000_000  # bytes; five hundred decoders are 45 MB


@pytest.fixture
def decoder():
    made = AvDecoder()
    yield made
    made.close()


@pytest.mark.parametrize("ms", [10, 20, 40, 60, 120])
def test_each_packet_comes_out_as_long_as_it_went_in_and_late_by_as_much(decoder, ms):
    pieces = [decoder.decode(payload) for payload in packets(ms=ms)]
    assert {len(piece) for piece in pieces} == {SAMPLE_RATE * ms // 1000}
    pcm = np.concatenate(pieces)
    alike, lag = likeness(pcm, soxr.resample(speech()[: 3 * len(pcm)], WIRE_RATE, SAMPLE_RATE))
    assert alike > 0.75
    assert abs(lag - ALGORITHM - DELAY) <= 2


def test_packets_of_changing_length_are_not_torn_apart(decoder):
    """The resampler gives blocks of its own; the delay hides them."""
    whole, pieces, at = speech(), [], 0
    for ms in [60, 10, 10, 120, 20, 40, 10] * 3:
        size = WIRE_RATE * ms // 1000
        [payload] = encoded(whole[at : at + size].reshape(-1, 1), ms=ms, application="audio", bits=96_000)[:1]
        pieces.append(decoder.decode(payload))
        at += size
        assert len(pieces[-1]) == size // 3
    assert at // 3 == sum(map(len, pieces))


def test_stereo_becomes_the_mean_of_its_channels(decoder):
    left = speech()
    both = np.stack((left, np.roll(left, WIRE_RATE)), axis=1)
    pcm = decoded(decoder, encoded(both, bits=128_000, application="audio"))
    mean = soxr.resample(both.mean(axis=1), WIRE_RATE, SAMPLE_RATE)
    assert likeness(pcm, mean)[0] > 0.99


@pytest.mark.parametrize("count", [0, 1, 333, FRAME, SAMPLE_RATE])
def test_what_was_lost_is_silence_of_the_same_length(decoder, count):
    payloads = packets(loss_percent=20)
    decoded(decoder, payloads[:60])
    decoder.conceal(2 * DELAY)  # what was said before comes out
    for pcm in (decoder.recover(payloads[61], count), decoder.conceal(count)):
        assert len(pcm) == count
        assert np.abs(pcm).max(initial=0) <= DITHER


def test_what_was_said_before_a_loss_comes_out_before_the_silence(decoder):
    decoded(decoder, packets()[:60])
    tail = decoder.conceal(4 * DELAY)
    assert np.abs(tail[:DELAY]).max() > 100
    assert np.abs(tail[2 * DELAY :]).max() <= DITHER


def test_decoders_leave_no_memory_behind():
    def use(count):
        for _ in range(count):
            decoder = AvDecoder()
            decoder.decode(packets()[30])
            decoder.reset()
            decoder.close()
        gc.collect()
        return psutil.Process().memory_info().rss

    before = use(200)
    assert use(500) - before < GROWTH
