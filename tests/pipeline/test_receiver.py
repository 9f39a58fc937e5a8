"""Packets in, what is to be decoded out. The listener's part is played by the test."""

import itertools

import pytest

from pipeline.encoded import Lost
from pipeline.gate import MAX_PRE_ROLL, GateSettings
from pipeline.judge import FrameJudge
from pipeline.opus_stream import SOURCE_END
from pipeline.receiver import MAX_PENDING, SWITCH_S, RtpReceiver
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


def test_it_has_room_as_long_as_nothing_has_to_be_given_up(speech):
    microphone = Microphone(speech)
    desk = Desk(gate=False)
    while desk.receiver.has_room():
        desk.gets(microphone.says(3))
    assert desk.receiver.waiting >= MAX_PENDING // 3

    desk.gets(microphone.says(MAX_PRE_ROLL))  # the gate may have kept as many
    microphone.says(1000)
    desk.gets(microphone.says(2))  # a long gap is filled
    assert desk.receiver.counts["dropped"] == 0

    desk.takes()
    assert desk.receiver.has_room()


def test_what_waits_for_a_missing_packet_takes_room_too(speech):
    microphone = Microphone(speech)
    desk = Desk(gate=False).gets(microphone.says(1))
    microphone.says(1)
    for packet in microphone.says(MAX_PENDING - 1):  # read at once: time does not go on
        desk.receiver.packet(packet, now=desk.now)
        if not desk.receiver.has_room():
            break
    assert not desk.receiver.has_room()

    desk.waits(1.0)  # the missing one is given up
    desk.takes()
    assert desk.receiver.has_room()


def test_one_that_is_closed_stands_in_nobodys_way(speech):
    desk = Desk(gate=False).gets(Microphone(speech).says(MAX_PENDING))
    assert not desk.receiver.has_room()
    desk.receiver.close(now=desk.now)
    assert desk.receiver.has_room()


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


# Losses of which readers are told


def losses(desk):
    """In seconds."""
    return [pytest.approx(item.duration / 48_000) for item in desk.takes() if isinstance(item, Lost)]


def test_an_utterance_that_lies_wholly_in_what_was_lost_is_told(speech):
    microphone = Microphone(speech)
    desk = Desk().gets(microphone.says(10)).gets(microphone.turns(silent()).says(100))
    assert not desk.receiver.gate.open
    microphone.says(1000)
    assert losses(desk.gets(microphone.says(1))) == [20.0]


def test_of_somebody_who_was_muted_before_and_after_nothing_was_lost():
    microphone = Microphone(silent())
    desk = Desk().gets(microphone.says(100))
    microphone.says(1000)
    assert losses(desk.gets(microphone.says(100))) == []


def test_who_was_muted_before_and_is_heard_after_may_have_spoken_meanwhile(speech):
    microphone = Microphone(silent())
    desk = Desk().gets(microphone.says(100))
    microphone.says(1000)
    assert losses(desk.gets(microphone.turns(speech).says(1))) == [20.0]


def test_a_loss_is_told_between_what_came_before_and_after_it(speech):
    microphone = Microphone(speech)
    desk = Desk(gate=False).gets(microphone.says(3))
    microphone.says(200)
    items = desk.gets(microphone.says(2)).takes()
    kinds = ["lost" if isinstance(item, Lost) else item.payload is not None for item in items]
    assert kinds == [True] * 3 + ["lost"] + [False] * 50 + [True] * 2


def test_word_of_a_loss_is_never_given_up(speech):
    microphone = Microphone(speech)
    desk = Desk(gate=False).gets(microphone.says(1))
    for _ in range(2):
        microphone.says(200)
        desk.gets(microphone.says(2))
    desk.gets(microphone.says(2 * MAX_PENDING))
    assert losses(desk) == [8.0]
    assert desk.receiver.counts["dropped"] * TICK_S == pytest.approx(desk.listener.missed_s)


# Another connection


def reconnected(desk, microphone, *, after_s):
    """The connection is gone; so long after its end, another one brings the first packets of `microphone`."""
    desk.receiver.source_ended(now=desk.now)
    desk.now += after_s - TICK_S
    desk.receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=LEVEL_ID)
    return desk.gets(microphone.says(3))


def test_what_was_said_while_there_was_no_connection_is_told_once_there_is_another(speech):
    desk = Desk().gets(Microphone(speech).says(50))
    assert losses(reconnected(desk, Microphone(speech, ssrc=2), after_s=13.0)) == [13.0]


def test_what_a_change_of_connection_takes_is_not(speech):
    desk = Desk().gets(Microphone(speech).says(50))
    assert losses(reconnected(desk, Microphone(speech, ssrc=2), after_s=SWITCH_S - 0.1)) == []


def test_the_time_counts_from_the_last_packet_not_from_when_its_end_was_noticed(speech):
    desk = Desk().gets(Microphone(speech).says(50)).waits(10.0)
    assert losses(reconnected(desk, Microphone(speech, ssrc=2), after_s=1.0)) == [11.0]


def test_a_speaker_who_is_new_has_missed_nothing(speech):
    assert losses(reconnected(Desk(), Microphone(speech), after_s=60.0)) == []


def test_nor_has_one_who_was_muted_before_and_after():
    desk = Desk().gets(Microphone(silent()).says(50))
    assert losses(reconnected(desk, Microphone(silent(), ssrc=2), after_s=13.0)) == []


def test_one_who_was_muted_before_and_speaks_now_may_have_spoken_meanwhile(speech):
    desk = Desk().gets(Microphone(silent()).says(50))
    assert losses(reconnected(desk, Microphone(speech, ssrc=2), after_s=13.0)) == [13.0]


def test_attempts_that_fail_do_not_matter(speech):
    desk = Desk().gets(Microphone(speech).says(50))
    for _ in range(3):
        desk.receiver.source_ended(now=desk.now)
    assert losses(reconnected(desk, Microphone(speech, ssrc=2), after_s=13.0)) == [13.0]


def test_who_sends_nothing_over_a_connection_that_is_up_has_stopped_and_lost_nothing(speech):
    desk = Desk().gets(Microphone(speech).says(50))
    desk.receiver.source_ended(now=desk.now)
    desk.receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=LEVEL_ID)
    assert losses(reconnected(desk.waits(10.0), Microphone(speech, ssrc=2), after_s=13.0)) == []


def test_a_break_is_told_once(speech):
    desk = reconnected(Desk().gets(Microphone(speech).says(50)), Microphone(speech, ssrc=2), after_s=13.0)
    assert len(losses(desk)) == 1
    assert losses(reconnected(desk, Microphone(speech, ssrc=3), after_s=1.0)) == []
