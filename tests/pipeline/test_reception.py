from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import pytest
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RtcpReceiverInfo
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reception import CLOCK_RATE, MAX_DROPOUT, MAX_LOST, MAX_MISORDER, Reception

FRAME = 960  # samples: 20 ms
FRAME_S = FRAME / CLOCK_RATE


def received(numbers, *, first_sequence=0, first_timestamp=0, late_s=None):
    """Packets by their numbers, one each 20 ms; `late_s`: number → how much later it comes."""
    reception = Reception()
    play(reception, numbers, first_sequence=first_sequence, first_timestamp=first_timestamp, late_s=late_s)
    return reception


def play(reception, numbers, *, first_sequence=0, first_timestamp=0, late_s=None):
    for number in numbers:
        reception.add(
            (first_sequence + number) % 2**16,
            (first_timestamp + number * FRAME) % 2**32,
            1000.0 + number * FRAME_S + (late_s or {}).get(number, 0.0),
        )


def report(reception):
    return reception.packets_received, reception.packets_lost, reception.fraction_lost


# Loss


def test_without_loss_nothing_is_lost():
    assert report(received(range(100))) == (100, 0, 0)


def test_what_is_missing_between_the_first_and_the_highest_is_lost():
    assert report(received([0, 1, 2, 5, 6, 7, 8, 9])) == (8, 2, 2 * 256 // 10)


def test_what_comes_out_of_order_is_not_lost():
    assert report(received([0, 2, 1, 3])) == (4, 0, 0)


def test_duplicates_make_the_loss_less_even_negative():
    assert report(received([0, 1, 1, 1, 3])) == (5, -1, 0)


def test_the_fraction_is_that_of_the_time_since_the_last_report():
    reception = received([0, 1, 2, 4])
    assert reception.fraction_lost == 256 // 5
    assert reception.fraction_lost == 0
    play(reception, [5, 8])
    assert reception.fraction_lost == 2 * 256 // 4
    assert reception.packets_lost == 3


def test_before_the_first_packet_there_is_nothing_to_report():
    assert report(Reception()) == (0, 0, 0)
    assert (Reception().max_seq, Reception().jitter) == (0, 0)


def test_the_loss_stays_within_the_24_bits_of_the_report():
    reception = received([0])
    for at in range(1, MAX_LOST // 2900 + 3):
        reception.add(at * 2900 % 2**16, 0, 0.0)
    assert reception.packets_lost == MAX_LOST
    duplicated = received([0, *[1] * 10])
    duplicated.packets_received += 2**24
    assert duplicated.packets_lost == -MAX_LOST - 1


# The highest sequence number


def test_the_highest_sequence_number_counts_its_cycles():
    assert received(range(10)).max_seq == 9
    assert received(range(10), first_sequence=65_530).max_seq == 2**16 + 3


def test_who_comes_late_over_a_wrap_belongs_to_the_cycle_before():
    assert received([0, 1, 3, 2, 4], first_sequence=65_533).max_seq == 2**16 + 1
    assert received([0, 1, 3, 2], first_sequence=65_533).packets_lost == 0


def test_a_report_can_be_packed_after_any_number_of_cycles():
    reception = received([0], first_sequence=65_535)
    reception._highest += 2**32
    info = RtcpReceiverInfo(
        ssrc=1,
        fraction_lost=reception.fraction_lost,
        packets_lost=reception.packets_lost,
        highest_sequence=reception.max_seq,
        jitter=reception.jitter,
        lsr=0,
        dlsr=0,
    )
    assert RtcpReceiverInfo.parse(bytes(info)).highest_sequence == 65_535


# A sender that begins anew


@pytest.mark.parametrize("elsewhere", [2 + MAX_DROPOUT, 40_000, 2**16 + 2 - MAX_MISORDER])
def test_a_single_packet_from_elsewhere_is_not_counted(elsewhere):
    assert report(received([0, 1, 2, elsewhere, 3, 4])) == (5, 0, 0)


@pytest.mark.parametrize("elsewhere", [2 + MAX_DROPOUT, 40_000, 2**16 - 2 * MAX_MISORDER])
def test_the_second_in_a_row_begins_a_new_account(elsewhere):
    reception = received([0, 2, elsewhere, elsewhere + 1, elsewhere + 2, elsewhere + 4])
    assert report(reception) == (3, 1, 256 // 4)
    assert reception.max_seq == elsewhere + 4


def test_after_it_began_anew_a_single_packet_from_elsewhere_is_not_counted_either():
    anew = 40_000
    reception = received([0, anew, anew + 1, anew + 2901, anew + 5801, anew + 1])
    assert reception.packets_received == 3


def test_a_long_gap_is_still_a_loss():
    assert received([0, MAX_DROPOUT - 1]).packets_lost == MAX_DROPOUT - 2


def test_who_was_overtaken_by_many_is_only_out_of_order():
    assert received([0, *range(2, MAX_MISORDER + 1), 1]).packets_lost == 0


# Jitter


def test_packets_that_take_equally_long_have_no_jitter():
    assert received(range(200)).jitter == 0


def test_jitter_follows_the_change_in_transit_by_a_sixteenth():
    late = dict.fromkeys(range(1, 1000, 2), 0.01)
    assert received(range(2), late_s=late).jitter == 480 // 16
    assert received(range(1000), late_s=late).jitter == pytest.approx(480, abs=1)


def test_the_wrap_of_the_timestamp_is_no_jitter():
    assert received(range(200), first_timestamp=2**32 - 100 * FRAME).jitter == 0


def test_a_pause_of_dtx_is_no_jitter():
    assert received([0, 1, 2]).jitter == 0
    reception = received([0, 1, 2])
    reception.add(3, 100 * FRAME, 1000.0 + 100 * FRAME_S)
    assert reception.jitter == 0


def test_a_pause_of_days_is_no_jitter():
    reception, days = received([0, 1, 2]), 5 * 24 * 3600
    reception.add(3, (2 * FRAME + days * CLOCK_RATE) % 2**32, 1000.0 + 2 * FRAME_S + days)
    assert reception.jitter == 0


def test_a_packet_out_of_order_counts_for_jitter_as_it_came():
    """RFC 3550 §6.4.1: in order of arrival, not necessarily in sequence."""
    assert received([0, 2, 1], late_s={1: 0.03}).jitter == 3 * FRAME // 2 // 16


# What the report task of aiortc reads


NAMES = ("packets_received", "packets_lost", "fraction_lost", "jitter", "packets_expected")
journeys = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 1, 2, 5, 100]), st.integers(0, 5 * FRAME), st.floats(0.0, 0.05), st.booleans()),
    min_size=1,
    max_size=80,
)


