"""A jitter ring and drawings of what comes to it and what leaves it, one word a slot of time.

    0 1 3 2+4 . 5    packets by their numbers, two of them in one slot, and a slot in which only the ticker looks
    0 1 - 2+3+4 - 5  frames by the numbers of their packets; '-': none; 'x': one that was lost

A packet lasts 20 ms, and so each number stands for 20 ms of media time.
"""

from __future__ import annotations

from pipeline.encoded import EncodedFrame, Lost
from pipeline.jitter import JitterRing
from pipeline.rtp import RtpPacket

FRAME = 960  # samples at 48 kHz: 20 ms
SLOT_S = 0.045  # two slots are more than the hold-back at the start, and one is less
TOC = 15 << 3  # the first byte of an Opus packet of 20 ms
NUMBER = 4  # bytes


def packet(number, *, timestamp=None, toc=TOC, payload=None, first_sequence=0, first_timestamp=0):
    """The packet `number` of a stream. Its payload tells the number; `timestamp` counts from that of the first."""
    timestamp = number * FRAME if timestamp is None else timestamp
    return RtpPacket(
        ssrc=1,
        payload_type=111,
        sequence=(first_sequence + number) % 2**16,
        timestamp=(first_timestamp + timestamp) % 2**32,
        marker=False,
        level=40,
        voice=True,
        payload=bytes([toc]) + number.to_bytes(NUMBER, "big", signed=True) if payload is None else payload,
    )


def number(frame):
    """Of the packet that holds this frame."""
    return int.from_bytes(frame.payload[-NUMBER:], "big", signed=True)


def drawn(frames):
    return "+".join("x" if frame.payload is None else str(number(frame)) for frame in frames) or "-"


class Receiver:
    """Feeds a ring slot by slot, and keeps what leaves it."""

    def __init__(self, *, first_sequence=0, first_timestamp=0):
        self.ring = JitterRing()
        self.now = 0.0
        self.frames = []
        self.losses = []  # that were told
        self._first = {"first_sequence": first_sequence, "first_timestamp": first_timestamp}

    def play(self, picture):
        """Returns the picture of what left the ring."""
        return " ".join(self._slot(slot) for slot in picture.split())

    def _slot(self, slot):
        self.now += SLOT_S
        if slot == ".":
            return drawn(self.keep(self.ring.release(now=self.now)))
        return drawn([frame for each in slot.split("+") for frame in self.put(int(each))])

    def put(self, number, **different):
        return self.keep(self.ring.put(packet(number, **self._first, **different), now=self.now))

    def wait(self, seconds):
        self.now += seconds
        return self

    def keep(self, frames):
        self.losses += [each for each in frames if isinstance(each, Lost)]
        frames = [each for each in frames if isinstance(each, EncodedFrame)]
        self.frames += frames
        return frames

    @property
    def media(self):
        """What left, in media time from the first frame on: frames as drawn; ' ' is 20 ms that a jump left out."""
        start = at = self.frames[0].timestamp
        picture = ""
        for frame in self.frames:
            picture += " " * ((frame.timestamp - at) // FRAME)
            picture += "x" if frame.payload is None else "#"
            at = frame.end
        assert (at - start) % FRAME == 0
        return picture


def receive(picture, **first):
    receiver = Receiver(**first)
    return receiver, receiver.play(picture)
