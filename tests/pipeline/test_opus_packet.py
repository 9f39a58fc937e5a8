from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.opus_packet import LONGEST, opus_duration

MS = 48  # samples
SHORTEST = 120  # 2.5 ms

SILK = range(12)
HYBRID = range(12, 16)
CELT = range(16, 32)


def packet(configuration, code=0, rest=b"audio"):
    return bytes([configuration << 3 | code]) + rest


@pytest.mark.parametrize(
    ("configurations", "milliseconds"),
    [(SILK, (10, 20, 40, 60)), (HYBRID, (10, 20)), (CELT, (2.5, 5, 10, 20))],
    ids=["SILK", "hybrid", "CELT"],
)
def test_a_packet_of_one_frame_lasts_as_long_as_its_configuration_says(configurations, milliseconds):
    for configuration in configurations:
        expected = milliseconds[configuration % len(milliseconds)] * MS
        assert opus_duration(packet(configuration)) == expected
        assert opus_duration(packet(configuration, rest=b"")) == expected, "one byte is enough: that is DTX"


@pytest.mark.parametrize("code", [1, 2])
def test_a_packet_of_two_frames_lasts_twice_as_long(code):
    for configuration in range(32):
        assert opus_duration(packet(configuration, code)) == 2 * opus_duration(packet(configuration))


@pytest.mark.parametrize(("count", "milliseconds"), [(1, 20), (3, 60), (6, 120)])
@pytest.mark.parametrize("flags", [0x00, 0x40, 0x80, 0xC0], ids=["equal", "padded", "various", "various and padded"])
def test_a_packet_of_any_number_of_frames_has_that_number_in_its_second_byte(count, milliseconds, flags):
    assert opus_duration(packet(1, 3, bytes([flags | count]) + b"audio")) == milliseconds * MS


def test_whether_it_is_stereo_does_not_matter():
    assert opus_duration(bytes([0xFC])) == opus_duration(bytes([0xF8])) == 20 * MS


@pytest.mark.parametrize(
    "nonsense",
    [b"", packet(1, 3, b""), packet(1, 3, b"\x00"), packet(1, 3, b"\x07"), packet(16, 3, b"\x3f")],
    ids=["nothing", "no number of frames", "no frames", "140 ms", "157.5 ms"],
)
def test_nonsense_lasts_for_nothing(nonsense):
    assert opus_duration(nonsense) == 0


@given(st.binary(max_size=8))
def test_whatever_it_is_it_lasts_for_some_frames_or_for_nothing(payload):
    duration = opus_duration(payload)
    assert duration == 0 or (SHORTEST <= duration <= LONGEST and duration % SHORTEST == 0)


@pytest.mark.parametrize("milliseconds", ["2.5", "5", "10", "20", "40", "60", "100", "120"])
def test_a_packet_of_a_real_encoder_lasts_as_long_as_what_was_encoded(milliseconds):
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.options = {"frame_duration": milliseconds}
    encoder.open()
    samples = int(float(milliseconds) * MS)
    frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
    frame.sample_rate, frame.pts = 48_000, 0
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    packets = [bytes(each) for each in [*encoder.encode(frame), *encoder.encode(None)]]
    assert packets
    assert {opus_duration(each) for each in packets} == {samples}
