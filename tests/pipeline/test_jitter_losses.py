"""Which losses are told: those in which half a second of speech may have been."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encoded import EncodedFrame, Lost
from pipeline.jitter import MISSED, RESTING, JitterRing
from pipeline.opus_packet import opus_duration
from tests.pipeline.network import FRAME, TOC, Receiver, packet

TOC_60_MS = 3 << 3
HALF_A_SECOND = 25  # packets of 20 ms


def told(missing, *, each=FRAME, toc=TOC):
    """What is told of a loss of so many packets, `each` so long after the one before; None: nothing."""
    receiver = Receiver()
    receiver.put(0, toc=toc)
    receiver.put(missing + 1, timestamp=opus_duration(bytes([toc])) + missing * each, toc=toc)
    receiver.play(". .")
    assert len(receiver.losses) < 2
    return receiver.losses[0] if receiver.losses else None


@pytest.mark.parametrize("missing", [HALF_A_SECOND, 100, 149, 150, 1000, 20_000])
def test_a_loss_of_half_a_second_or_more_is_told_with_its_length_and_place(missing):
    assert told(missing) == Lost(FRAME, missing * FRAME)


@pytest.mark.parametrize("missing", [1, 7, HALF_A_SECOND - 1])
def test_a_shorter_one_is_not(missing):
    assert told(missing) is None


def test_longer_packets_are_told_by_their_length_not_their_number():
    assert told(9, each=3 * FRAME, toc=TOC_60_MS) == Lost(3 * FRAME, 27 * FRAME)
    assert told(8, each=3 * FRAME, toc=TOC_60_MS) is None


@pytest.mark.parametrize("missing", [1, 50, 140, 500])
@pytest.mark.parametrize("each", [20 * FRAME, RESTING], ids=["400 ms", "420 ms"])
def test_what_a_sender_sends_at_rest_is_nothing_to_tell_of(missing, each):
    assert told(min(missing, 150), each=each) is None
    assert told(missing, each=RESTING) is None


def test_time_in_which_nothing_was_sent_is_no_loss():
    receiver = Receiver()
    receiver.put(0)
    receiver.put(1, timestamp=3000 * FRAME)
    assert receiver.losses == []


def test_two_losses_are_told_apart_and_each_before_what_came_after_it():
    ring, frames = JitterRing(), []
    for number in (0, 100, 101, 400):
        frames += ring.put(packet(number), now=number * 0.02)
    frames += ring.flush(now=10.0)
    kept = [frame for frame in frames if isinstance(frame, Lost) or frame.payload is not None]
    assert kept[1::3] == [Lost(FRAME, 99 * FRAME), Lost(102 * FRAME, 298 * FRAME)]
    assert [type(frame) for frame in kept] == [EncodedFrame, Lost, EncodedFrame, EncodedFrame, Lost, EncodedFrame]


def test_many_short_losses_are_no_long_one():
    receiver = Receiver()
    receiver.play(" ".join(str(number) for number in range(0, 1000, 20)))
    assert receiver.ring.lost
    assert receiver.losses == []


def test_a_sender_that_began_anew_has_lost_nothing():
    receiver = Receiver()
    receiver.play("10000 10001 3 4 5")
    assert receiver.ring.jumps == 1
    assert receiver.losses == []


# Laws, for senders with DTX

turns = st.lists(st.tuples(st.sampled_from(["speaks", "rests"]), st.integers(1, 60)), min_size=1, max_size=6).map(
    lambda turns: [step for what, times in turns for step in [FRAME if what == "speaks" else RESTING] * times]
)


@given(st.lists(st.sampled_from([FRAME, RESTING]), min_size=1, max_size=5), turns)
def test_half_a_second_of_lost_speech_is_always_told_and_lost_silence_never(before, missing):
    """Each step is the time from one packet to the next."""
    receiver, at = Receiver(), 0
    for number, step in enumerate(before):
        receiver.put(number, timestamp=at)
        at += step
    receiver.put(len(before) + len(missing), timestamp=at + sum(missing))
    receiver.wait(1.0).keep(receiver.ring.release(now=receiver.now))
    spoken = missing.count(FRAME) * FRAME
    if spoken >= MISSED + FRAME:  # a rest before the first of the missing counts as silence, though it was none of them
        (loss,) = receiver.losses
        assert spoken - FRAME <= loss.duration <= spoken
    elif spoken < MISSED:
        assert receiver.losses == []
