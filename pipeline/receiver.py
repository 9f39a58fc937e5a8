"""One speaker's RTP packets: parsed, put in order, kept undecoded while nobody speaks; the rest waits for a worker.

No asyncio and no clock of its own; `packet` is called for each datagram, so it does as little as can be.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .audio import WIRE_RATE
from .decoders import OpusDecoder
from .encoded import EncodedFrame, Lost, sounds
from .gate import MAX_PRE_ROLL, ActivityGate, GateSettings
from .jitter import MAX_LOST, JitterRing
from .judge import FrameJudge
from .opus_stream import SOURCE_END, Decoded, Item, OpusStream
from .reception import Reception
from .rtp import MalformedRtp, RtpPacket, parse

MAX_PENDING: Final = 150  # frames that wait for a worker: 3 s
#: Of them, for what a few packets can bring: a gap that is filled, and what the gate had kept.
ROOM: Final = MAX_LOST + MAX_PRE_ROLL + 5
SWITCH_S: Final = 2.0  # without packets between two sources: less is what it takes to make a new connection
RING_COUNTS: Final = ("received", "lost", "late", "duplicates", "reordered", "malformed", "jumps")


class Listener(Protocol):
    """Who is told what a receiver's packets turn out to be."""

    def hear(self, decoded: Decoded) -> None: ...

    def missed(self, length_s: float) -> None:
        """Audio was given up before it was decoded."""

    def failed(self, error: Exception) -> None:
        """Decoding broke down; nothing more will come."""

    def finish(self) -> None:
        """Nothing more will come, and everything was handed over."""


@dataclass(frozen=True, slots=True)
class _BrokenOff:
    """A source that ended: when its last packet came, and whether somebody may have spoken at that time."""

    at: float
    may_speak: bool


