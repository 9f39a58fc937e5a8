from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import soxr
from soxr import soxr_ext

from pipeline import opus
from pipeline.audio import FRAME, SAMPLE_RATE, WIRE_RATE, samples
from pipeline.decoders import LONGEST_PACKET, MAX_CONCEALED
from pipeline.opus import STEP, Libopus, NoLibopus, load
from pipeline.opus_av import AvDecoder
from tests.pipeline.opus_packets import (
    NONSENSE,
    decoded,
    encoded,
    likeness,
    loud,
    packets,
    spectral_distance,
    speech,
)
from tests.pipeline.voices import clip

LOSS_PERCENT = 20  # what the senders are told
ALGORITHM = samples(0.0065)  # what Opus itself delays
GROWTH = 500_000  # bytes; a thousand decoders are 18 MB


def on_this_machine():
    found = {}
    for name in opus.copies():
        try:
            library = Libopus(name)
        except OSError:
            continue
        found[library.version] = library
    return found


COPIES = on_this_machine()


@pytest.fixture(params=COPIES)
def library(request):
    return COPIES[request.param]


@pytest.fixture
def decoder(library):
    made = library.new()
    yield made
    made.close()


# Decoding


@pytest.mark.parametrize("ms", [10, 20, 40, 60, 120])
def test_speech_comes_out_at_16_khz_as_long_as_it_went_in(decoder, ms):
    payloads = packets(ms=ms)
    pcm = decoded(decoder, payloads)
    assert pcm.dtype == np.int16
    assert len(pcm) == len(payloads) * SAMPLE_RATE * ms // 1000
    said = soxr.resample(speech()[: 3 * len(pcm)], WIRE_RATE, SAMPLE_RATE)
    alike, lag = likeness(pcm, said)
    assert alike > 0.75  # the codec's, not the decoder's: SILK need not keep phases
    assert abs(lag - ALGORITHM) <= 2


@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_it_hears_what_a_decoder_at_48_khz_hears(decoder, ms):
    payloads = packets(ms=ms)
    alike, _ = likeness(decoded(decoder, payloads), decoded(AvDecoder(), payloads))
    assert alike > 0.99


def test_stereo_becomes_the_mean_of_its_channels(decoder):
    left, right = clip("austen-0930").decode(), clip("austen-0880").decode()
    count = min(len(left), len(right))
    both = np.stack((left[:count], right[:count]), axis=1)
    pcm = decoded(decoder, encoded(both, bits=128_000, application="audio"))
    mean = soxr.resample(both.mean(axis=1), WIRE_RATE, SAMPLE_RATE)
    assert likeness(pcm, mean)[0] > 0.99
    assert 0.95 < pcm.std() / mean[: len(pcm)].std() < 1.05


def test_two_decoders_in_two_threads_do_not_disturb_each_other(library):
    voices = [packets(), packets(ms=60, bits=16_000)] * 2
    alone = [decoded(library.new(), voice) for voice in voices]
    with ThreadPoolExecutor(len(voices)) as threads:
        together = list(threads.map(lambda voice: decoded(library.new(), voice), voices))
    assert all(np.array_equal(*each) for each in zip(alone, together, strict=True))


def test_one_decoder_in_two_threads_breaks_nothing(decoder):
    with ThreadPoolExecutor(4) as threads:
        lengths = list(threads.map(lambda payload: len(decoder.decode(payload)), packets() * 4))
    assert set(lengths) == {FRAME}


# Losses


def with_losses(decoder, payloads, make_good):
    """Every third packet is lost. Mean distance of what takes its place from what was said, where it was speech."""
    size = len(decoder.decode(payloads[0]))
    decoder.reset()
    intact = decoded(decoder, payloads).reshape(-1, size)
    decoder.reset()
    distances = []
    for number, payload in enumerate(payloads[:-1]):
        if number % 3 != 2:
            decoder.decode(payload)
            continue
        heard = make_good(payloads[number + 1], size)
        assert len(heard) == size
        if loud(intact[number]):
            distances.append(spectral_distance(heard, intact[number]))
    assert len(distances) > 10
    return np.mean(distances)


@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_a_copy_in_the_next_packet_is_better_than_concealment_and_that_is_better_than_silence(decoder, ms):
    payloads = packets(ms=ms, loss_percent=LOSS_PERCENT)
    recovered = with_losses(decoder, payloads, decoder.recover)
    concealed = with_losses(decoder, payloads, lambda _, count: decoder.conceal(count))
    silent = with_losses(decoder, payloads, lambda _, count: np.zeros(count, np.int16))
    assert recovered < 0.7 * concealed
    assert concealed < 0.9 * silent


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ms", [10, 20, 40, 60, 80, 120])
def test_it_knows_which_packets_have_a_copy(decoder, ms, channels):
    """As newer copies of the library do, which can be asked."""
    payloads = encoded(np.repeat(speech(), channels).reshape(-1, channels), ms=ms, loss_percent=LOSS_PERCENT)
    has_copy = getattr(load().c, "opus_packet_has_lbrr", None)
    if has_copy is None:
        pytest.skip("no copy of libopus on this machine can tell")
    told = [has_copy(payload, len(payload)) == 1 for payload in payloads]
    assert [decoder.copied(payload) > 0 for payload in payloads] == told
    assert any(told)
    assert not all(told)


