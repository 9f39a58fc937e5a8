"""Decoded 48 kHz frames of one track → 16 kHz mono chunks on the media clock. Stateful: one per speaker.

A short gap in the RTP timestamps (lost packets) becomes silence of the same length, so that words keep their
distance; a long one (mute, DTX, another track) makes media time jump instead of filling memory with zeros.
"""

from __future__ import annotations

from typing import Final

import av
import numpy as np
import soxr

from .audio import SAMPLE_RATE, WIRE_RATE, AudioChunk, Pcm, samples

RATIO: Final = WIRE_RATE // SAMPLE_RATE
FILL_LIMIT: Final = WIRE_RATE  # 1 s at 48 kHz: the longest gap that is filled with silence
BACKWARD_LIMIT: Final = WIRE_RATE // 2  # later than this, a frame is not late: the sender has started afresh


class UnsupportedAudio(Exception):
    """A frame that is not 48 kHz 16-bit mono or stereo: not what an Opus track of aiortc delivers."""

    component = "pipeline.decode"


def mono(frame: av.AudioFrame) -> Pcm:
    """The frame's samples as int16 mono at 48 kHz, shape `(frame.samples,)`."""
    if frame.sample_rate != WIRE_RATE or frame.format.name not in ("s16", "s16p"):
        raise UnsupportedAudio(f"expected 48000 Hz s16, got {frame.sample_rate} Hz {frame.format.name}")
    pcm: Pcm = frame.to_ndarray().astype(np.int16, copy=False)
    channels = len(frame.layout.channels)
    if channels == 1:
        return pcm.reshape(-1)
    if frame.format.is_planar:
        pcm = pcm.T
    mixed: Pcm = (pcm.reshape(-1, channels).astype(np.int32).sum(axis=1) // channels).astype(np.int16)
    return mixed


class Downsampler:
    """Feed the frames of one track after another; `restart` between tracks."""

    def __init__(self) -> None:
        self._media_end = 0  # media time after the last chunk
        self._expected: int | None = None  # RTP time of the next frame; None: whatever comes first
        self._stream = _new_stream()
        self.filled = 0  # samples of silence put in for lost packets

    def feed(self, frame: av.AudioFrame) -> list[AudioChunk]:
        """The audio that this frame completes; a late or repeated frame gives none."""
        pcm = mono(frame)
        chunks: list[AudioChunk] = []
        at = self._expected if frame.pts is None else frame.pts
        if at is not None and self._expected is not None and at != self._expected:
            missing = at - self._expected
            if -BACKWARD_LIMIT <= missing < 0:
                return []
            if 0 < missing <= FILL_LIMIT:
                self.filled += missing // RATIO
                chunks += self._resample(np.zeros(missing, dtype=np.int16))
            else:
                chunks += self.restart()
                self._media_end += max(missing, 0) // RATIO
        self._expected = None if at is None else at + len(pcm)
        return chunks + self._resample(pcm)

    def restart(self) -> list[AudioChunk]:
        """The track ended: what the resampler still holds. The next frame may begin at any RTP time."""
        rest = self._resample(np.zeros(0, dtype=np.int16), last=True)
        self._stream = _new_stream()
        self._expected = None
        return rest

    def _resample(self, pcm: Pcm, *, last: bool = False) -> list[AudioChunk]:
        resampled: Pcm = self._stream.resample_chunk(pcm, last=last)
        if not len(resampled):
            return []
        chunk = AudioChunk(start=self._media_end, pcm=resampled.reshape(-1))
        self._media_end = chunk.end
        return [chunk]


def _new_stream() -> soxr.ResampleStream:
    return soxr.ResampleStream(WIRE_RATE, SAMPLE_RATE, 1, dtype="int16", quality="HQ")


#: What `Downsampler` may hold back: HQ delays its output by about 14 ms.
MAX_DELAY: Final = samples(0.05)
