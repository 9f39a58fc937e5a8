"""RTP packets: the fixed header (RFC 3550 §5.1), header extensions (RFC 8285), the audio level among them (RFC 6464).

Everything that a stranger can send is either a packet or `MalformedRtp`; nothing else is raised.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

AUDIO_LEVEL_URI: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
UNKNOWN_LEVEL: Final = -1

_new: Final = tuple.__new__
_FIXED: Final = Struct("!BBHII")
_EXTENSION: Final = Struct("!HH")
ONE_BYTE: Final = 0xBEDE  # RFC 8285 §4.2
TWO_BYTE: Final = 0x1000  # RFC 8285 §4.3; its low four bits are the application's


class MalformedRtp(ValueError):
    """The bytes are not an RTP packet. Says which part; holds none of the bytes."""

    component = "pipeline.rtp"


class RtpPacket(NamedTuple):
    """`level` is in -dBov: 0 is the loudest, 127 digital silence, `UNKNOWN_LEVEL` means not told; `voice` is the
    sender's own opinion (RFC 6464 §3). `timestamp` counts 1/48000 s for Opus (RFC 7587 §4.1), modulo 2³².
    """

    ssrc: int
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    level: int
    voice: bool
    payload: bytes


def is_rtp(datagram: bytes) -> bool:
    """RTP, not RTCP, STUN or DTLS on the same socket (RFC 7983 §7; RFC 5761 §4)."""
    return len(datagram) > 1 and 127 < datagram[0] < 192 and not 191 < datagram[1] < 224


def parse(data: bytes | bytearray, *, level_id: int = 0, length: int = -1) -> RtpPacket:
    """Read an RTP packet that SRTP has let through. `level_id`: the audio level's extension id; 0: not negotiated.

    `length`: only so many bytes of `data` are the packet. Raises `MalformedRtp`.
    """
    if length < 0:
        length = len(data)
    if length < 12:
        raise MalformedRtp("shorter than the header")
    flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if flags & 0xC0 != 0x80:
        raise MalformedRtp("another version than 2")
    start, end = 12 + 4 * (flags & 0x0F), length
    level, voice = UNKNOWN_LEVEL, False
    if flags & 0x10:
        if end < start + 4:
            raise MalformedRtp("the header extension is cut off")
        profile, words = _EXTENSION.unpack_from(data, start)
        first = start + 4
        start = first + 4 * words
        if end >= start and level_id:
            level, voice = _audio_level(data, first, start, profile, level_id)
    if flags & 0x20 and end > start:
        padding = data[end - 1]
        if not padding:
            raise MalformedRtp("padding of no length")
        end -= padding
    if end < start:
        raise MalformedRtp("shorter than it says")
    payload = bytes(data[start:end])
    # As `RtpPacket(…)`, in half the time; this runs for each packet of everybody.
    return _new(RtpPacket, (ssrc, kind & 0x7F, sequence, timestamp, kind > 127, level, voice, payload))


def _audio_level(data: bytes | bytearray, at: int, end: int, profile: int, level_id: int) -> tuple[int, bool]:
    """The element `level_id` of the extension's elements in `data[at:end]`, if it is there and whole."""
    if profile == ONE_BYTE:
        while at < end:
            element, length = data[at] >> 4, (data[at] & 0x0F) + 1
            if data[at] == 0:  # padding has no length
                at += 1
                continue
            if element in (0, 15):  # RFC 8285 §4.2: nothing after it is to be read
                break
            if element == level_id and at + 1 + length <= end:
                return data[at + 1] & 0x7F, data[at + 1] > 127
            at += 1 + length
    elif profile & 0xFFF0 == TWO_BYTE:
        while at + 1 < end:
            element, length = data[at], data[at + 1]
            if element == 0:
                at += 1
                continue
            if element == level_id and length and at + 2 + length <= end:
                return data[at + 2] & 0x7F, data[at + 2] > 127
            at += 2 + length
    return UNKNOWN_LEVEL, False
