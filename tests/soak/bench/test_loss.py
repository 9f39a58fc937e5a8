"""Real speech, real packets, the real model; the network is a coin."""

import numpy as np
import pytest

from pipeline.decoders import choose_decoder
from pipeline.model import find_model
from pipeline.opus_stream import Decoded
from soak.bench.asr import Bench
from soak.bench.loss import LEAD_S, TRAIL_S, WAYS, Way, listened, measure, packets
from soak.clip import shipped_clips

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def found_model():
    return find_model("tiny.en", cache_dir=None, download=False)


@pytest.fixture(scope="module")
def bench(found_model):
    return Bench(found_model)


@pytest.fixture(scope="module")
def clip():
    return next(clip for clip in shipped_clips() if clip.text)


def heard(bench, clip, way, decoder="auto"):
    sums = Decoded()
    arriving = packets(clip.decode(), way, np.random.default_rng(0))
    return listened(bench, arriving, way, choose_decoder(decoder), sums), sums


def test_a_clip_becomes_a_packet_for_each_20_ms(clip):
    pcm = clip.decode()
    assert len(packets(pcm, Way(), np.random.default_rng(0))) == pytest.approx(
        (len(pcm) / 48_000 + LEAD_S + TRAIL_S) / 0.02, abs=1
    )


def test_without_loss_nothing_is_made_up(bench, clip):
    text, sums = heard(bench, clip, Way())
    assert text
    assert sums.recovered_s == sums.concealed_s == sums.quiet_s == 0
    assert sums.decoded_s > 0


def test_most_of_what_is_lost_is_rebuilt(bench, clip):
    _, sums = heard(bench, clip, Way(loss=0.15))
    assert sums.recovered_s > sums.concealed_s > 0


def test_a_decoder_without_fec_makes_it_all_up(bench, clip):
    _, sums = heard(bench, clip, Way(loss=0.15), decoder="av")
    assert sums.recovered_s == 0 < sums.concealed_s


def test_the_figures_of_each_way_that_was_asked_for(found_model, clip):
    figures = measure([clip], found_model, lambda line: None, decoder="auto", ways=["no_loss", "loss_15"])
    assert set(figures) == {"decoder", "clips", "no_loss", "loss_15"}
    assert figures["loss_15"]["recovered"] > figures["no_loss"]["recovered"] == 0


def test_each_way_with_the_gate_has_one_without_to_compare_with():
    gated = [WAYS[name.removesuffix("_no_gate")] for name in WAYS if name.endswith("_no_gate")]
    assert len(gated) == 2
    assert all(way.gate for way in gated)
