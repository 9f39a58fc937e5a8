"""What a receiver report tells of one source (RFC 3550 §6.4.1): packets lost, jitter. Pure.

Under the names by which aiortc's report task reads them. Where aiortc's own statistics and the RFC differ, this is the
RFC: the highest sequence number counts its cycles, jitter is taken from every packet in order of arrival and survives
the wrap of the timestamp, and a sender that began anew is not a loss of thousands (A.1).
"""

from __future__ import annotations

from typing import Final

CLOCK_RATE: Final = 48_000  # of Opus, whatever it encodes (RFC 7587 §4.1)

_CYCLE: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32
_HALF: Final = _TIMESTAMPS // 2
MAX_DROPOUT: Final = 3000  # packets ahead: another sequence; fewer are a loss (RFC 3550 A.1)
MAX_MISORDER: Final = 100  # packets behind: another sequence; fewer are a reordering
MAX_LOST: Final = (1 << 23) - 1  # the report has 24 bits, signed


class Reception:
    """One per SSRC."""

    __slots__ = (
        "_arrival",
        "_expected_prior",
        "_first",
        "_highest",
        "_jitter",
        "_received_prior",
        "_stray",
        "_transit",
        "packets_received",
    )

    def __init__(self) -> None:
        self.packets_received = 0
        self._first = 0  # sequence numbers, extended by their cycles
        self._highest = -1
        self._stray = -1  # what would follow a packet from elsewhere
        self._arrival = -1.0
        self._transit = 0  # arrival - timestamp, of the last packet that was not read together with another
        self._jitter = 0  # sixteenfold (RFC 3550 A.8)
        self._expected_prior = 0  # as of the last report
        self._received_prior = 0

    def add(self, sequence: int, timestamp: int, arrival: float) -> None:
        """A packet came at `arrival`, in seconds of any clock that only goes on.

        Of several that were read at the same moment, only the first counts for the jitter: the others lay and waited.
        """
        ahead = (sequence - self._highest) % _CYCLE
        if ahead < MAX_DROPOUT and self._highest >= 0:
            self._highest += ahead
        elif ahead <= _CYCLE - MAX_MISORDER or self._highest < 0:
            if self._highest >= 0 and sequence != self._stray:
                self._stray = (sequence + 1) % _CYCLE
                return
            self._begin(sequence)
            self._transit = int(arrival * CLOCK_RATE) - timestamp
        self.packets_received += 1
        if arrival == self._arrival:
            return
        self._arrival = arrival
        transit = int(arrival * CLOCK_RATE) - timestamp
        change = abs((transit - self._transit + _HALF) % _TIMESTAMPS - _HALF)
        self._transit = transit
        self._jitter += change - ((self._jitter + 8) >> 4)

    def _begin(self, sequence: int) -> None:
        """The first packet, or the second of a sender that began anew: its own account begins."""
        self._first = self._highest = sequence
        self._stray = -1
        self.packets_received = self._expected_prior = self._received_prior = 0

    @property
    def arrived_at(self) -> float:
        """When the newest packet came."""
        return self._arrival

    @property
    def max_seq(self) -> int:
        """The highest sequence number received, with the count of its cycles: 32 bits."""
        return max(self._highest, 0) % _TIMESTAMPS

    @property
    def jitter(self) -> int:
        """In 1/48000 s."""
        return self._jitter >> 4

    @property
    def packets_expected(self) -> int:
        return self._highest - self._first + 1

    @property
    def packets_lost(self) -> int:
        """Since the beginning; duplicates make it less, even negative. Clamped to 24 bits."""
        return max(-MAX_LOST - 1, min(self.packets_expected - self.packets_received, MAX_LOST))

    @property
    def fraction_lost(self) -> int:
        """Of 256, since this was asked last: ask once a report."""
        expected = self.packets_expected - self._expected_prior
        lost = expected - (self.packets_received - self._received_prior)
        self._expected_prior = self.packets_expected
        self._received_prior = self.packets_received
        return (lost << 8) // expected if lost > 0 else 0
