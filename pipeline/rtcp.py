"""RTCP that a receiver of audio reads: when its source last reported, and whether it said goodbye (RFC 3550 §6).

Everything that a stranger can send gives an answer; what is cut off, or of another kind, is left out.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

SENDER_REPORT: Final = 200
GOODBYE: Final = 203

_HEADER: Final = Struct("!BBH")
_REPORT: Final = Struct("!IQ")  # SSRC, NTP time


class Report(NamedTuple):
    """`lsr` is the middle of the sender's NTP time, which a receiver report gives back (RFC 3550 §6.4.1)."""

    ssrc: int
    lsr: int


def read(data: bytes | bytearray, *, length: int = -1) -> tuple[list[Report], list[int]]:
    """The sender reports of a compound packet, and the SSRCs that said goodbye."""
    end = len(data) if length < 0 else length
    at = 0
    reports: list[Report] = []
    gone: list[int] = []
    while at + 4 <= end:
        flags, kind, words = _HEADER.unpack_from(data, at)
        after = at + 4 + 4 * words
        if flags >> 6 != 2 or after > end:
            break
        if kind == SENDER_REPORT and after >= at + 4 + _REPORT.size:
            ssrc, ntp = _REPORT.unpack_from(data, at + 4)
            reports.append(Report(ssrc, ntp >> 16 & 0xFFFFFFFF))
        elif kind == GOODBYE:
            count = min(flags & 0x1F, words)
            gone += [int.from_bytes(data[at + 4 + 4 * each : at + 8 + 4 * each]) for each in range(count)]
        at = after
    return reports, gone
