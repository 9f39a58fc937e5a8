"""One receiving peer connection: the boundary to aiortc. Audio only, no default STUN.

What arrives goes to the receiver that it was made for (`bot.rtp_tap`). Without one, or when the other side offers no
Opus, it comes out of `frames`, by way of `track.recv()`: the track's own queue in aiortc is unbounded, so whoever holds
such a `Peer` must keep `frames` drained at all times.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import av
from aiortc import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.sdp import candidate_from_sdp

from signaling import IceCandidate

from .errors import PeerFailed
from .ice import LocalAddresses
from .rtp_tap import Tap, answer_opus, selected
from .sdp import AudioOffer, NoAudio, audio_only

log = logging.getLogger("roomscribe.bot.peer")

CHECKS_S: Final = 0.025  # aioice looks at its connectivity checks every 20 ms
LATE_STEPS: Final = 10
MAX_CANDIDATES: Final = 64  # trickled ones of one connection: each is tried with each of ours
CLOSED: Final = "closed"

#: All that are in memory, whoever holds them: nobody has to say goodbye to be counted out, or be asked to be counted.
_made: Final[weakref.WeakSet[RTCPeerConnection]] = weakref.WeakSet()


def connections() -> tuple[int, int]:
    """Connections of all peers that are in memory: how many were never closed, and how many were."""
    closed = [connection.signalingState == CLOSED for connection in _made]
    return closed.count(False), closed.count(True)


async def close_connection(connection: RTCPeerConnection) -> None:
    """Close `connection` to its end; being cancelled meanwhile does not interrupt the closing.

    aiortc closes by itself when the other side hangs up, and lets every later closer wait on one shared future: a
    cancelled waiter would cancel that future, and the connection would never be closed.
    """
    await asyncio.shield(_close(connection))


async def _close(connection: RTCPeerConnection) -> None:
    transceivers = connection.getTransceivers()
    await connection.close()
    # An ICE or DTLS handshake that ends during the close still starts what comes next: the receiver with its thread and
    # its task, or ICE's consent checks. It may sleep between two looks at ICE's checks, and has a few steps of the loop
    # left after that; stopping twice does no harm.
    await asyncio.sleep(CHECKS_S)
    for _ in range(LATE_STEPS):
        await asyncio.sleep(0)
    for transceiver in transceivers:
        await transceiver.receiver.stop()
        await transceiver.sender.stop()
        await transceiver.receiver.transport.transport._connection.close()  # aiortc's own stop works only once
    _unlink(connection, transceivers)


def _unlink(connection: RTCPeerConnection, transceivers: Sequence[RTCRtpTransceiver]) -> None:
    """The parts of a connection listen to each other: that holds them in a circle, 120 kB and a thousand objects, until
    the collector of cycles comes by, which it does seldom. Nobody has anything to hear any more: they go at once.
    """
    for transceiver in transceivers:
        dtls = transceiver.receiver.transport
        for part in (dtls, dtls.transport, dtls.transport.iceGatherer, transceiver.receiver.track):
            if part is not None:
                part.remove_all_listeners()
    connection.remove_all_listeners()


class Peer:
    """`on_state` is called with aiortc's connection state ("connected", "failed", "closed", …).

    `tap` leads the RTP packets to its receiver; None: decoded frames come out of `frames`.
    """

    def __init__(
        self,
        addresses: LocalAddresses,
        ice_servers: tuple[RTCIceServer, ...],
        on_state: Callable[[str], None],
        *,
        relay_only: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self._addresses = addresses
        self._tap = tap
        self.tapped = False  # the receiver is given what arrives
        self._release: Callable[[], None] = lambda: None
        # An empty list, not None: None would make aiortc ask a public STUN server.
        policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers), iceTransportPolicy=policy))
        _made.add(self._connection)
        self._offer: AudioOffer | None = None
        self._candidates = 0  # that were trickled
        self._track: MediaStreamTrack | None = None
        self._connection.on("track", self._on_track)
        self._connection.on("connectionstatechange", lambda: on_state(self._connection.connectionState))

    @property
    def track(self) -> MediaStreamTrack | None:
        return self._track

    @property
    def problem(self) -> str:
        """Why the connection failed, where it can be told; for the operator."""
        for transceiver in self._connection.getTransceivers():
            dtls = transceiver.receiver.transport
            if dtls.state == "failed" and dtls.transport.state == "completed":
                return (
                    "the media server was reached, but the DTLS handshake failed. Does it have an RSA certificate "
                    "(Janus: `rsa_private_key`, or an own `cert_pem`)? roomscribe needs ECDSA, Janus's default"
                )
            if dtls.transport.state == "failed":
                return "the media server was not reached (see ROOMSCRIBE_ICE_ADDRESSES, and the firewall for UDP)"
        return ""

    @property
    def local_candidates(self) -> list[RTCIceCandidate]:
        """Those that were gathered."""
        return [
            candidate
            for transceiver in self._connection.getTransceivers()
            for candidate in transceiver.receiver.transport.transport.iceGatherer.getLocalCandidates()
        ]

    @property
    def selected(self) -> str:
        """The type of our candidate in the pair that ICE chose; empty: there is none."""
        return next(filter(None, map(selected, self._connection.getTransceivers())), "")

    @property
    def transceivers(self) -> list[RTCRtpTransceiver]:
        return self._connection.getTransceivers()

    async def answer(self, sdp: str) -> str:
        """Apply an offer (the first, or a renegotiation) and return the complete answer, candidates included.

        Raises `PeerFailed`: no audio in it, or an SDP that aiortc cannot take.
        """
        try:
            offer = audio_only(sdp)
            if self._offer is not None and offer.mid != self._offer.mid:
                raise PeerFailed("the microphone moved to another section of the offer")
            with self._addresses.gathering():
                await self._connection.setRemoteDescription(RTCSessionDescription(sdp=offer.sdp, type="offer"))
                for transceiver in self._connection.getTransceivers():
                    transceiver.direction = "recvonly"
                    self._lead_to_receiver(transceiver)
                answer = await self._connection.createAnswer()
                await self._connection.setLocalDescription(answer)
        except PeerFailed:
            raise
        except NoAudio as error:
            raise PeerFailed(str(error)) from error
        except Exception as error:
            raise PeerFailed(f"the offer was not accepted ({type(error).__name__})") from error
        self._offer = offer
        return offer.answer(self._connection.localDescription.sdp)

    async def add_candidate(self, ice: IceCandidate) -> None:
        """Apply a trickled candidate; one that is not for the audio section, or not UDP, is left out."""
        if self._offer is None or not self._offer.concerns(ice.sdp_mid, ice.sdp_mline_index):
            return
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            return
        text = ice.candidate.removeprefix("a=").removeprefix("candidate:")
        try:
            if not text.strip():
                await self._connection.addIceCandidate(None)
                return
            candidate = candidate_from_sdp(text)
            if candidate.protocol.lower() == "udp":
                candidate.sdpMid = self._offer.mid
                await self._connection.addIceCandidate(candidate)
        except Exception as error:  # noqa: BLE001 — text of a stranger, and aiortc has no type for its objections
            log.info("left out a candidate that cannot be used (%s)", type(error).__name__)

    async def frames(self) -> AsyncIterator[av.AudioFrame]:
        """The decoded frames of the track until it ends."""
        if self._track is None:
            return
        while True:
            try:
                frame = await self._track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.AudioFrame):
                yield frame

    async def close(self) -> None:
        """Release sockets and the decoder thread."""
        if self._tap is not None and self.tapped:
            self._tap.detach()
        await asyncio.shield(self._close())  # as in `close_connection`

    async def _close(self) -> None:
        await _close(self._connection)
        self._release()

    def _lead_to_receiver(self, transceiver: RTCRtpTransceiver) -> None:
        """A receiver decodes nothing but Opus, so the answer has Opus alone."""
        if self._tap is None or (self._offer is not None and not self.tapped):
            return
        if not answer_opus(transceiver):
            if self.tapped:
                raise PeerFailed("the microphone is not offered as Opus any more")
            log.warning("a publisher offers no Opus: its audio is taken as aiortc decodes it")
        elif not self.tapped:
            self._release = self._tap.attach(transceiver)
            self.tapped = True

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._track = track
