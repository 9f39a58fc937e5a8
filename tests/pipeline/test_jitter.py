"""Input and result are drawn: see tests/pipeline/network.py. The hold-back is less than two slots at the start."""

from __future__ import annotations

import pytest

from pipeline.encoded import EncodedFrame
from pipeline.jitter import CAPACITY, MAX_LOST, JitterRing
from pipeline.rtp import UNKNOWN_LEVEL
from tests.pipeline.network import FRAME, SLOT_S, TOC, Receiver, drawn, packet, receive

TOC_60_MS = 3 << 3
WRAPS = {"first_sequence": 65_534, "first_timestamp": 2**32 - 2 * FRAME}


@pytest.mark.parametrize("first", [{}, WRAPS], ids=["in the middle", "where sequence and timestamp wrap"])
@pytest.mark.parametrize(
    ("came", "left"),
    [
        ("0 1 2 3", "0 1 2 3"),
        ("0 1 3 2 4 5", "0 1 - 2+3 4 5"),
        ("0 1 4 3+2 5", "0 1 - 2+3+4 5"),
        ("0 1 3 4 5 6", "0 1 - - x+3+4+5 6"),
        ("0 1 3 . .", "0 1 - - x+3"),
        ("0 1 5 . . 6", "0 1 - - x+x+x+5 6"),
        ("0 2 4 . .", "0 - - x+2 x+4"),
        ("0 2+4 . . 5", "0 - - x+2+x+4 5"),
        ("0 2 3 1 4", "0 - - 1+2+3 4"),
        ("0 2+4 1 . 5 6", "0 - 1+2 x+4 5 6"),
        ("0 2 3 4 1 5", "0 - - x+2+3+4 - 5"),
        ("0 1 1 2 2 3", "0 1 - 2 - 3"),
        ("0 2 2 1 3", "0 - - 1+2 3"),
        ("0 2 . . 1 3", "0 - - x+2 - 3"),
        ("1 0 2", "1 - 2"),
        (". . 0 . . 1", "- - 0 - - 1"),
    ],
    ids=[
        "what is in order leaves at once",
        "two that changed places are put in order",
        "so are three",
        "a gap is waited for, but no longer than the hold-back",
        "nor does it take another packet to end the wait",
        "each missing packet is marked",
        "a second gap is waited for from when it was noticed",
        "two gaps that were noticed together are given up together",
        "the packet that was waited for lets go what waited for it",
        "a gap behind the one that was filled is waited for on its own",
        "who comes after the hold-back comes too late, even if nobody looked meanwhile",
        "a duplicate is dropped",
        "a duplicate of what is held too",
        "who comes after it was given up is dropped",
        "so is who was overtaken by the first",
        "without packets there is nothing to release",
    ],
)
def test_packets_that_come_leave_as_frames_in_order(first, came, left):
    assert receive(came, **first)[1] == left


def test_a_frame_tells_what_the_packet_told():
    ring = JitterRing()
    sent = packet(7, timestamp=123_456)
    assert list(ring.put(sent, now=5.0)) == [EncodedFrame(sent.payload, 123_456, FRAME, sent.level, sent.voice, 5.0)]


def test_a_frame_that_waited_came_when_its_packet_came_and_a_lost_one_when_it_was_given_up():
    receiver, _ = receive("0 2 . .")
    lost, waited = receiver.frames[1:]
    assert lost == EncodedFrame(None, FRAME, FRAME, UNKNOWN_LEVEL, False, 4 * SLOT_S)
    assert (waited.timestamp, waited.arrived_at) == (2 * FRAME, 2 * SLOT_S)


def test_it_waits_only_while_there_is_a_gap():
    receiver = Receiver()
    assert not receiver.ring.waiting
    receiver.play("0 1")
    assert not receiver.ring.waiting
    receiver.play("3")
    assert receiver.ring.waiting
    receiver.play("2")
    assert not receiver.ring.waiting


def test_at_the_end_of_the_source_everything_that_is_held_leaves():
    receiver, _ = receive("0 2+4")
    assert drawn(receiver.ring.flush(now=receiver.now)) == "x+2+x+4"
    assert drawn(receiver.ring.flush(now=receiver.now)) == "-"
    assert receiver.play("5") == "5", "it may go on after all"


def test_another_source_has_its_own_numbers_and_its_own_time():
    receiver, _ = receive("0 1 3")
    receiver.ring.restart()
    assert not receiver.ring.waiting
    first, *_ = receiver.put(-9000, timestamp=-77_777)
    assert first.timestamp == 2**32 - 77_777
    assert receiver.ring.received == 4, "counters go on"


def test_another_source_has_lost_nothing_yet():
    receiver, _ = receive("0 2 . .")
    receiver.ring.restart()
    receiver.play("0 1 2 1")
    assert (receiver.ring.late, receiver.ring.duplicates) == (0, 1)