@given(journeys, st.sampled_from([0, 65_500]))
def test_it_tells_what_aiortc_tells_of_packets_in_order(journey, sequence):
    """In order and without a wrap of the timestamp: there aiortc follows the RFC."""
    ours, theirs, timestamp = Reception(), StreamStatistics(CLOCK_RATE), 0
    for ahead, pause, delay, asked in journey:
        sequence, timestamp = sequence + ahead, timestamp + ahead * FRAME + pause
        arrival = 1_700_000_000.0 + timestamp / CLOCK_RATE + delay
        ours.add(sequence % 2**16, timestamp, arrival)
        with patch("aiortc.rtcrtpreceiver.time", SimpleNamespace(time=lambda at=arrival: at)):
            theirs.add(SimpleNamespace(sequence_number=sequence % 2**16, timestamp=timestamp))
        if asked:
            assert {name: getattr(ours, name) for name in NAMES} == {name: getattr(theirs, name) for name in NAMES}
        assert ours.max_seq == theirs.cycles + theirs.max_seq, "theirs leaves the cycles out of the report"


@given(st.permutations(range(20)), st.lists(st.integers(0, 19), max_size=10), st.sampled_from([0, 65_530]))
def test_it_counts_what_aiortc_counts_of_packets_in_any_order(order, again, first):
    ours, theirs = Reception(), StreamStatistics(CLOCK_RATE)
    for number in [*order, *again]:
        ours.add((first + number) % 2**16, number * FRAME, 0.0)
        theirs.add(SimpleNamespace(sequence_number=(first + number) % 2**16, timestamp=number * FRAME))
    assert (ours.packets_received, ours.packets_lost) == (theirs.packets_received, theirs.packets_lost)
    assert ours.fraction_lost == theirs.fraction_lost
    assert ours.max_seq == theirs.cycles + theirs.max_seq


def test_it_has_every_name_that_a_report_reads():
    for name in (*NAMES, "max_seq"):
        assert hasattr(Reception(), name)


# Laws

arrivals = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 50), st.integers(0, 2**16 - 1)),
        st.integers(0, 2**32 - 1),
        st.floats(0.0, 3600.0),
        st.booleans(),
    ),
    max_size=80,
)


@given(arrivals)
def test_whatever_comes_makes_a_report_that_can_be_packed(packets):
    reception = Reception()
    for sequence, timestamp, arrival, asked in packets:
        reception.add(sequence, timestamp, arrival)
        if asked:
            assert 0 <= reception.fraction_lost < 256
        assert 0 <= reception.jitter < 2**32
        assert 0 <= reception.max_seq < 2**32
        assert reception.packets_received <= len(packets)


@given(st.sets(st.integers(1, 2500), max_size=60), st.integers(0, 2**16 - 1))
def test_what_was_received_and_what_was_lost_is_what_was_sent(numbers, first):
    kept = sorted({0, *numbers})
    reception = received(kept, first_sequence=first)
    assert reception.packets_received + reception.packets_lost == kept[-1] + 1 == reception.packets_expected
