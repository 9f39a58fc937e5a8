from __future__ import annotations

from struct import pack

import aiortc.rtp
import pytest
from aiortc import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rtp import AUDIO_LEVEL_URI, UNKNOWN_LEVEL, MalformedRtp, RtpPacket, is_rtp, parse

PACKET = RtpPacket(
    ssrc=0xDECAFBAD,
    payload_type=111,
    sequence=65_535,
    timestamp=4_294_966_336,
    marker=True,
    level=UNKNOWN_LEVEL,
    voice=False,
    payload=b"some opus",
)
ONE_BYTE, TWO_BYTE, OF_SOMEBODY_ELSE = 0xBEDE, 0x1000, 0x1234
LEVEL_ID = 1


def build(packet=PACKET, *, version=2, csrcs=(), padding=0, extension=None, words=None):
    """The bytes of `packet`, with what else a header may have. `extension`: its profile and its bytes."""
    flags = version << 6 | bool(padding) << 5 | (extension is not None) << 4 | len(csrcs)
    kind = packet.marker << 7 | packet.payload_type
    header = pack("!BBHII", flags, kind, packet.sequence, packet.timestamp, packet.ssrc)
    header += b"".join(pack("!I", each) for each in csrcs)
    if extension is not None:
        profile, value = extension
        value += bytes(-len(value) % 4)
        header += pack("!HH", profile, len(value) // 4 if words is None else words) + value
    return header + packet.payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def one_byte(*elements):
    """Elements as (id, value)."""
    return ONE_BYTE, b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in elements)


def two_byte(*elements, appbits=0):
    return TWO_BYTE | appbits, b"".join(bytes([number, len(value)]) + value for number, value in elements)


def told(extension, *, level_id=LEVEL_ID):
    """The level and the voice that a packet with this extension tells of."""
    packet = parse(build(extension=extension), level_id=level_id)
    assert packet == PACKET._replace(level=packet.level, voice=packet.voice), "the rest of it is read all the same"
    return packet.level, packet.voice


NOTHING = UNKNOWN_LEVEL, False


def test_a_packet_is_read_whole():
    assert parse(build()) == PACKET


def test_csrcs_and_padding_are_not_the_payload():
    assert parse(build(csrcs=(1, 2, 3), padding=200)) == PACKET


def test_a_packet_may_be_nothing_but_padding():
    assert parse(build(PACKET._replace(payload=b""), padding=255)).payload == b""


def test_a_packet_that_has_no_room_for_the_padding_it_tells_of_is_empty():
    empty = build(PACKET._replace(payload=b""))
    assert parse(bytes([empty[0] | 0x20]) + empty[1:]).payload == b""


# The audio level


@pytest.mark.parametrize("extension", [one_byte, two_byte], ids=["one byte", "two bytes"])
@pytest.mark.parametrize(("value", "level", "voice"), [(0x00, 0, False), (0x7F, 127, False), (0x80 | 42, 42, True)])
def test_the_level_and_the_voice_are_told(extension, value, level, voice):
    assert told(extension((LEVEL_ID, bytes([value])))) == (level, voice)


@pytest.mark.parametrize("extension", [one_byte, two_byte], ids=["one byte", "two bytes"])
def test_the_level_is_found_among_others(extension):
    assert told(extension((3, b"mid"), (4, b"\x00\x01"), (LEVEL_ID, b"\x2a"), (5, b"more"))) == (42, False)


def test_what_the_application_adds_to_the_two_byte_profile_does_not_matter():
    assert told(two_byte((LEVEL_ID, b"\x2a"), appbits=0xF)) == (42, False)


def test_an_id_of_a_whole_byte_is_found():
    assert told(two_byte((200, b"\x2a")), level_id=200) == (42, False)


def test_padding_between_elements_is_passed_over():
    profile, level = one_byte((LEVEL_ID, b"\x2a"))
    assert told((profile, bytes(5) + level)) == (42, False)
    profile, level = two_byte((LEVEL_ID, b"\x2a"))
    assert told((profile, bytes(5) + level)) == (42, False)


@pytest.mark.parametrize("stop", [b"\xf0", b"\x01"], ids=["15", "0 of some length"])
def test_nothing_is_read_after_an_id_that_ends_the_extension(stop):
    profile, level = one_byte((LEVEL_ID, b"\x2a"))
    assert told((profile, stop + bytes(2) + level)) == NOTHING
    assert told((profile, level + stop)) == (42, False)


@pytest.mark.parametrize(
    "extension",
    [
        one_byte((2, b"\x2a")),
        two_byte((2, b"\x2a")),
        two_byte((LEVEL_ID, b"")),
        (ONE_BYTE, b""),
        (OF_SOMEBODY_ELSE, b"\x10\x2a\x00\x00"),
        (ONE_BYTE, b"\x00\x00\x00\x10"),
        (TWO_BYTE, b"\x00\x00\x01\x01"),
        (TWO_BYTE, b"\x00\x00\x00\x01"),
        (ONE_BYTE, b"\x27\x10\x2a\x00"),
    ],
    ids=[
        "another id",
        "another id, two bytes",
        "no value",
        "no elements",
        "another profile",
        "cut off before the value",
        "cut off before the value, two bytes",
        "cut off before the length",
        "inside an element that is longer than all",
    ],
)
def test_a_level_that_is_not_told_is_unknown(extension):
    assert told(extension) == NOTHING