class RtpReceiver:
    """`wake` is called when there is something to decode, or to wait for. `listener` hears what became of it."""

    def __init__(
        self,
        *,
        judge: FrameJudge,
        listener: Listener,
        wake: Callable[[RtpReceiver], None],
        gate: GateSettings,
    ) -> None:
        self.listener = listener
        self.judge = judge
        self.stream = OpusStream(judge)
        self.decoder: OpusDecoder | None = None  # while frames are being decoded
        self.gate = ActivityGate(gate)
        self.jitter = JitterRing()
        self.reception = Reception()
        self.heard_at: float | None = None  # in *now*: when the newest packet of the present connection came
        self.closed = False
        self.read_until: Callable[[], float] | None = None  # in *now*: whatever came before has been read
        self.counts: Counter[str] = Counter()  # a handful of names
        self._wake = wake
        self._payload_types: Collection[int] = ()
        self._level_id = 0
        self._on_source: Callable[[int, Reception], None] = lambda ssrc, reception: None
        self.ssrc: int | None = None  # of the present source
        self._pending: deque[Item] = deque()  # ≤ MAX_PENDING, a source's end and a loss
        self._broken_off: _BrokenOff | None = None  # while the next source is waited for
        self._connected = False  # and no source has ended since

    @property
    def waiting(self) -> int:
        """Frames that wait for a worker."""
        return len(self._pending)

    def has_room(self) -> bool:
        """For more packets. Without it, the oldest frames would soon be given up."""
        return self.closed or len(self._pending) + self.jitter.held <= MAX_PENDING - ROOM

    def negotiated(
        self,
        *,
        payload_types: Collection[int],
        level_id: int,
        on_source: Callable[[int, Reception], None] = lambda ssrc, reception: None,
    ) -> None:
        """A connection is about to bring packets. `on_source` is told of each SSRC, and the statistics on it."""
        self._payload_types = frozenset(payload_types)
        self._level_id = level_id
        self._on_source = on_source
        self.heard_at = None
        self.read_until = None
        self._connected = True

    def packet(self, data: bytes | bytearray, *, now: float, length: int = -1) -> None:
        """A packet came in, decrypted: the first `length` bytes of `data`; -1: all of it."""
        if self.closed:
            return
        try:
            packet = parse(data, level_id=self._level_id, length=length)
        except MalformedRtp:
            self.counts["malformed"] += 1
            return
        ssrc, payload_type, sequence, timestamp, _, _, _, _ = packet
        if payload_type not in self._payload_types:
            self.counts["other_payload"] += 1
            return
        if ssrc != self.ssrc:
            self._new_source(packet, now)
        self.heard_at = now
        self.reception.add(sequence, timestamp, now)
        frames = self.jitter.put(packet, now=now)
        if type(frames) is tuple:  # 99 of 100: nothing was held
            for frame in frames:
                if type(frame) is EncodedFrame and (passed := self.gate.offer(frame)):
                    self._line_up(passed)
            return
        self._offer(frames)
        if self.jitter.waiting:
            self._wake(self)

    def poll(self, *, now: float) -> None:
        """Let go of what has waited long enough for a missing packet.

        Where sockets are read now and then, a packet may lie unread: only what was read by `read_until` counts.
        """
        if self.read_until is not None:
            now = min(now, self.read_until())
        if self.jitter.waiting:
            self._offer(self.jitter.release(now=now))

    def source_ended(self, *, now: float) -> None:
        """The connection is gone; another may follow."""
        connected, self._connected = self._connected, False
        if self.ssrc is None:
            if connected:  # it brought nothing: this sender has stopped of its own accord
                self._broken_off = None
            return
        self.ssrc = None
        self._offer(self.jitter.flush(now=now))
        self._broken_off = _BrokenOff(self.reception.arrived_at, self.gate.may_speak(at=self.jitter.end))
        self._fold()
        self.gate.flush()
        if not self._pending or self._pending[-1] is not SOURCE_END:  # of many sources without a frame, one end is told
            self._pending.append(SOURCE_END)
        self._wake(self)

    def follows(self, former: RtpReceiver) -> None:
        """The same microphone was heard by `former` until it was closed: what was said since counts as lost here."""
        self._broken_off = former._broken_off

    def close(self, *, now: float) -> None:
        """Nothing more will come. The listener is told to finish once everything was handed over."""
        self.source_ended(now=now)
        self.closed = True
        self._wake(self)

    def take(self) -> list[Item]:
        """What is to be decoded now."""
        frames = list(self._pending)
        self._pending.clear()
        return frames

    def tallies(self) -> Counter[str]:
        """What was counted over the receiver's life, by name."""
        told: Counter[str] = Counter()
        self.add_tallies(told)
        return told

    def add_tallies(self, told: Counter[str]) -> None:
        """The same, added to what others have counted."""
        for name, count in self.counts.items():
            told[name] += count
        for name in RING_COUNTS:
            told[name] += getattr(self.jitter, name)

    def _new_source(self, packet: RtpPacket, now: float) -> None:
        if self.ssrc is not None:
            self.source_ended(now=now)
        self.ssrc = packet.ssrc
        self.jitter.restart()
        self.reception = Reception()
        self._on_source(packet.ssrc, self.reception)
        before, self._broken_off = self._broken_off, None
        if before is None or now - before.at < SWITCH_S:
            return
        if before.may_speak or sounds(packet.payload, packet.level):
            self._line_up((Lost(packet.timestamp, round((now - before.at) * WIRE_RATE)),))

    def _offer(self, frames: Sequence[EncodedFrame | Lost]) -> None:
        for number, frame in enumerate(frames):
            if isinstance(frame, Lost):
                if self.gate.may_speak(at=frame.timestamp) or any(map(_sounds, frames[number:])):
                    self._line_up((frame,))
            elif passed := self.gate.offer(frame):
                self._line_up(passed)

    def _line_up(self, frames: Sequence[EncodedFrame | Lost]) -> None:
        pending = self._pending
        if not pending:
            self.judge.lent = True  # a worker will soon have it, and until then nobody may think that nothing comes
            self._wake(self)
        pending.extend(frames)
        if len(pending) > MAX_PENDING:
            self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        length, source_ended, lost = 0, False, 0
        while len(self._pending) > MAX_PENDING:
            frame = self._pending.popleft()
            if frame is SOURCE_END:
                source_ended = True
            elif isinstance(frame, Lost):
                lost += frame.duration
            else:
                length += frame.duration
                self.counts["dropped"] += 1
        if lost:
            self._pending.appendleft(Lost(0, lost))
        if source_ended:  # or two sources would be taken for one
            self._pending.appendleft(SOURCE_END)
        if length:
            self.listener.missed(length / WIRE_RATE)

    def _fold(self) -> None:
        self.counts.update({name: getattr(self.jitter, name) for name in RING_COUNTS})
        self.jitter = JitterRing()


def _sounds(frame: EncodedFrame | Lost) -> bool:
    return isinstance(frame, EncodedFrame) and sounds(frame.payload, frame.level)
