"""Opus frames of one speaker → 16 kHz chunks on the media clock, each frame of 20 ms judged. The work of a worker.

A lost frame is rebuilt from the in-band FEC of the one after it, or concealed. A short gap in the timestamps (DTX, or
frames that the activity gate kept) becomes silence of the same length; a long one makes media time jump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .audio import AudioChunk, Pcm, samples, seconds
from .decode import FILL_LIMIT, RATIO
from .decoders import OpusDecoder, UndecodablePacket
from .encoded import EncodedFrame, Lost
from .judge import FrameJudge, JudgedFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """16 kHz audio, and the verdicts that are known with it; `heard_at` is when its newest packet came in."""

    chunk: AudioChunk
    judged: Sequence[JudgedFrame]
    heard_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEnded:
    """No more of this source, and the verdicts that were still owed; another source may follow."""

    judged: Sequence[JudgedFrame] = ()


MAX_CHUNK: Final = samples(1.0)  # and what is put in for one gap: no chunk is longer than twice this, about
SOURCE_END: Final = None  # among the frames: the source ends here

Item = EncodedFrame | Lost | None


@dataclass(slots=True, kw_only=True)
class Decoded:
    """What became of some frames, in order. Seconds of audio, but `undecodable`, which counts packets."""

    heard: list[Heard | SourceEnded | Lost] = field(default_factory=list)
    decoded_s: float = 0.0
    recovered_s: float = 0.0  # lost, and rebuilt from the packet after it
    quiet_s: float = 0.0  # lost, and made up: the sender's encoder had heard no speech in it
    concealed_s: float = 0.0  # lost, and made up; there may have been speech in it
    filled_s: float = 0.0  # silence put in
    undecodable: int = 0

    def add(self, other: Decoded) -> None:
        """Count with what came before; `heard` is not kept."""
        self.decoded_s += other.decoded_s
        self.recovered_s += other.recovered_s
        self.quiet_s += other.quiet_s
        self.concealed_s += other.concealed_s
        self.filled_s += other.filled_s
        self.undecodable += other.undecodable


class OpusStream:
    """One per speaker; one call at a time, in whatever thread, with the judge lent to it."""

    def __init__(self, judge: FrameJudge) -> None:
        self._judge = judge
        self._media_end = 0
        self._expected: int | None = None  # RTP time of the next frame; None: whatever comes first
        self._copies = False  # has the sender put copies (in-band FEC) into its packets?
        self._pieces: list[Pcm] = []  # ≤ the frames of one call

    def decode(self, decoder: OpusDecoder, frames: Sequence[Item]) -> Decoded:
        """`frames` in order, `SOURCE_END` and `Lost` among them; the latter is handed on in its place."""
        result = Decoded()
        arrived_at, count = 0.0, 0
        for number, frame in enumerate(frames):
            if frame is SOURCE_END:
                self._hand_over(result, arrived_at)
                result.heard.append(SourceEnded(judged=self._judge.flush()))
                self._expected = None
                decoder.reset()
                continue
            if isinstance(frame, Lost):
                self._hand_over(result, arrived_at)
                result.heard.append(frame)
                continue
            payload, timestamp, duration, _, _, arrived = frame
            if timestamp != self._expected:
                self._mind_the_gap(timestamp, decoder, result, arrived_at)
            try:
                pcm = decoder.decode(payload) if payload is not None else None
            except UndecodablePacket:
                result.undecodable += 1
                pcm = None
            if pcm is not None:
                count += len(pcm)
            else:
                pcm = self._made_up(frame, frames[number + 1] if number + 1 < len(frames) else None, decoder, result)
            self._pieces.append(pcm)
            self._expected = timestamp + duration
            arrived_at = arrived
            if sum(map(len, self._pieces)) >= MAX_CHUNK:
                self._hand_over(result, arrived_at)
        self._hand_over(result, arrived_at)
        result.decoded_s = seconds(count)
        return result

    def _mind_the_gap(self, timestamp: int, decoder: OpusDecoder, result: Decoded, arrived_at: float) -> None:
        if self._expected is None:
            return
        gap = timestamp - self._expected
        if 0 < gap <= FILL_LIMIT:
            silence = np.zeros(gap // RATIO, dtype=np.int16)
            result.filled_s += seconds(len(silence))
            self._pieces.append(silence)
            return
        self._hand_over(result, arrived_at)
        self._media_end += max(gap, 0) // RATIO
        decoder.reset()

    def _hand_over(self, result: Decoded, heard_at: float) -> None:
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        pcm = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        chunk = AudioChunk(start=self._media_end, pcm=pcm)
        self._media_end = chunk.end
        result.heard.append(Heard(chunk=chunk, judged=self._judge.feed(chunk, heard_at=heard_at), heard_at=heard_at))

    def _made_up(self, frame: EncodedFrame, following: Item, decoder: OpusDecoder, result: Decoded) -> Pcm:
        """In place of a frame that was lost, or cannot be decoded."""
        count = frame.duration // RATIO
        after = None
        if isinstance(following, EncodedFrame) and following.timestamp == frame.end:
            after = following.payload
        if frame.payload is None and after is not None:
            if decoder.copied(after):
                self._copies = True
                result.recovered_s += seconds(count)
                return decoder.recover(after, count)
            if self._copies:  # this sender makes copies, but of speech only (libopus, below 0.3 of speech activity)
                result.quiet_s += seconds(count)
                return decoder.conceal(count)
        result.concealed_s += seconds(count)
        return decoder.conceal(count)
