"""Packets are what they should be, and go when they should."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rtp import UNKNOWN_LEVEL, is_rtp, parse
from soak.bench.rtp_stream import (
    TICK_S,
    BadAnswer,
    Losses,
    Negotiated,
    Stream,
    Timetable,
    tails,
    talks,
    with_fec,
)
from soak.bench.voices import Voice

VOICE = Voice((b"one", b"four", b"seven"), bytes((20, 0x80 | 30, 127)))
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
OPUS = "a=rtpmap:96 opus/48000/2\r\n"
LEVEL = "a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"


def stream(level_id=2, **details):
    return Stream(tails(VOICE, level_id), Negotiated(96, level_id), ssrc=7, **details)


@given(
    ssrc=st.integers(0, 2**32 - 1),
    sequence=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    payload_type=st.integers(96, 127),
    level_id=st.integers(1, 14),
    level=st.integers(0, 255),
    payload=st.binary(min_size=1, max_size=200),
)
def test_a_packet_is_read_as_it_was_meant(ssrc, sequence, timestamp, payload_type, level_id, level, payload):
    ready = tails(Voice((payload,), bytes((level,))), level_id)
    made = Stream(ready, Negotiated(payload_type, level_id), ssrc=ssrc, sequence=sequence, timestamp=timestamp)

    data = made.packet()

    packet = parse(data, level_id=level_id)
    assert is_rtp(data)
    assert (packet.ssrc, packet.sequence, packet.timestamp) == (ssrc, sequence, timestamp)
    assert (packet.payload_type, packet.payload) == (payload_type, payload)
    assert (packet.level, packet.voice) == (level & 0x7F, level > 127)


def test_the_next_packet_is_20_ms_later_and_counters_begin_anew_at_their_end():
    speaker = stream(sequence=65_535, timestamp=2**32 - 960)
    first, second = parse(speaker.packet()), parse(speaker.packet())
    assert (first.sequence, first.timestamp) == (65_535, 2**32 - 960)
    assert (second.sequence, second.timestamp) == (0, 0)


def test_a_voice_begins_again_at_its_end():
    speaker = stream(at=2)
    assert [parse(speaker.packet()).payload for _ in range(4)] == [b"seven", b"one", b"four", b"seven"]


def test_a_speaker_can_go_on_with_another_voice():
    speaker = stream(sequence=5)
    first = parse(speaker.packet())
    speaker.turn(tails(Voice((b"do", b"re", b"mi"), bytes(3)), 2), at=4)
    second = parse(speaker.packet())
    assert second.payload == b"re"
    assert (second.sequence - first.sequence, second.timestamp - first.timestamp) == (1, 960)


def test_in_a_rest_time_goes_on_but_the_sequence_does_not():
    speaker = stream(sequence=5, timestamp=2**32 - 960)
    speaker.rest(3)
    packet = parse(speaker.packet())
    assert (packet.sequence, packet.timestamp) == (5, 2 * 960)


def test_only_the_first_packet_after_a_rest_is_marked():
    speaker = stream()
    before = parse(speaker.packet())
    speaker.mark()
    assert [packet.marker for packet in (before, parse(speaker.packet()), parse(speaker.packet()))] == [0, 1, 0]


def test_who_did_not_ask_for_levels_is_not_told_them():
    packet = parse(stream(level_id=0).packet(), level_id=2)
    assert packet.level == UNKNOWN_LEVEL
    assert packet.payload == b"one"


@pytest.mark.parametrize(
    ("answer", "agreed"),
    [
        (AUDIO + OPUS + LEVEL, Negotiated(96, 2)),
        (AUDIO + OPUS, Negotiated(96, 0)),
        (AUDIO + OPUS + LEVEL.replace(":2 ", ":14/recvonly "), Negotiated(96, 14)),
        (AUDIO + OPUS + LEVEL.replace(":2 ", ":15 "), Negotiated(96, 0)),
        (AUDIO + OPUS.replace("96", "111") + LEVEL, Negotiated(111, 2)),
    ],
)
def test_an_answer_says_how_packets_are_to_be(answer, agreed):
    assert Negotiated.read(answer) == agreed


def test_an_answer_without_opus_is_refused():
    with pytest.raises(BadAnswer):
        Negotiated.read(AUDIO + "a=rtpmap:0 PCMU/8000\r\n")


def test_an_offer_says_that_packets_may_carry_the_one_before():
    offer = with_fec(AUDIO + OPUS + "a=rtpmap:0 PCMU/8000\r\n")
    assert offer == AUDIO + OPUS + "a=fmtp:96 minptime=10;useinbandfec=1\r\n" + "a=rtpmap:0 PCMU/8000\r\n"


@given(of=st.integers(1, 400), data=st.data())
def test_as_many_talk_as_were_asked_for_and_they_are_spread_evenly(of, data):
    talking = data.draw(st.integers(0, of))
    who = [number for number in range(of) if talks(number, of=of, talking=talking)]
    assert len(who) == talking
    if talking > 1:
        steps = [later - earlier for earlier, later in pairwise(who)]
        assert max(steps) - min(steps) <= 1


def lost(share, seed, count=10_000):
    losses = Losses(share, random.Random(seed).random)
    return [losses() for _ in range(count)]


def test_the_same_seed_loses_the_same_packets_and_another_one_others():
    assert lost(0.05, 1) == lost(0.05, 1)
    assert lost(0.05, 1) != lost(0.05, 2)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_as_much_is_lost_as_was_asked_for(share):
    assert sum(lost(share, 3)) / 10_000 == pytest.approx(share, rel=0.2)


def test_every_stream_has_its_turn_within_20_ms():
    timetable = Timetable(4, begin=100.0)
    went = []
    for step in range(41):
        now = 100.0 + step * 0.001 + 1e-6
        for _ in range(timetable.due(now)):
            went.append((timetable.sent % 4, step))
            timetable.sending(now)
    assert went == [(0, 0), (1, 5), (2, 10), (3, 15), (0, 20), (1, 25), (2, 30), (3, 35), (0, 40)]


def test_who_was_held_up_catches_up_and_it_shows_how_late_that_was():
    timetable = Timetable(1, begin=0.0)
    assert timetable.due(1.001) == 51
    for _ in range(timetable.due(1.001)):
        timetable.sending(1.001)
    assert timetable.due(1.001) == 0
    assert timetable.late_ms(50) == pytest.approx(500, abs=21)
    assert timetable.late_ms(100) == pytest.approx(1000, abs=1)
    assert timetable.later_than(TICK_S) == 50


def test_who_is_in_time_is_not_late():
    timetable = Timetable(2, begin=0.0)
    for number in range(100):
        timetable.sending(number * 0.01)
    assert timetable.late_ms(99) <= 0.1
    assert timetable.later_than(TICK_S) == 0


def test_before_the_next_packet_there_is_time_to_wait():
    timetable = Timetable(2, begin=5.0)
    timetable.sending(5.0)
    assert timetable.wait_s(5.004) == pytest.approx(0.006)
    assert timetable.wait_s(5.2) == 0.0