def test_a_level_whose_id_was_not_negotiated_is_unknown():
    assert told(one_byte((LEVEL_ID, b"\x2a")), level_id=0) == NOTHING


def test_a_packet_of_aiortc_is_read_as_it_was_meant():
    extensions = aiortc.rtp.HeaderExtensionsMap()
    headers = [RTCRtpHeaderExtensionParameters(id=7, uri=AUDIO_LEVEL_URI)]
    extensions.configure(RTCRtpParameters(headerExtensions=headers))
    sent = aiortc.rtp.RtpPacket(
        payload_type=111, marker=1, sequence_number=65_535, timestamp=4_294_966_336, ssrc=0xDECAFBAD, payload=b"opus"
    )
    sent.extensions.audio_level = (True, 42)
    sent.csrc = [1, 2]
    sent.padding_size = 4
    expected = PACKET._replace(payload=b"opus", level=42, voice=True)
    assert parse(sent.serialize(extensions), level_id=7) == expected


# What is no packet


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter than the header"),
        (build()[:11], "shorter than the header"),
        (build(version=1), "another version than 2"),
        (build(PACKET._replace(payload=b""), csrcs=(1,) * 15)[:-1], "shorter than it says"),
        (build(PACKET._replace(payload=b""), extension=(ONE_BYTE, b""))[:-1], "the header extension is cut off"),
        (build(extension=(ONE_BYTE, b"\x10\x2a"), words=9), "shorter than it says"),
        (build(padding=1)[:-1] + b"\x00", "padding of no length"),
        (build(padding=1)[:-1] + b"\x0b", "shorter than it says"),
    ],
    ids=[
        "nothing",
        "a cut header",
        "another version",
        "fewer CSRCs than it says",
        "an extension without a length",
        "a shorter extension than it says",
        "padding of no length",
        "more padding than payload",
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(data, why):
    with pytest.raises(MalformedRtp, match=why):
        parse(data, level_id=LEVEL_ID)


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (build(), True),
        (build(PACKET._replace(marker=False, payload_type=0)), True),
        (bytes([0x80, 200, 0, 1]), False),
        (bytes([0x81, 192]), False),
        (bytes([0x8F, 223]), False),
        (bytes([0x00, 0x01, 0x00, 0x00]), False),
        (bytes([22, 254, 253]), False),
        (b"", False),
        (b"\x80", False),
    ],
    ids=["audio", "audio of type 0", "RTCP", "the first RTCP", "the last", "STUN", "DTLS", "nothing", "one byte"],
)
def test_rtp_is_told_from_what_shares_its_socket(datagram, expected):
    assert is_rtp(datagram) is expected


# Laws

values = st.binary(min_size=1, max_size=16)
some_elements = st.lists(st.tuples(st.integers(2, 14), values), max_size=4)
levels = st.none() | st.tuples(st.integers(0, 127), st.booleans())
packets = st.builds(
    RtpPacket,
    ssrc=st.integers(0, 2**32 - 1),
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    marker=st.booleans(),
    level=st.just(UNKNOWN_LEVEL),
    voice=st.just(False),
    payload=st.binary(max_size=40),
)


@given(
    packet=packets,
    csrcs=st.lists(st.integers(0, 2**32 - 1), max_size=15),
    padding=st.integers(0, 255),
    form=st.sampled_from([one_byte, two_byte]),
    before=some_elements,
    level=levels,
    after=some_elements,
)
def test_what_was_built_comes_back_whole(packet, csrcs, padding, form, before, level, after):
    told = [] if level is None else [(LEVEL_ID, bytes([level[0] | level[1] << 7]))]
    expected = packet if level is None else packet._replace(level=level[0], voice=level[1])
    data = build(packet, csrcs=csrcs, padding=padding, extension=form(*before, *told, *after))
    assert parse(data, level_id=LEVEL_ID) == expected
    assert parse(data) == packet


@given(data=st.binary(max_size=80), level_id=st.integers(0, 255))
def test_any_bytes_are_a_packet_or_malformed(data, level_id):
    parse_or_refuse(data, level_id)


@given(
    header=st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0x9F, 0xBF]),
    rest=st.binary(min_size=11, max_size=60),
    profile=st.sampled_from([ONE_BYTE, TWO_BYTE, TWO_BYTE | 3]),
    words=st.integers(0, 8),
    extension=st.binary(max_size=40),
    level_id=st.integers(0, 15),
)
def test_any_bytes_after_a_plausible_header_are_a_packet_or_malformed(
    header, rest, profile, words, extension, level_id
):
    fixed = bytes([header]) + rest[:11]
    parse_or_refuse(fixed + bytes(4 * (header & 15)) + pack("!HH", profile, words) + extension, level_id)
    parse_or_refuse(fixed + rest[11:], level_id)


def parse_or_refuse(data, level_id):
    try:
        packet = parse(data, level_id=level_id)
    except MalformedRtp:
        return
    assert packet.payload in data
    assert packet.level == UNKNOWN_LEVEL or 0 <= packet.level <= 127
    assert packet.level != UNKNOWN_LEVEL or not packet.voice


@given(packet=packets, cut=st.integers(0, 100))
def test_a_packet_that_was_cut_off_is_never_a_longer_one(packet, cut):
    data = build(packet, csrcs=(7, 8), extension=one_byte((LEVEL_ID, b"\x2a")))
    try:
        received = parse(data[: max(len(data) - cut, 0)], level_id=LEVEL_ID)
    except MalformedRtp:
        return
    assert packet.payload.startswith(received.payload)
