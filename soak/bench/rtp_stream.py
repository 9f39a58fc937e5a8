"""What a sender of the media benchmark decides without a socket: who talks, what each packet is, when it is due.

Packets are made for speed: what never changes is made before the clock runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from pipeline.rtp import AUDIO_LEVEL_URI, ONE_BYTE

from .voices import Voice

TICK_S: Final = 0.02
TICK: Final = 960  # of the RTP clock
LARGEST_ID: Final = 14  # of a one-byte header extension (RFC 8285 §4.2)
BIN_S: Final = 0.0001
BINS: Final = 10_000  # 1 s; who is later than that is in the last one
FEC: Final = "minptime=10;useinbandfec=1"

_HEADER: Final = Struct("!BBHII")
_LEVEL: Final = Struct("!HHBBxx")  # the extension's header, one element of one byte, and padding
_PLAIN: Final = 0x80
_EXTENDED: Final = 0x90
_MARKER: Final = 0x80


class BadAnswer(Exception):
    """A receiver's answer to our offer has no Opus."""

    component = "soak.bench.rtp_stream"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What an answer agrees to. `level_id` is 0 where it does not want to know the audio level."""

    payload_type: int
    level_id: int

    @classmethod
    def read(cls, answer: str) -> Negotiated:
        """Raises `BadAnswer`."""
        opus = re.search(r"^a=rtpmap:(\d+) opus/48000", answer, re.MULTILINE | re.IGNORECASE)
        level = re.search(rf"^a=extmap:(\d+)(?:/\w+)? {re.escape(AUDIO_LEVEL_URI)}\s*$", answer, re.MULTILINE)
        if opus is None:
            raise BadAnswer("the receiver's answer has no Opus in it")
        found = int(level[1]) if level else 0
        return cls(int(opus[1]), found if found <= LARGEST_ID else 0)


def with_fec(offer: str) -> str:
    """The offer, which also says that Opus packets may carry the one before them, as browsers' offers do."""
    return re.sub(r"^(a=rtpmap:(\d+) opus/48000/2\r?\n)", rf"\1a=fmtp:\2 {FEC}\r\n", offer, count=1, flags=re.MULTILINE)


def talks(number: int, *, of: int, talking: int) -> bool:
    """Is the speaker with this number one of the `talking`? They are spread evenly over all."""
    return number * talking // of != (number + 1) * talking // of


def tails(voice: Voice, level_id: int) -> tuple[bytes, ...]:
    """Of each 20 ms, what follows the RTP header: the extension, where it was agreed to, and the payload."""
    if not level_id:
        return voice.payloads
    one_byte = level_id << 4  # and a length of 0, which means 1
    return tuple(
        _LEVEL.pack(ONE_BYTE, 1, one_byte, level) + payload
        for level, payload in zip(voice.levels, voice.payloads, strict=True)
    )


class Stream:
    """One speaker's RTP packets, 20 ms each, from what `tails` made of a voice.

    `at` is where in the voice it begins; after its end, the voice begins again.
    """

    __slots__ = ("_at", "_flags", "_kind", "_payload_type", "_sequence", "_ssrc", "_tails", "_timestamp")

    def __init__(
        self,
        ready: Sequence[bytes],
        negotiated: Negotiated,
        *,
        ssrc: int,
        sequence: int = 0,
        timestamp: int = 0,
        at: int = 0,
    ) -> None:
        self._tails = ready
        self._flags = _EXTENDED if negotiated.level_id else _PLAIN
        self._kind = self._payload_type = negotiated.payload_type
        self._ssrc = ssrc
        self._sequence = sequence
        self._timestamp = timestamp
        self._at = at % len(ready)

    def packet(self) -> bytes:
        """The next one, not yet encrypted."""
        at = self._at
        made = _HEADER.pack(self._flags, self._kind, self._sequence, self._timestamp, self._ssrc) + self._tails[at]
        self._kind = self._payload_type
        self._at = at + 1 if at + 1 < len(self._tails) else 0
        self._sequence = self._sequence + 1 & 0xFFFF
        self._timestamp = self._timestamp + TICK & 0xFFFFFFFF
        return made

    def turn(self, ready: Sequence[bytes], *, at: int = 0) -> None:
        """Go on with another voice."""
        self._tails = ready
        self._at = at % len(ready)

    def rest(self, packets: int) -> None:
        """As many were not made, for nobody spoke (DTX): time goes on, the sequence does not."""
        self._timestamp = self._timestamp + packets * TICK & 0xFFFFFFFF

    def mark(self) -> None:
        """The next packet is the first after a rest (RFC 3551 §4.1)."""
        self._kind = self._payload_type | _MARKER


class Losses:
    """Which packets the network loses: a share of them. `draw` gives numbers of chance between 0 and 1."""

    def __init__(self, share: float, draw: Callable[[], float]) -> None:
        self._share = share
        self._draw = draw

    def __call__(self) -> bool:
        """Is the next packet lost?"""
        return self._share > 0 and self._draw() < self._share


class Timetable:
    """When packets are due, counted over all streams in turn, and how late they went. `begin` is in *now*.

    The first packets of the streams are spread evenly over 20 ms, and so are all that follow.
    """

    def __init__(self, streams: int, *, begin: float) -> None:
        self._begin = begin
        self._every_s = TICK_S / streams
        self._late = [0] * BINS
        self.sent = 0

    def due(self, now: float) -> int:
        """How many have to be sent now."""
        return max(0, int((now - self._begin) / self._every_s) + 1 - self.sent)

    def wait_s(self, now: float) -> float:
        """Until the next is due."""
        return max(0.0, self._begin + self.sent * self._every_s - now)

    def sending(self, now: float) -> None:
        """The next packet goes now."""
        late = int((now - self._begin - self.sent * self._every_s) / BIN_S)
        self._late[min(max(late, 0), BINS - 1)] += 1
        self.sent += 1

    def late_ms(self, percent: float) -> float:
        """So many packets in a hundred were no later than this."""
        wanted = percent / 100 * self.sent
        reached = 0
        for number, count in enumerate(self._late):
            reached += count
            if count and reached >= wanted:
                return round((number + 1) * BIN_S * 1000, 1)
        return 0.0

    def later_than(self, bound_s: float) -> int:
        """How many packets were later than this."""
        return sum(self._late[round(bound_s / BIN_S) :])
