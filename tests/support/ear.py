"""Somebody who subscribes to the microphone of the captions page, and hears whether there is sound.

async with listening(demo) as ear:
    await ear.hears(sound)
"""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from bot import LOOPBACK
from tests.support.demo_server import PATIENCE_S

LOUD, SILENT = 300, 5  # rms of 16 bit samples
WINDOW = 25  # frames of 20 ms


class Ear:
    """A subscriber of the page's microphone."""

    def __init__(self, demo, session):
        self.demo = demo
        self.session = session
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()
        self.peer.on("track", self.track.set_result)
        self.peer.on("connectionstatechange", lambda: self.peer.connectionState == "closed" and self.closed.set())

    async def subscribe(self):
        """Ask, and answer the offer; then take its candidates, for ever."""
        mail = self.demo.mail[self.session] = asyncio.Queue()
        await self.demo.message(self.session, {"type": "requestoffer", "roomType": "video"})
        offer = await mail.get()
        assert (offer["type"], offer["roomType"], offer["to"]) == ("offer", "video", self.session)
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=offer["payload"]["sdp"], type="offer"))
        with LOOPBACK.gathering():
            await self.peer.setLocalDescription(await self.peer.createAnswer())
        answer = {"type": "answer", "sdp": self.peer.localDescription.sdp}
        common = {"roomType": "video", "sid": offer["sid"]}
        await self.demo.message(self.session, {"type": "answer", **common, "payload": answer})
        while True:
            data = await mail.get()
            assert (data["type"], data["sid"]) == ("candidate", offer["sid"])
            trickled = data["payload"]["candidate"]
            candidate = candidate_from_sdp(trickled["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = trickled["sdpMid"], trickled["sdpMLineIndex"]
            await self.peer.addIceCandidate(candidate)

    async def hears(self, expected):
        """Listen until half a second is as `expected` says of its rms."""
        window = []
        async with asyncio.timeout(PATIENCE_S):
            track = await self.track
            while len(window) < WINDOW or not expected(rms(window)):
                frame = await track.recv()
                window = [*window[-(WINDOW - 1) :], frame.to_ndarray().astype(float)]


def rms(frames):
    return float(np.sqrt(np.mean(np.concatenate(frames, axis=None) ** 2)))


def sound(level):
    return level > LOUD


def silence(level):
    return level < SILENT


@contextlib.asynccontextmanager
async def listening(demo, session="bot"):
    ear = Ear(demo, session)
    async with asyncio.TaskGroup() as tasks:
        subscribing = tasks.create_task(ear.subscribe())
        try:
            yield ear
        finally:
            subscribing.cancel()
            await ear.peer.close()