# Loss, in media time


@pytest.mark.parametrize("missing", [1, 2, 7, MAX_LOST])
def test_lost_frames_fill_the_gap_in_media_time(missing):
    receiver, _ = receive(f"0 {missing + 1} . .")
    assert receiver.media == "#" + "x" * missing + "#"


def test_beyond_a_second_media_time_jumps_to_the_last_of_the_lost():
    receiver, _ = receive(f"0 {MAX_LOST + 4} . .")
    assert receiver.media == "#" + " " * 3 + "x" * MAX_LOST + "#"
    assert receiver.ring.lost == MAX_LOST + 3


def test_a_jump_of_the_timestamp_without_a_gap_in_the_sequence_is_dtx():
    receiver, _ = receive("0")
    assert drawn(receiver.put(1, timestamp=20 * FRAME)) == "1"
    assert receiver.media == "#" + " " * 19 + "#"
    assert receiver.ring.lost == 0


def test_what_was_lost_about_dtx_is_as_long_as_its_neighbours_and_just_before_the_next():
    receiver, _ = receive("0")
    receiver.put(3, timestamp=20 * FRAME)
    receiver.play(". .")
    assert receiver.media == "#" + " " * 17 + "xx#"


@pytest.mark.parametrize(
    ("before", "step", "after", "missing", "each"),
    [
        (TOC_60_MS, 6, TOC_60_MS, 1, 3),
        (TOC_60_MS, 5, TOC, 1, 2),
        (TOC_60_MS, 9, TOC, 2, 3),
        (TOC, 7, TOC_60_MS, 2, 3),
        (TOC, 3, TOC, 1, 1),
    ],
    ids=["60 ms", "60, 40, 20 ms", "60, 60, 60, 20 ms", "20, 60, 60, 60 ms", "20, DTX, 20, 20 ms"],
)
def test_lost_frames_share_the_time_between_their_neighbours(before, step, after, missing, each):
    receiver = Receiver()
    receiver.put(0, toc=before)
    receiver.put(missing + 1, timestamp=step * FRAME, toc=after)
    receiver.play(". .")
    _, *lost, last = receiver.frames
    assert [frame.duration for frame in lost] == [each * FRAME] * missing
    assert lost[-1].end == last.timestamp == step * FRAME


def test_what_is_lost_is_as_long_as_a_decoder_can_make_it():
    receiver, _ = receive("0")
    receiver.put(2, timestamp=2 * FRAME - 50)
    receiver.play(". .")
    _, lost, after = receiver.frames
    assert (lost.duration, lost.end) == (FRAME - 120, after.timestamp)


def test_where_there_is_no_time_for_lost_frames_there_are_none():
    receiver, _ = receive("0")
    receiver.put(2, timestamp=FRAME)
    assert receiver.play(". .") == "- 2"
    assert receiver.ring.lost == 1


# Nonsense


@pytest.mark.parametrize("payload", [b"", bytes([TOC | 3]), bytes([TOC | 3, 63]) + b"audio"])
def test_a_packet_without_audio_is_silence_and_no_loss(payload):
    receiver, _ = receive("0 1")
    assert list(receiver.put(2, payload=payload)) == []
    assert receiver.play("3") == "3"
    assert receiver.media == "## #"
    assert (receiver.ring.malformed, receiver.ring.lost) == (1, 0)


def test_a_packet_without_audio_fills_a_gap_too():
    receiver, _ = receive("0 2")
    assert drawn(receiver.put(1, payload=b"")) == "2"


def test_a_loss_beside_a_packet_without_audio_is_marked_before_the_next_frame():
    receiver, _ = receive("0")
    receiver.put(2, payload=b"")
    assert receiver.play(". . 3") == "- - x+3"
    assert receiver.media == "# x#"


def test_a_source_may_begin_with_a_packet_without_audio():
    receiver = Receiver()
    receiver.put(0, payload=b"", timestamp=999_999)
    assert receiver.play("1 2") == "1 2"
    assert receiver.media == "##"


def test_a_timestamp_that_goes_back_is_not_believed():
    receiver, _ = receive("0 1 2")
    assert list(receiver.put(3, timestamp=FRAME)) == []
    assert receiver.play("4 5") == "4 5"
    assert receiver.media == "### ##"
    assert (receiver.ring.malformed, receiver.ring.lost) == (1, 0)


def test_it_is_believed_when_the_next_packet_says_the_same_and_media_time_goes_on():
    receiver, _ = receive("0 1 2")
    back = -1_000_000
    assert [drawn(receiver.put(each, timestamp=back + each * FRAME)) for each in (3, 4, 5)] == ["-", "4", "5"]
    assert receiver.media == "#####"


def test_it_is_believed_even_when_the_packet_between_was_lost():
    receiver, _ = receive("0 1 2")
    back = -1_000_000
    for each in (3, 5, 6):
        receiver.put(each, timestamp=back + each * FRAME)
    assert receiver.play(". . 8") == "- 5+6 -"


