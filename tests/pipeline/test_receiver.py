"""Packets in, what is to be decoded out. The listener's part is played by the test."""

import itertools

import pytest

from pipeline.gate import GateSettings
from pipeline.judge import FrameJudge
from pipeline.opus_stream import SOURCE_END
from pipeline.receiver import MAX_PENDING, RtpReceiver
from tests.pipeline.microphone import LEVEL_ID, PAYLOAD_TYPE, Listener, Microphone, silent, spoken
from tests.pipeline.test_hearing import Loudness

TICK_S = 0.02


@pytest.fixture(scope="module")
def speech():
    return spoken()


class Desk:
    """A receiver, and who is told what."""

    def __init__(self, *, gate=True, level_id=LEVEL_ID):
        self.listener, self.woken, self.sources, self.now = Listener(), 0, [], 100.0
        self.receiver = RtpReceiver(
            judge=FrameJudge(Loudness()), listener=self.listener, wake=self._wake, gate=GateSettings(enabled=gate)
        )
        self.receiver.negotiated(
            payload_types=[PAYLOAD_TYPE], level_id=level_id, on_source=lambda ssrc, stats: self.sources.append(ssrc)
        )

    def _wake(self, _):
        self.woken += 1

    def gets(self, packets):
        for packet in packets:
            self.now += TICK_S
            self.receiver.packet(packet, now=self.now)
        return self

    def waits(self, length_s):
        self.now += length_s
        self.receiver.poll(now=self.now)
        return self

    def takes(self):
        return self.receiver.take()


def test_speech_is_handed_on_packet_by_packet(speech):
    desk = Desk(gate=False).gets(Microphone(speech).says(50))

    frames = desk.takes()

    assert len(frames) == 50
    assert all(later.timestamp == earlier.end for earlier, later in itertools.pairwise(frames))
    assert desk.woken
    assert desk.takes() == []


def test_a_muted_microphone_is_never_decoded():
    desk = Desk().gets(Microphone(silent()).says(200))
    assert desk.takes() == []
    assert desk.receiver.tallies()["received"] == 200


def test_without_levels_everything_is_decoded():
    desk = Desk(level_id=0).gets(Microphone(silent(), level_id=0).says(100))
    assert len(desk.takes()) == 100


def test_when_speech_begins_what_was_said_just_before_is_decoded_too(speech):
    muted, talks = Microphone(silent()), Microphone(speech)
    desk = Desk().gets(muted.says(100))
    talks.stream._sequence, talks.stream._timestamp = muted.stream._sequence, muted.stream._timestamp

    frames = desk.gets(talks.says(100)).takes()

    assert len(frames) > 100


def test_a_lost_packet_is_marked_once_it_has_been_waited_for(speech):
    packets = Microphone(speech).says(10)
    desk = Desk(gate=False).gets(packets[:4] + packets[5:6])
    assert len(desk.takes()) == 4

    frames = desk.waits(0.2).takes()

    assert [frame.payload is None for frame in frames] == [True, False]


def test_another_kind_of_payload_is_left_alone(speech):
    desk = Desk(gate=False)
    desk.receiver.negotiated(payload_types=[96], level_id=0)
    assert desk.gets(Microphone(speech).says(3)).takes() == []
    assert desk.receiver.tallies()["other_payload"] == 3


def test_what_is_no_rtp_is_counted_and_survived(speech):
    desk = Desk(gate=False).gets([b"", b"\x80", b"\x80" * 12, *Microphone(speech).says(1)])
    assert len(desk.takes()) == 1
    assert desk.receiver.tallies()["malformed"] == 2  # the third is a packet of another kind


def test_a_new_source_ends_the_one_before(speech):
    desk = Desk(gate=False)
    desk.gets(Microphone(speech, ssrc=1).says(2)).gets(Microphone(speech, ssrc=2, sequence=7, timestamp=9).says(2))

    frames = desk.takes()

    assert [frame is SOURCE_END for frame in frames] == [False, False, True, False, False]
    assert desk.sources == [1, 2]


def test_statistics_are_those_of_the_present_source(speech):
    desk = Desk(gate=False).gets(Microphone(speech, ssrc=1).says(5)).gets(Microphone(speech, ssrc=2).says(3))
    assert desk.receiver.reception.packets_received == 3


def test_a_connection_that_ends_ends_its_source_once(speech):
    desk = Desk(gate=False).gets(Microphone(speech).says(2))
    for _ in range(2):
        desk.receiver.source_ended(now=desk.now)
    assert desk.takes().count(SOURCE_END) == 1


def test_packets_that_wait_for_one_that_is_missing_come_out_when_the_connection_ends(speech):
    packets = Microphone(speech).says(5)
    desk = Desk(gate=False).gets(packets[:1] + packets[2:])
    desk.receiver.source_ended(now=desk.now)
    assert len([frame for frame in desk.takes() if frame is not SOURCE_END]) == 5


def test_once_it_is_closed_nothing_comes_in(speech):
    desk = Desk(gate=False)
    desk.receiver.close(now=desk.now)
    assert desk.gets(Microphone(speech).says(3)).takes() == []


def test_what_no_worker_takes_is_given_up_oldest_first_and_told(speech):
    desk = Desk(gate=False).gets(Microphone(speech).says(MAX_PENDING + 30))

    frames = desk.takes()

    assert len(frames) == MAX_PENDING
    assert desk.listener.missed_s == pytest.approx(30 * TICK_S)


def test_the_end_of_a_source_is_never_given_up(speech):
    desk = Desk(gate=False).gets(Microphone(speech, ssrc=1).says(3))
    desk.gets(Microphone(speech, ssrc=2).says(MAX_PENDING + 30))
    assert desk.takes()[0] is SOURCE_END


def test_a_sender_whose_source_changes_with_each_packet_fills_no_memory():
    desk = Desk()
    for ssrc in range(1000):
        desk.gets(Microphone(silent(1), ssrc=ssrc).says(1))
    assert desk.takes() == [SOURCE_END]


def test_a_packet_that_may_lie_unread_is_waited_for(speech):
    packets = Microphone(speech).says(10)
    desk = Desk(gate=False).gets(packets[:4])
    desk.receiver.read_until = lambda: 0.0
    desk.gets(packets[5:6]).waits(5.0)
    assert len(desk.takes()) == 4

    desk.receiver.read_until = lambda: desk.now
    assert len(desk.waits(0.0).takes()) == 2


def test_it_notes_when_the_newest_packet_came_and_forgets_with_the_connection(speech):
    desk = Desk().gets(Microphone(speech).says(1))
    assert desk.receiver.heard_at == desk.now

    desk.receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=0)
    assert desk.receiver.heard_at is None
