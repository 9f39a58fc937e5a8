import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wire import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    PREFIX,
    BrokenFrame,
    lengths,
    pack,
    read_frame,
    unpack_header,
)

values = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.lists(st.text()))
frames = st.tuples(st.dictionaries(st.text(), values), st.binary(max_size=2000))


@given(st.lists(frames, max_size=5))
def test_frames_come_out_as_they_went_in_one_after_another(frames):
    stream = io.BytesIO(b"".join(pack(header, payload) for header, payload in frames))
    assert [read_frame(stream) for _ in frames] == frames
    assert read_frame(stream) is None


def test_half_a_character_becomes_a_question_mark():
    assert read_frame(io.BytesIO(pack({"hints": "Ev\ud83d"}))) == ({"hints": "Ev?"}, b"")


@given(frames, st.data())
def test_a_stream_that_ends_within_a_frame_has_ended(frame, data):
    whole = pack(*frame)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_frame(io.BytesIO(whole[:cut])) is None


@given(st.binary(min_size=8, max_size=200))
def test_noise_is_a_frame_or_broken_or_the_end_and_nothing_else(noise):
    try:
        frame = read_frame(io.BytesIO(noise))
    except BrokenFrame:
        return
    assert frame is None or isinstance(frame[0], dict)


def test_the_longest_payload_passes_and_one_byte_more_does_not():
    assert lengths(pack({}, bytes(MAX_PAYLOAD_BYTES))[: PREFIX.size]) == (2, MAX_PAYLOAD_BYTES)
    with pytest.raises(ValueError, match="at most"):
        pack({}, bytes(MAX_PAYLOAD_BYTES + 1))


@pytest.mark.parametrize("sizes", [(MAX_HEADER_BYTES + 1, 0), (0, MAX_PAYLOAD_BYTES + 1), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_read(sizes):
    with pytest.raises(BrokenFrame, match=f"{sizes[0]} \\+ {sizes[1]} bytes"):
        lengths(PREFIX.pack(*sizes))


@pytest.mark.parametrize(
    ("header", "problem"),
    [(b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe{", "not JSON"), (b"[]", "not an object"), (b"1", "object")],
)
def test_a_header_that_is_no_json_object_is_broken(header, problem):
    with pytest.raises(BrokenFrame, match=problem):
        unpack_header(header)
