"""Opus packets → 16 kHz mono by av: decoded at 48 kHz and downsampled. For machines on which libopus cannot be loaded.

av can neither read the copies of lost packets nor conceal: what was lost is silence. The resampler holds some audio
back, so everything comes out a little later, and always by as much.
"""

from __future__ import annotations

import threading
from typing import Final

import av
import numpy as np
import soxr

from .audio import SAMPLE_RATE, WIRE_RATE, Pcm, samples
from .decode import RATIO, mono
from .decoders import UndecodablePacket

#: FFmpeg's own decoder ("opus") gives damaged packets another length than they say, and media time would drift.
CODEC: Final = "libopus"
NAME: Final = f"av {av.__version__}"
DELAY: Final = samples(0.04)  # the HQ resampler holds back up to 586 samples


class AvDecoder:
    """An `OpusDecoder`. Two threads at once would confuse it, but not corrupt memory: each call waits for the other.

    Raises `ValueError` if av was built without libopus.
    """

    def __init__(self) -> None:
        codec = av.CodecContext.create(CODEC, "r")
        assert isinstance(codec, av.AudioCodecContext)
        codec.sample_rate, codec.layout, codec.format = WIRE_RATE, av.AudioLayout("mono"), av.AudioFormat("s16")
        self._codec: av.AudioCodecContext | None = codec
        self._lock = threading.Lock()
        self._begin()

    def decode(self, payload: bytes) -> Pcm:
        with self._lock:
            codec = self._open()
            if not payload:  # FFmpeg would take it for the end of the stream
                raise UndecodablePacket("empty packet")
            try:
                frames = codec.decode(av.Packet(payload))
            except av.FFmpegError as error:
                raise UndecodablePacket(error.strerror) from error
            return self._downsampled(np.concatenate([mono(frame) for frame in frames]))

    def copied(self, following: bytes) -> int:
        """av gives no access to the copies."""
        return 0

    def recover(self, following: bytes, count: int) -> Pcm:
        return self.conceal(count)

    def conceal(self, count: int) -> Pcm:
        with self._lock:
            self._open()
            return self._downsampled(np.zeros(count * RATIO, dtype=np.int16))

    def reset(self) -> None:
        with self._lock:
            self._open().flush_buffers()
            self._begin()

    def close(self) -> None:
        with self._lock:
            self._codec = None

    def _begin(self) -> None:
        self._stream = soxr.ResampleStream(WIRE_RATE, SAMPLE_RATE, 1, dtype="int16", quality="HQ")
        self._ready: Pcm = np.zeros(DELAY, dtype=np.int16)  # downsampled, not given out yet; ≤ DELAY

    def _downsampled(self, pcm: Pcm) -> Pcm:
        """As many samples as `pcm` lasts."""
        ready = np.concatenate((self._ready, self._stream.resample_chunk(pcm)))
        count = len(pcm) // RATIO
        self._ready = ready[count:]
        return ready[:count].copy()

    def _open(self) -> av.AudioCodecContext:
        if self._codec is None:
            raise ValueError("the decoder is closed")
        return self._codec
