"""Decryption in place, against pylibsrtp's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from bot.srtp import InPlace

PACKET = b"\x80\x6f\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03" + b"some speech"
REPORT = b"\x80\xc9\x00\x01\x00\x00\x00\x03"
KEYS = {
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
}


def session(kind, profile):
    return Session(Policy(key=bytes(range(KEYS[profile])), ssrc_type=kind, srtp_profile=profile))


@pytest.fixture(params=KEYS, ids=["AES-CM", "AES-128-GCM", "AES-256-GCM"])
def sides(request):
    """Who sends, the buffer of who receives, and how it deciphers."""
    buffer = bytearray(2048)
    receiver = InPlace(session(Policy.SSRC_ANY_INBOUND, request.param), buffer)
    return session(Policy.SSRC_ANY_OUTBOUND, request.param), buffer, receiver


def put(buffer, data):
    buffer[: len(data)] = data
    return len(data)


def test_a_packet_is_deciphered_where_it_lies(sides):
    sender, buffer, receiver = sides
    length = receiver.unprotect(put(buffer, sender.protect(PACKET)))
    assert buffer[:length] == PACKET


def test_so_is_a_report(sides):
    sender, buffer, receiver = sides
    length = receiver.unprotect_rtcp(put(buffer, sender.protect_rtcp(REPORT)))
    assert buffer[:length] == REPORT


def test_what_was_changed_on_the_way_is_refused(sides):
    sender, buffer, receiver = sides
    length = put(buffer, sender.protect(PACKET))
    buffer[14] ^= 1
    assert receiver.unprotect(length) == -1


def test_what_comes_twice_is_refused(sides):
    sender, buffer, receiver = sides
    protected = sender.protect(PACKET)
    receiver.unprotect(put(buffer, protected))
    assert receiver.unprotect(put(buffer, protected)) == -1


@given(st.binary(max_size=2048))
def test_whatever_strangers_send_is_refused(data):
    buffer = bytearray(2048)
    for profile in KEYS:
        receiver = InPlace(session(Policy.SSRC_ANY_INBOUND, profile), buffer)
        assert receiver.unprotect(put(buffer, data)) == -1
        assert receiver.unprotect_rtcp(put(buffer, data)) == -1
