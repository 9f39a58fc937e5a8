"""A microphone that plays clips in real time, and silence between them."""

from __future__ import annotations

import asyncio
import fractions
from typing import Final

import av
import numpy as np
from aiortc.mediastreams import MediaStreamTrack

from pipeline import WIRE_RATE

from .clip import FRAME, Pcm

TIME_BASE: Final = fractions.Fraction(1, WIRE_RATE)
SILENCE: Final[Pcm] = np.zeros(FRAME, dtype=np.int16)


class Microphone(MediaStreamTrack):
    """48 kHz mono, one frame every 20 ms. As with a real one, a frame is delivered when its last sample was heard.

    aiortc's sender reads it; only one reader keeps the pace right.
    """

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._origin: float | None = None
        self._at = 0  # samples delivered
        self._clip: Pcm = SILENCE[:0]
        self._position = 0
        self._started: asyncio.Future[float] | None = None
        self.muted = False

    async def play(self, clip: Pcm) -> float:
        """Speak `clip` from the next frame on; returns the loop time of its first sample at once when known."""
        self._clip, self._position = clip, 0
        self._started = asyncio.get_running_loop().create_future()
        return await self._started

    def stop_playing(self) -> None:
        """Fall silent, in mid-word if need be."""
        self._clip, self._position = SILENCE[:0], 0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        if self._origin is None:
            self._origin = loop.time()
        begin = self._origin + self._at / WIRE_RATE
        pcm = self._next_frame(begin)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, self._at, TIME_BASE
        self._at += FRAME
        await asyncio.sleep(max(0.0, self._origin + self._at / WIRE_RATE - loop.time()))
        return frame

    def _next_frame(self, begin: float) -> Pcm:
        if self._started is not None:
            if not self._started.done():
                self._started.set_result(begin)
            self._started = None
        pcm = self._clip[self._position : self._position + FRAME]
        self._position += len(pcm)
        if self.muted or not len(pcm):
            return SILENCE
        return np.concatenate((pcm, SILENCE[: FRAME - len(pcm)])) if len(pcm) < FRAME else pcm