def test_two_that_do_not_follow_each_other_are_two_mistakes():
    receiver, _ = receive("0 1 2")
    receiver.put(3, timestamp=FRAME)
    receiver.play("4")
    assert list(receiver.put(5, timestamp=FRAME)) == []
    assert receiver.play("6") == "6"
    assert receiver.media == "### # #"


def test_a_frame_that_overlaps_the_one_before_begins_at_its_end():
    receiver, _ = receive("0 1")
    receiver.put(2, timestamp=FRAME + FRAME // 2)
    assert receiver.media == "###"
    assert receiver.play("4 . .") == "- - x+4", "and time goes by the timestamps again"
    assert receiver.frames[-1].timestamp == 4 * FRAME


# Jumps


def test_after_a_jump_ahead_what_is_held_leaves_and_the_stream_goes_on_there():
    ahead = CAPACITY + 10
    receiver, left = receive(f"0 2 {ahead} {ahead + 1}")
    assert left == f"0 - x+2+{'x+' * MAX_LOST}{ahead} {ahead + 1}"
    assert receiver.media == "#x#" + " " * (ahead - 3 - MAX_LOST) + "x" * MAX_LOST + "##"
    assert (receiver.ring.jumps, receiver.ring.lost) == (1, 1)


def test_a_gap_that_the_ring_can_hold_is_no_jump():
    receiver, left = receive(f"0 {CAPACITY} 1")
    assert left == "0 - 1"
    assert receiver.ring.jumps == 0
    assert receiver.ring.waiting


def test_a_gap_of_one_packet_more_is():
    receiver, left = receive(f"0 {CAPACITY + 1}")
    assert left == f"0 {'x+' * MAX_LOST}{CAPACITY + 1}", "and of what is missing, as much is marked as ever is"
    assert receiver.ring.jumps == 1


def test_what_was_lost_before_a_jump_and_what_it_skipped_are_marked_together():
    receiver, _ = receive("0")
    receiver.put(2, payload=b"")
    assert receiver.play("900") == "x+" * MAX_LOST + "900"


def test_who_was_left_behind_by_a_jump_is_late():
    receiver, _ = receive("0 300 299 0")
    assert (receiver.ring.late, receiver.ring.duplicates) == (2, 0)


def test_a_single_packet_from_far_behind_is_late():
    receiver, left = receive("1000 1001 3 1002 4 1003")
    assert left == "1000 1001 - 1002 - 1003"
    assert (receiver.ring.late, receiver.ring.jumps) == (2, 0)


def test_two_in_a_row_from_as_far_behind_as_the_ring_remembers_are_duplicates():
    receiver = receive(" ".join(map(str, range(CAPACITY + 1))))[0]
    assert receiver.play("1 2") == "- -"
    assert (receiver.ring.duplicates, receiver.ring.jumps) == (2, 0)
    assert receiver.play("0 1") == "- -", "this was 151 behind, and then 150"
    assert (receiver.ring.late, receiver.ring.duplicates) == (1, 3)


def test_two_in_a_row_from_far_behind_are_a_sender_that_began_anew():
    receiver, left = receive("1000 1001 1003 3 4 5")
    assert left == "1000 1001 - - x+1003+4 5"
    assert receiver.media == "##x###", "media time goes on where it was, whatever the new clock says"
    assert (receiver.ring.late, receiver.ring.jumps) == (1, 1)


def test_nor_does_the_new_clock_make_media_time_leap():
    receiver, _ = receive("1000 1001")
    for each in (3, 4, 5):
        receiver.put(each, timestamp=1_000_000_000 + each * FRAME)
    assert receiver.media == "####"


def test_after_a_jump_a_clock_that_goes_back_is_believed_at_once():
    receiver, _ = receive("0 1")
    assert drawn(receiver.put(5000, timestamp=-5_000_000)) == "5000"
    assert receiver.media == "###"


# Counters


def test_everything_that_happens_is_counted():
    ring = receive("0 2 1 3 3 5 . . 4 4 7 6 900")[0].ring
    assert ring.received == 11
    assert (ring.lost, ring.late, ring.duplicates, ring.reordered, ring.jumps) == (1, 1, 2, 2, 1)


def test_a_packet_that_was_given_up_and_comes_twice_is_late_once():
    ring = receive("0 2 . . 1 1")[0].ring
    assert (ring.lost, ring.late, ring.duplicates) == (1, 1, 1)


def test_it_remembers_no_more_of_what_it_gave_up_than_it_could_recognise():
    ring = receive(" ".join(map(str, range(0, 10 * CAPACITY, 40))))[0].ring
    ring.flush(now=1000.0)
    assert ring.lost > CAPACITY
    assert len(ring._given_up) == CAPACITY
