"""Packets as aiortc writes them, and whatever else may come."""

from aiortc.rtp import RtcpByePacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSdesPacket, RtcpSenderInfo, RtcpSrPacket
from aiortc.rtp import RtcpSourceInfo as Source
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rtcp import Report, read

NTP = 0x1122334455667788


def report(ssrc, ntp=NTP):
    info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=7, packet_count=3, octet_count=300)
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info))


def told(ssrc):
    return bytes(RtcpSdesPacket(chunks=[Source(ssrc=ssrc, items=[(1, b"somebody")])]))


def other_report(ssrc):
    info = RtcpReceiverInfo(ssrc=1, fraction_lost=0, packets_lost=0, highest_sequence=9, jitter=0, lsr=0, dlsr=0)
    return bytes(RtcpRrPacket(ssrc=ssrc, reports=[info]))


def test_the_middle_of_a_senders_clock_is_read():
    assert read(report(5) + told(5)) == ([Report(5, 0x33445566)], [])


def test_a_goodbye_names_those_who_go():
    assert read(other_report(9) + bytes(RtcpByePacket(sources=[5, 6]))) == ([], [5, 6])


def test_only_so_many_bytes_of_a_buffer_are_the_packet():
    packet = report(5)
    assert read(bytearray(packet + report(6)), length=len(packet)) == ([Report(5, 0x33445566)], [])


def test_what_is_cut_off_is_left_out():
    for length in range(len(report(5))):
        assert read(report(5)[:length]) == ([], [])


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_without_an_objection(data):
    reports, gone = read(data)
    assert len(reports) + len(gone) <= len(data)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_every_report_of_a_compound_packet_is_read(ssrcs):
    assert [each.ssrc for each in read(b"".join(map(report, ssrcs)))[0]] == ssrcs
