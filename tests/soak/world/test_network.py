"""Packets are lost, late or cut off as the conditions say, and never more than that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import soak.world.network
from soak.world.network import GOOD, MAX_JITTER_S, Conditions, Network

LATE = 1e9


def here(packet):
    raise AssertionError("a network carries packets; to deliver them is somebody else's")


def bad(seed=0, **conditions):
    network = Network(seed)
    network.conditions = Conditions(**conditions)
    return network


def fates(network, count):
    return [network.send(b"packet", here, now=0.0) for _ in range(count)]


def arrived(network, now):
    return [packet for packet, _ in network.due(now)]


def test_a_good_network_may_be_gone_around():
    network = Network()
    assert network.conditions == GOOD
    assert network.free


def test_a_good_network_delivers_everything_at_once_and_in_order():
    network = Network()
    for number in range(5):
        assert network.send(bytes([number]), here, now=3.0)
    assert arrived(network, 3.0) == [bytes([number]) for number in range(5)]
    assert (network.sent, network.dropped, network.held) == (5, 0, 0)


@pytest.mark.parametrize("spoilt", [{"loss": 0.01}, {"jitter_s": 0.1}, {"blackout": True}])
def test_a_bad_network_is_not_gone_around_until_it_is_mended(spoilt):
    network = bad(**spoilt)
    assert not network.free

    network.conditions = GOOD

    assert network.free


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 1.0])
def test_as_much_is_lost_as_was_asked_for(share):
    network = bad(loss=share, jitter_s=0.001)
    through = sum(fates(network, 5000))
    assert network.dropped == 5000 - through
    assert network.dropped / 5000 == pytest.approx(share, abs=0.02)


def test_the_same_seed_loses_the_same_packets_and_another_one_others():
    one, again, other = (fates(bad(seed, loss=0.2), 200) for seed in (1, 1, 2))
    assert one == again != other


def test_in_a_blackout_nothing_is_let_through_but_what_was_on_its_way_arrives():
    network = bad(jitter_s=0.5)
    network.send(b"before", here, now=0.0)

    network.conditions = Conditions(blackout=True)
    assert fates(network, 10) == [False] * 10
    network.conditions = GOOD
    network.send(b"after", here, now=2.0)

    assert arrived(network, 2.0) == [b"before", b"after"]


def test_with_jitter_packets_overtake_each_other_but_none_is_later_than_its_longest_delay():
    network = bad(jitter_s=0.3)
    for number in range(50):
        network.send(bytes([number]), here, now=number * 0.02)
    before = arrived(network, 0.5)
    assert before != sorted(before)

    assert sorted(before + arrived(network, 49 * 0.02 + 0.3)) == [bytes([number]) for number in range(50)]


def test_who_is_to_have_a_packet_is_told_with_it():
    network, got = Network(), []
    network.send(b"for one", got.append, now=0.0)
    for packet, way in network.due(0.0):
        way(packet)
    assert got == [b"for one"]


def test_when_too_many_are_on_their_way_the_newest_is_dropped(monkeypatch):
    monkeypatch.setattr(soak.world.network, "MAX_HELD", 3)
    network = bad(jitter_s=0.1)
    assert fates(network, 5) == [True, True, True, False, False]
    assert (network.sent, network.dropped, network.held) == (3, 2, 3)


@pytest.mark.parametrize("wrong", [{"loss": 1.1}, {"loss": -0.1}, {"jitter_s": -1}, {"jitter_s": MAX_JITTER_S + 1}])
def test_conditions_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Conditions(**wrong)


CONDITIONS = st.builds(
    Conditions,
    loss=st.sampled_from([0.0, 0.3, 1.0]),
    jitter_s=st.sampled_from([0.0, 0.02, 0.3]),
    blackout=st.sampled_from([False, False, True]),
)


@given(steps=st.lists(st.tuples(CONDITIONS, st.integers(1, 5), st.floats(0, 0.2)), max_size=30))
def test_each_packet_arrives_once_and_in_its_time_or_never(steps):
    network, now, number = Network(), 0.0, 0
    expected, came = {}, []
    for conditions, count, rest_s in steps:
        network.conditions = conditions
        for _ in range(count):
            packet = number.to_bytes(2)
            if network.send(packet, here, now=now):
                expected[packet] = (now, now + conditions.jitter_s)
            number += 1
        came += [(packet, now) for packet in arrived(network, now)]
        now += rest_s
    due = {packet for packet, (_, last) in expected.items() if last <= now}
    came += [(packet, now) for packet in arrived(network, now)]

    assert due <= {packet for packet, _ in came}
    assert all(expected[packet][0] <= at for packet, at in came)

    came += [(packet, LATE) for packet in arrived(network, LATE)]
    assert sorted(packet for packet, _ in came) == sorted(expected)
    assert network.sent + network.dropped == number
    assert (network.sent, network.held) == (len(expected), 0)
