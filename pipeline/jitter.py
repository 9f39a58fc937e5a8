"""The jitter ring: RTP packets as they come → Opus frames in order, the lost ones marked. Sans-IO.

Nothing is played, so nothing is delayed: what comes in order leaves at once. Only a gap in the sequence makes what is
behind it wait, for the hold-back at most; then the missing packets are given up, and the gap is marked. If they can
have held half a second of speech, that is told, too (`Lost`).

    the sequence number is        then
    the next one                  released, and what had waited for it
    ahead, by < CAPACITY          held until the gap is filled, or given up after the hold-back
    ahead, by more                what is held is released; the stream goes on here (a jump)
    behind, given up before       dropped: `late`. Had the hold-back been longer, it would have been in time
    behind, released before       dropped: a duplicate
    behind, by > CAPACITY         dropped: `late`; the second in a row: the sender began anew, the stream goes on here

Media time is the RTP timestamp, unwrapped. It never goes back: a frame begins when or after the one before it ended.
A timestamp that jumps ahead without a gap in the sequence is DTX. One that jumps back is not believed at first; if the
next packet says the same, the sender's clock was set, and media time goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .audio import WIRE_RATE
from .encoded import MISSED_S, EncodedFrame, Lost
from .opus_packet import opus_duration
from .rtp import UNKNOWN_LEVEL, RtpPacket

CAPACITY: Final = 150  # packets: 3 s of 20 ms
MAX_LOST: Final = 50  # frames marked lost in a row: 1 s of 20 ms. Of more, media time just jumps
MISSED: Final = round(MISSED_S * WIRE_RATE)
RESTING: Final = round(0.42 * WIRE_RATE)  # with DTX, libopus leaves out 20 frames of silence in a row at most
QUANTUM: Final = 120  # samples, 2.5 ms: what a decoder conceals comes in multiples of it

START_S: Final = 0.05  # hold-back before anything is known of the network
SHORTEST_S: Final = 0.04  # two packets
LONGEST_S: Final = 0.1  # later than this, words are worth more than the 20 ms that are missing in them
MARGIN: Final = 1.5  # hold-back for each second that a late packet would have needed
HALF_LIFE_S: Final = 10.0  # of that need: a network that has calmed down is trusted again

_new: Final = tuple.__new__  # of a named tuple: half the time
_SEQUENCES: Final = 0xFFFF
_TIMESTAMPS: Final = 0xFFFFFFFF
_BACKWARD: Final = 0x80000000  # a step of the timestamp that is larger than this goes back
_NONE: Final = -1  # no sequence number, nor a time


class JitterRing:
    """One per speaker, and one SSRC at a time. Call `release` every now and then while it is `waiting`.

    `lost` counts the packets given up; if one comes after all, it is counted `late` too. `malformed` are those without
    audio, which are taken for silence, and those that would have made media time go back.
    """

    __slots__ = (
        "_astray",
        "_duration",
        "_end",
        "_first",
        "_given_up",
        "_held",
        "_missed_at",
        "_missing",
        "_need_at",
        "_need_s",
        "_next",
        "_shift",
        "_steady",
        "_stray",
        "_stray_at",
        "duplicates",
        "holdback_s",
        "jumps",
        "late",
        "lost",
        "malformed",
        "received",
        "reordered",
    )

    def __init__(self) -> None:
        self.received = self.lost = self.late = self.duplicates = self.reordered = self.malformed = self.jumps = 0
        self.holdback_s = START_S  # as it was when it was needed last
        self._need_s = START_S / MARGIN
        self._need_at = 0.0
        self._held: dict[int, tuple[RtpPacket, float]] = {}  # < CAPACITY, in the order in which they came
        self._given_up: dict[int, float] = {}  # ≤ CAPACITY; when it was noticed that they were missing
        self.restart()

    def restart(self) -> None:
        """The next packet is the first of another source; what is held is dropped (`flush` before). Counters stay."""
        self._held.clear()
        self._given_up.clear()
        self._steady = False  # nothing is held or missing: the next packet can go at once
        self._next = self._first = _NONE  # sequence numbers, unwrapped: awaited; the first since the last jump
        self._end = 0  # media time after the last frame
        self._duration = 0  # of the last frame; 0: there was none
        self._shift = 0  # media time - RTP timestamp, modulo 2³²
        self._astray = _NONE  # media time at which a timestamp that went back was not believed
        self._stray = self._stray_at = _NONE  # what would follow a packet from far behind; `received` when that came
        self._missing = 0  # packets given up since the last frame
        self._missed_at = 0.0

    @property
    def held(self) -> int:
        """Packets that wait for one that is missing."""
        return len(self._held)

    @property
    def waiting(self) -> bool:
        """Packets are held behind a gap."""
        return bool(self._held)

    @property
    def end(self) -> int:
        """Media time after the last frame."""
        return self._end

    def put(self, packet: RtpPacket, *, now: float) -> Sequence[EncodedFrame | Lost]:
        """A packet has come. Returns the frames that it lets go: in a tuple if nothing is held, and nothing was."""
        self.received += 1
        _, _, sequence, timestamp, _, level, voice, payload = packet
        if self._steady and sequence == self._next & _SEQUENCES:  # 99 of 100: no list, nothing held, nothing looked up
            step = (timestamp + self._shift - self._end) & _TIMESTAMPS
            duration = opus_duration(payload)
            if duration and step < _BACKWARD:
                start = self._end + step
                self._next += 1
                self._end = start + duration
                self._duration = duration
                return (_new(EncodedFrame, (payload, start, duration, level, voice, now)),)
        return self._sort_in(packet, now)

    def release(self, *, now: float) -> Sequence[EncodedFrame | Lost]:
        """What has waited for as long as the hold-back."""
        frames: list[EncodedFrame | Lost] = []
        self._expire(frames, now)
        return frames

    def flush(self, *, now: float) -> Sequence[EncodedFrame | Lost]:
        """Everything that is held: no more will come for now."""
        frames: list[EncodedFrame | Lost] = []
        while self._held:
            self._give_up(frames, now)
        return frames

    def _sort_in(self, packet: RtpPacket, now: float) -> Sequence[EncodedFrame | Lost]:
        if self._next < 0:
            self._next = self._first = packet.sequence
            if self.received == 1:
                self._need_at = now
        ahead = (packet.sequence - self._next) & _SEQUENCES
        if ahead > _SEQUENCES // 2:
            return self._behind(packet, _SEQUENCES + 1 - ahead, now)
        if ahead >= CAPACITY:
            return self._jump(packet, now)
        frames: list[EncodedFrame | Lost] = []
        number = self._next + ahead
        if number in self._held:
            self.duplicates += 1
        else:
            noticed = next((arrived for other, (_, arrived) in self._held.items() if other > number), None)
            if noticed is not None:
                self.reordered += 1
                self._adapt(now, need_s=now - noticed)
            self._held[number] = (packet, now)
            self._drain(frames)
        self._expire(frames, now)
        return frames

    def _behind(self, packet: RtpPacket, behind: int, now: float) -> Sequence[EncodedFrame | Lost]:
        if behind > CAPACITY:
            if packet.sequence == self._stray and self.received == self._stray_at + 1:
                return self._jump(packet, now, anew=True)
            self._stray = (packet.sequence + 1) & _SEQUENCES
            self._stray_at = self.received
            self.late += 1
            return ()
        number = self._next - behind
        noticed = self._given_up.pop(number, None)
        if noticed is not None:
            self._adapt(now, need_s=now - noticed)
        if noticed is not None or number < self._first:
            self.late += 1
        else:
            self.duplicates += 1
        return ()

    def _jump(self, packet: RtpPacket, now: float, *, anew: bool = False) -> Sequence[EncodedFrame | Lost]:
        """The stream goes on with this packet. `anew`: the sender's clock is another one too."""
        frames = list(self.flush(now=now))
        self.jumps += 1
        skipped = (packet.sequence - self._next) & _SEQUENCES
        self._next = self._first = self._next + skipped
        self._missing = 0 if anew else skipped  # told as far as `MAX_LOST` goes
        self._astray = self._end  # a clock that goes back is believed at once
        if anew:
            self._shift = (self._end - packet.timestamp) & _TIMESTAMPS
        self._held[self._next] = (packet, now)
        self._drain(frames)
        return frames

    def _expire(self, frames: list[EncodedFrame | Lost], now: float) -> None:
        if not self._held:
            return
        self._adapt(now)
        while self._held and now - self._noticed >= self.holdback_s:
            self._give_up(frames, now)

    @property
    def _noticed(self) -> float:
        """When the first of what is held came, and with it the knowledge of the gap before it all."""
        return next(iter(self._held.values()))[1]

    def _give_up(self, frames: list[EncodedFrame | Lost], now: float) -> None:
        """Wait no longer for the packets that are missing before the first one held. There is one."""
        noticed = self._noticed
        while self._next not in self._held:
            if len(self._given_up) >= CAPACITY:
                del self._given_up[next(iter(self._given_up))]
            self._given_up[self._next] = noticed
            self._next += 1
            self._missing += 1
            self.lost += 1
        self._missed_at = now
        self._drain(frames)

    def _drain(self, frames: list[EncodedFrame | Lost]) -> None:
        """Release what is held, up to the next gap."""
        while (held := self._held.pop(self._next, None)) is not None:
            self._append(frames, *held)
            self._next += 1
        self._steady = not self._held and not self._missing

    def _append(self, frames: list[EncodedFrame | Lost], packet: RtpPacket, arrived: float) -> None:
        """Release the packet `_next`, and before it what was lost."""
        duration = opus_duration(packet.payload)
        if not duration:
            self.malformed += 1
            return
        if not self._duration:
            self._end, self._shift = packet.timestamp, 0
        step = (packet.timestamp + self._shift - self._end) & _TIMESTAMPS
        if step >= _BACKWARD:
            back = _TIMESTAMPS + 1 - step
            if back > duration:  # less is an overlap: this one lasts longer, or the one before it shorter, than it says
                if self._astray != self._end:
                    self._astray = self._end
                    self.malformed += 1
                    return
                self._shift = (self._shift + back) & _TIMESTAMPS
            step = 0
        start = self._end + step
        if self._missing:
            self._mark_lost(frames, start, duration)
        frames.append(EncodedFrame(packet.payload, start, duration, packet.level, packet.voice, arrived))
        self._end = start + duration
        self._duration = duration

    def _mark_lost(self, frames: list[EncodedFrame | Lost], until: int, duration: int) -> None:
        """Mark the missing packets, just before the frame that begins at `until`: its FEC is about the last of them.

        They share the time since the frame before, but none lasts longer than its neighbours: the rest was DTX.
        """
        longest = max(self._duration, duration)
        if (spoken := self._may_have_been_spoken(until - self._end, longest)) >= MISSED:
            frames.append(Lost(self._end, spoken))
        share = (until - self._end) // self._missing
        each = min(share - share % QUANTUM, longest)
        if each:
            frames.extend(
                EncodedFrame(None, start, each, UNKNOWN_LEVEL, False, self._missed_at)
                for start in range(until - min(self._missing, MAX_LOST) * each, until, each)
            )
        self._missing = 0

    def _may_have_been_spoken(self, span: int, each: int) -> int:
        """How much of the `span` was not left out as silence (DTX), if the missing packets lasted as long as `each`.

        All of it, if there were as many as fit in; nothing, if no more are missing than a silent sender sends.
        """
        spoken = (self._missing * RESTING - span) * each // (RESTING - each)
        return min(spoken, self._missing * each, span)

    def _adapt(self, now: float, *, need_s: float = 0.0) -> None:
        """`need_s`: a packet came so long after it was missed. More than the longest hold-back cannot be helped."""
        remembered = self._need_s * 0.5 ** ((now - self._need_at) / HALF_LIFE_S)
        self._need_s = min(max(remembered, need_s), LONGEST_S / MARGIN)
        self._need_at = now
        self.holdback_s = min(max(MARGIN * self._need_s, SHORTEST_S), LONGEST_S)
