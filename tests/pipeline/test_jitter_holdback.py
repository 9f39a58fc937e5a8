"""How long a gap is waited for: as long as packets of this network have needed."""

from __future__ import annotations

import pytest

from pipeline.jitter import HALF_LIFE_S, LONGEST_S, MARGIN, SHORTEST_S, START_S
from tests.pipeline.network import Receiver, drawn

MS = 0.001


class Network(Receiver):
    """A stream whose packets overtake each other."""

    def __init__(self):
        super().__init__()
        self._next = 0
        self.on_time()

    def on_time(self):
        self._next += 1
        return self.put(self._next - 1)

    def overtaken(self, *, late_s):
        """The next packet comes `late_s` after the one that follows it."""
        self.put(self._next + 1)
        self.wait(late_s)
        self.keep(self.ring.release(now=self.now))
        frames = self.put(self._next)
        self._next += 2
        return frames

    def lost(self):
        """How long the packet after a lost one waits, to the millisecond."""
        self.put(self._next + 1)
        self._next += 2
        since = self.now
        while self.ring.waiting:
            self.wait(MS)
            self.keep(self.ring.release(now=self.now))
        return round(self.now - since, 3)


@pytest.fixture
def network():
    return Network()


def test_at_first_nothing_is_known_of_the_network(network):
    assert network.ring.holdback_s == START_S
    assert network.lost() == pytest.approx(START_S, abs=1.5 * MS)


def test_a_packet_that_was_overtaken_and_came_in_time_tells_what_the_next_will_need(network):
    assert drawn(network.overtaken(late_s=45 * MS)) == "1+2"
    assert network.lost() == pytest.approx(MARGIN * 45 * MS, abs=1.5 * MS)


def test_one_that_came_too_late_tells_it_too(network):
    assert drawn(network.overtaken(late_s=80 * MS)) == "-"
    assert drawn(network.overtaken(late_s=80 * MS)) == "3+4"


def test_a_need_that_is_smaller_than_the_one_before_does_not_shorten_it(network):
    network.overtaken(late_s=55 * MS)
    network.overtaken(late_s=5 * MS)
    assert network.ring.holdback_s == pytest.approx(MARGIN * 55 * MS, rel=0.01)


def test_no_need_makes_it_longer_than_the_longest(network):
    network.overtaken(late_s=2.0)
    assert network.ring.holdback_s == LONGEST_S
    assert network.lost() == pytest.approx(LONGEST_S, abs=1.5 * MS)


def test_the_need_is_forgotten_by_halves(network):
    network.overtaken(late_s=66 * MS)
    network.wait(HALF_LIFE_S / 2)
    assert network.lost() == pytest.approx(MARGIN * 66 * MS * 0.5**0.5, abs=1.5 * MS)


def test_even_after_the_longest_need_a_calm_network_soon_has_the_shortest_hold_back(network):
    network.overtaken(late_s=2.0)
    network.wait(3 * HALF_LIFE_S)
    assert network.lost() == pytest.approx(SHORTEST_S, abs=1.5 * MS)


def test_the_time_before_the_first_packet_teaches_nothing():
    receiver = Receiver().wait(1_000_000.0)
    receiver.put(0)
    receiver.put(2)
    receiver.keep(receiver.ring.release(now=receiver.now))
    assert receiver.ring.holdback_s == pytest.approx(START_S)


def test_loss_alone_teaches_nothing(network):
    for _ in range(5):
        network.lost()
    assert network.ring.holdback_s <= START_S


def test_another_source_of_the_same_speaker_comes_by_the_same_network(network):
    network.overtaken(late_s=66 * MS)
    network.wait(HALF_LIFE_S / 2)
    network.ring.restart()
    network.on_time()
    assert network.lost() == pytest.approx(MARGIN * 66 * MS * 0.5**0.5, abs=1.5 * MS)