@pytest.mark.parametrize("following", [packets()[60], NONSENSE, b"", b"\x48", b"\xfc\xff\xff"])
def test_without_a_copy_a_loss_is_concealed(library, following):
    """Nothing recoverable: a sender without FEC, nonsense, nothing at all, DTX, CELT."""
    one, other = library.new(), library.new()
    for each in (one, other):
        decoded(each, packets()[:59])
    assert one.copied(following) == 0
    assert np.array_equal(one.recover(following, FRAME), other.conceal(FRAME))


def lost(library):
    """A decoder that has heard some speech, of which a packet is lost, and the packet after that, with its copy."""
    payloads = packets(loss_percent=LOSS_PERCENT)
    after = next(at for at in range(50, len(payloads)) if payloads[at][1] & 0x40)  # RFC 6716 §4.2.4
    decoder = library.new()
    decoded(decoder, payloads[: after - 1])
    return decoder, payloads[after]


@pytest.mark.parametrize("count", [1, 7, 160, 319])
def test_of_a_loss_shorter_than_the_copy_the_end_is_recovered(library, count):
    whole, following = lost(library)
    part, _ = lost(library)
    assert np.array_equal(part.recover(following, count), whole.recover(following, FRAME)[-count:])


@pytest.mark.parametrize("count", [321, 3 * FRAME, LONGEST_PACKET, 4000])
def test_what_was_lost_before_the_copy_is_concealed(library, count):
    one, following = lost(library)
    other, _ = lost(library)
    recovered = one.recover(following, count)
    ahead = other.conceal(count - FRAME)
    assert np.array_equal(recovered, np.concatenate((ahead, other.recover(following, FRAME))))


def test_a_packet_of_several_frames_has_a_copy_of_the_last_one_before_it(decoder):
    payloads = packets(ms=120, loss_percent=LOSS_PERCENT)
    distance = [with_losses(decoder, payloads * 3, decoder.recover)]
    distance.append(with_losses(decoder, payloads * 3, lambda _, count: decoder.conceal(count)))
    assert distance[0] < distance[1]


def test_concealed_speech_ends_after_a_while(library):
    decoder, following = lost(library)
    pieces = [decoder.conceal(FRAME) for _ in range(10)]
    made_up = MAX_CONCEALED // FRAME
    assert all(piece.any() for piece in pieces[: made_up - 1])
    assert not np.concatenate(pieces[made_up:]).any()
    assert loud(decoder.recover(following, FRAME))
    assert decoder.conceal(FRAME).any()


@pytest.mark.parametrize("count", [0, 1, 39, 41, 333, MAX_CONCEALED + 1, SAMPLE_RATE])
def test_concealment_of_any_length_is_speech_at_first_and_then_zeros(library, count):
    decoder, _ = lost(library)
    again, _ = lost(library)
    pcm = decoder.conceal(count)
    assert len(pcm) == count
    steps = again.conceal(min(count + -count % STEP, MAX_CONCEALED))
    assert np.array_equal(pcm[:MAX_CONCEALED], steps[:count])
    assert not pcm[MAX_CONCEALED:].any()


def test_before_the_first_packet_there_is_nothing_to_go_on_from(decoder):
    assert not decoder.conceal(FRAME).any()


# Memory


@pytest.mark.parametrize("end", [lambda decoder: decoder.close(), lambda decoder: None], ids=["closed", "forgotten"])
def test_decoders_leave_no_memory_behind(library, end):
    def use(count):
        for _ in range(count):
            decoder = library.new()
            decoder.decode(packets()[30])
            end(decoder)
        del decoder
        gc.collect()
        return psutil.Process().memory_info().rss

    before = use(200)
    assert use(1000) - before < GROWTH


# Copies of the library


def test_the_newest_copy_is_taken():
    assert load().age == max(copy.age for copy in COPIES.values())
    assert load().version in COPIES


def test_the_copy_in_the_wheel_of_av_is_among_them():
    assert any(Path(name).is_file() for name in opus.copies())


def test_another_library_is_no_copy():
    with pytest.raises(AttributeError):
        Libopus(soxr_ext.__file__)


def test_without_a_copy_each_one_has_its_fault_told(monkeypatch):
    monkeypatch.setattr(opus, "copies", lambda: iter([soxr_ext.__file__, "/nowhere/libnonesuch.so"]))
    with pytest.raises(NoLibopus, match=r"soxr_ext.*opus_get_version_string.*; libnonesuch\.so: ") as caught:
        load()
    assert caught.value.component == "pipeline.opus"
