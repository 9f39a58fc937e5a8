"""The stock way to receive, for comparison: aiortc's `track.recv()`, and soxr for each frame of 20 ms."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import numpy as np
import soxr
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.jitterbuffer import JitterBuffer
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

from bot import LOOPBACK, close_connection
from pipeline import SAMPLE_RATE, WIRE_RATE
from soak.clip import FRAME
from soak.crew import Crew

from .media_receiver import Options, main

CLOCK: Final = 1 << 32  # RTP timestamps begin anew after it
TICK_MS: Final = 1000 * FRAME / WIRE_RATE


class _Ear:
    """What came out of one track. Timestamps are RTP's."""

    __slots__ = ("first", "frames", "last", "samples")

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0
        self.frames = 0
        self.samples = 0  # at 16 kHz

    @property
    def expected(self) -> int:
        """Frames from the first to the newest, the missing ones included."""
        return 0 if self.first is None else (self.last - self.first) % CLOCK // FRAME + 1


class Stock:
    """One peer connection for each speaker, and one task that reads its track."""

    def __init__(self, crew: Crew, _options: Options) -> None:
        self._crew = crew
        self._peers: list[RTCPeerConnection] = []  # ≤ speakers
        self._ears: list[_Ear] = []  # ≤ speakers

    async def answer(self, offer: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        peer.on("track", lambda track: self._crew.start(self._listen(track)))
        with LOOPBACK.gathering():
            await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    def packets(self) -> int:
        return sum(_arrived(receiver) for receiver in self._receivers())

    def extra(self) -> dict[str, Any]:
        frames = sum(ear.frames for ear in self._ears)
        expected = sum(ear.expected for ear in self._ears)
        held = [_held(receiver) for receiver in self._receivers()]
        return {
            "decoded_s": round(sum(ear.samples for ear in self._ears) / SAMPLE_RATE, 2),
            "audio_lost_fraction": round(1 - frames / expected, 4) if expected else None,
            "holdback_ms": round(sum(held) / len(held) * TICK_MS, 1) if held else None,
        }

    async def close(self) -> None:
        await asyncio.gather(*map(close_connection, self._peers))

    async def _listen(self, track: MediaStreamTrack) -> None:
        ear = _Ear()
        self._ears.append(ear)
        resampler = soxr.ResampleStream(WIRE_RATE, SAMPLE_RATE, 1, dtype="int16", quality="HQ")
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            pts = frame.pts or 0
            if ear.first is None:
                ear.first = pts
            ear.last = pts
            ear.frames += 1
            left = np.ascontiguousarray(frame.to_ndarray().reshape(-1, 2)[:, 0])  # aiortc decodes to stereo
            ear.samples += len(resampler.resample_chunk(left))

    def _receivers(self) -> list[RTCRtpReceiver]:
        return [receiver for peer in self._peers for receiver in peer.getReceivers()]


# Not public in aiortc: read between the packets, so that it costs the measured path nothing.
def _arrived(receiver: RTCRtpReceiver) -> int:
    """RTP packets, before the jitter buffer."""
    streams: dict[int, Any] = receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]
    return sum(stream.packets_received for stream in streams.values())


def _held(receiver: RTCRtpReceiver) -> int:
    """How many packets its jitter buffer holds back, lost ones among them: from the oldest to the newest."""
    buffer: JitterBuffer = receiver._RTCRtpReceiver__jitter_buffer  # type: ignore[attr-defined]
    begin = buffer._origin or 0
    ages = [at for at in range(buffer.capacity) if buffer._packets[(begin + at) % buffer.capacity] is not None]
    return ages[-1] + 1 if ages else 0


if __name__ == "__main__":
    main(Stock)
