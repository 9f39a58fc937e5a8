"""A microphone that plays clips in real time, and silence between them. Any number of peers may listen to it."""

from __future__ import annotations

import asyncio
import fractions
from typing import Final

import av
import numpy as np
from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamTrack

from pipeline import WIRE_RATE

from .clip import FRAME, Pcm

TIME_BASE: Final = fractions.Fraction(1, WIRE_RATE)
FRAME_S: Final = FRAME / WIRE_RATE
SILENCE: Final[Pcm] = np.zeros(FRAME, dtype=np.int16)


class Microphone:
    """48 kHz mono. Every peer gets a track of its own: a track that two senders read would run at double speed."""

    def __init__(self) -> None:
        self._clip: Pcm = SILENCE[:0]
        self._begun_at = 0.0  # loop time of the clip's first sample
        self.muted = False

    def play(self, clip: Pcm) -> float:
        """Speak `clip` from the next 20 ms on. Returns the loop time of its first sample."""
        loop = asyncio.get_running_loop()
        self._clip = clip
        self._begun_at = (loop.time() // FRAME_S + 1) * FRAME_S
        return self._begun_at

    def stop_playing(self) -> None:
        """Fall silent, in mid-word if need be."""
        self._clip = SILENCE[:0]

    def track(self) -> MediaStreamTrack:
        """A new track for one peer connection."""
        return _Track(self)

    def offered(self, offer: str) -> str:
        """What the browser says of it is as aiortc would have it."""
        return offer

    def connected(self, peer: RTCPeerConnection) -> None:
        """aiortc reads the track by itself."""

    def gone(self, peer: RTCPeerConnection) -> None:
        """aiortc stops reading by itself."""

    def heard(self, begin: float) -> Pcm:
        """The 20 ms from loop time `begin` on, shape `(FRAME,)`."""
        at = round((begin - self._begun_at) * WIRE_RATE)
        if self.muted or at < 0 or at >= len(self._clip):
            return SILENCE
        pcm = self._clip[at : at + FRAME]
        return pcm if len(pcm) == FRAME else np.concatenate((pcm, SILENCE[: FRAME - len(pcm)]))


class _Track(MediaStreamTrack):
    """One frame every 20 ms. As with a real microphone, it is delivered when its last sample was heard."""

    kind = "audio"

    def __init__(self, microphone: Microphone) -> None:
        super().__init__()
        self._microphone = microphone
        self._first: int | None = None  # number of the first frame, counted in 20 ms of loop time
        self._number = 0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        if self._first is None:
            self._first = self._number = int(loop.time() // FRAME_S)
        end = (self._number + 1) * FRAME_S
        await asyncio.sleep(max(0.0, end - loop.time()))
        pcm = self._microphone.heard(self._number * FRAME_S)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, (self._number - self._first) * FRAME, TIME_BASE
        self._number += 1
        return frame
