"""The one place that leans on private parts of aiortc and aioice: RTP goes from the datagram straight to a receiver.

aiortc keeps ICE, DTLS, the SRTP keys, RTCP and the receiver reports; its jitter buffer, its decoder thread and its
queues are left out. `missing` looks for the private parts at start; without them, `Peer.frames` is the way.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pylibsrtp
from aioice import Connection
from aiortc import (
    RTCCertificate,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceTransport,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
)
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pipeline import RtpReceiver
from pipeline.rtcp import read
from pipeline.rtp import AUDIO_LEVEL_URI, is_rtp

from . import srtp as in_place
from .srtp import InPlace
from .sweep import EPOLL, Address, Sweeper

if TYPE_CHECKING:
    from aiortc.rtcrtpparameters import RTCRtpReceiveParameters

OPUS: Final = "audio/opus"
OPUS_PARAMETERS: Final = {"minptime": 10, "useinbandfec": 1}  # RFC 7587 §6.1: send us what rebuilds lost packets

_STOP_DECODER: Final = "_RTCRtpReceiver__stop_decoder"
_STATISTICS: Final = "_RTCRtpReceiver__remote_streams"
_LSR: Final = "_RTCRtpReceiver__lsr"
_LSR_AT: Final = "_RTCRtpReceiver__lsr_time"


class Clocks(NamedTuple):
    """Of each source, the time of its last sender report, and when that came (wallclock): what aiortc reports from."""

    lsr: dict[int, int]
    at: dict[int, float]


def missing() -> str:
    """What of aiortc and aioice is not as this module needs it; empty: everything is there. Opens no socket."""
    try:
        return _first_missing()
    except Exception as error:  # noqa: BLE001 — whatever a version of theirs comes up with
        return f"its parts cannot be put together ({type(error).__name__})"


def _first_missing() -> str:
    ice = RTCIceTransport(RTCIceGatherer(iceServers=[]))
    dtls = RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])
    receiver = RTCRtpReceiver("audio", dtls)
    wanted: list[tuple[object, str, type | Callable[..., object]]] = [
        (ice, "_connection", Connection),
        (getattr(ice, "_connection", None), "data_received", callable),
        (dtls, "_rx_srtp", lambda value: value is None),
        (RTCRtpTransceiver("audio", receiver, RTCRtpSender("audio", dtls)), "_codecs", list),
        (receiver, "receive", asyncio.iscoroutinefunction),
        (receiver, _STOP_DECODER, callable),
        (receiver, _STATISTICS, dict),
        (receiver, _LSR, dict),
        (receiver, _LSR_AT, dict),
        (pylibsrtp.Session, "unprotect", callable),
    ]
    for owner, name, kind in wanted:
        if not hasattr(owner, name):
            return f"{type(owner).__name__} has no {name}"
        value = getattr(owner, name)
        if not (isinstance(value, kind) if isinstance(kind, type) else kind(value)):
            return f"{name} of {type(owner).__name__} is something else"
    return ""


def make_sweeper() -> Sweeper | None:
    """None where sockets cannot be read together: they are then read one by one, which costs more."""
    leans_on = (EPOLL, in_place.HERE, hasattr(asyncio.get_running_loop(), "_remove_reader"))
    return Sweeper() if all(leans_on) else None


def answer_opus(transceiver: RTCRtpTransceiver) -> bool:
    """Make the answer take Opus alone, with in-band FEC. False: it was not offered. Call it after each offer."""
    opus = [codec for codec in transceiver._codecs if codec.mimeType.lower() == OPUS]
    if opus:
        transceiver._codecs = opus
        for codec in opus:
            codec.parameters = {**codec.parameters, **OPUS_PARAMETERS}
    return bool(opus)


def selected(transceiver: RTCRtpTransceiver) -> str:
    """The type of our candidate in the pair that ICE chose, "host" or "relay"; empty: it cannot be told."""
    connection: Any = getattr(transceiver.receiver.transport.transport, "_connection", None)
    for pair in getattr(connection, "_nominated", {}).values():
        return str(getattr(pair.local_candidate, "type", ""))
    return ""


def certificate(transceiver: RTCRtpTransceiver) -> str:
    """The kind of the other side's certificate, "EC secp256r1" or "RSA 2048"; empty: it cannot be told."""
    connection: Any = getattr(transceiver.receiver.transport, "_ssl", None)
    theirs = connection.get_peer_certificate(as_cryptography=True) if connection is not None else None
    match theirs.public_key() if theirs is not None else None:
        case ec.EllipticCurvePublicKey() as key:
            return f"EC {key.curve.name}"
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case None:
            return ""
        case key:
            return type(key).__name__.removesuffix("PublicKey")


class Tap:
    """Leads what arrives for one speaker to its `receiver`; the transceiver's own track stays silent.

    With a `sweeper`, the socket is read by it once the connection is up, and no longer by asyncio.
    """

    def __init__(self, receiver: RtpReceiver, sweeper: Sweeper | None = None) -> None:
        self.receiver = receiver
        self._sweeper = sweeper
        self._clock = asyncio.get_running_loop().time
        self._connection: Any = None  # the present one; whatever an older one still brings is left alone
        self._sockets: list[socket.socket] = []  # of the present connection; ≤ its candidates

    def attach(self, transceiver: RTCRtpTransceiver) -> Callable[[], None]:
        """Call it between the offer and the answer: before anything can arrive, and aiortc starts its decoder.

        Call what is returned when the connection has closed: until then, its parts and what was put into them hold each
        other.
        """
        track_receiver: Any = transceiver.receiver  # of which we use more than its types say
        dtls: Any = track_receiver.transport
        connection: Any = dtls.transport._connection
        pass_on = connection.data_received
        start = track_receiver.receive
        self._connection = connection

        def data_received(data: bytes, component: int) -> None:
            if not is_rtp(data):
                if data:  # of nothing, aiortc would die
                    pass_on(data, component)
            elif self._connection is connection:
                self._rtp(data, dtls._rx_srtp)

        async def receive(parameters: RTCRtpReceiveParameters) -> None:
            await start(parameters)
            getattr(track_receiver, _STOP_DECODER)()
            if self._connection is not connection:
                return  # it was closed meanwhile
            self._negotiated(parameters, getattr(track_receiver, _STATISTICS))
            if self._sweeper is not None:
                for protocol in list(getattr(connection, "_protocols", ())):
                    clocks = Clocks(getattr(track_receiver, _LSR), getattr(track_receiver, _LSR_AT))
                    replaced.add((protocol, "connection_lost"))
                    self._take_over(protocol, dtls._rx_srtp, clocks, self._sweeper)

        replaced: set[tuple[Any, str]] = {(connection, "data_received"), (track_receiver, "receive")}
        connection.data_received = data_received
        track_receiver.receive = receive

        def release() -> None:
            for part, name in replaced:
                vars(part).pop(name, None)
            replaced.clear()

        return release

    def drain(self) -> None:
        """Hear what has come in and was not read yet: the last word of somebody who has just left."""
        if self._sweeper is not None:
            for sock in self._sockets:
                self._sweeper.drain(sock)

    def detach(self) -> None:
        """Nothing more comes from the connection; another may be attached."""
        if self._connection is not None:
            self.drain()
            self._connection = None
            self._sockets.clear()
            self.receiver.source_ended(now=self._clock())

    def _rtp(self, data: bytes, srtp: pylibsrtp.Session | None) -> None:
        if srtp is None:
            return  # the keys are still being agreed on
        try:
            packet = srtp.unprotect(data)
        except (pylibsrtp.Error, ValueError):  # ValueError: longer than SRTP takes
            self.receiver.counts["undecipherable"] += 1
            return
        self.receiver.packet(packet, now=self._clock())

    def _negotiated(self, parameters: RTCRtpReceiveParameters, statistics: dict[int, object]) -> None:
        def on_source(ssrc: int, reception: object) -> None:
            statistics.clear()  # the receiver reports tell of the present source only
            statistics[ssrc] = reception

        opus = [codec.payloadType for codec in parameters.codecs if codec.mimeType.lower() == OPUS]
        self.receiver.negotiated(
            payload_types=[number for number in opus if number is not None],
            level_id=next((each.id for each in parameters.headerExtensions if each.uri == AUDIO_LEVEL_URI), 0),
            on_source=on_source,
        )

    def _rtcp(self, data: bytearray, length: int, clocks: Clocks, now: float) -> None:
        """What aiortc would make of it, without its queues and tasks; its own reports then tell of these."""
        reports, gone = read(data, length=max(length, 0))
        for ssrc, lsr in reports:
            clocks.lsr.clear()
            clocks.at.clear()
            clocks.lsr[ssrc], clocks.at[ssrc] = lsr, time.time()
        if self.receiver.ssrc in gone:
            self.receiver.source_ended(now=now)

    def _take_over(self, protocol: Any, srtp: pylibsrtp.Session, clocks: Clocks, sweeper: Sweeper) -> None:
        """Read the socket of an ICE candidate. One that has none (TURN) goes on as before."""
        sock = getattr(getattr(protocol, "transport", None), "_sock", None)
        if not isinstance(sock, socket.socket):
            return
        self.receiver.read_until = sweeper.read_until
        if hasattr(protocol, "swept"):
            return  # this is a renegotiation
        lost, received = protocol.connection_lost, protocol.datagram_received
        data, take_in = sweeper.buffer, self.receiver.packet
        cipher = InPlace(srtp, data)
        unprotect = cipher.unprotect
        connection = self._connection

        def on_datagram(length: int, address: Address, now: float) -> None:
            if self._connection is not connection:
                return
            if length > 1 and 127 < data[0] < 192 and not 191 < data[1] < 224:  # `is_rtp`, without the call
                length = unprotect(length)
                if length >= 0:
                    take_in(data, now=now, length=length)
                else:
                    self.receiver.counts["undecipherable"] += 1
            elif length > 1 and 127 < data[0] < 192:
                self._rtcp(data, cipher.unprotect_rtcp(length), clocks, now)
            elif length:
                received(bytes(data[:length]), address)

        def has_room() -> bool:
            return self._connection is not connection or self.receiver.has_room()

        def connection_lost(error: Exception | None) -> None:
            sweeper.unwatch(sock)
            lost(error)

        loop: Any = asyncio.get_running_loop()
        protocol.connection_lost = connection_lost
        sweeper.watch(sock, on_datagram, protocol.error_received, has_room)
        self._sockets.append(sock)
        loop._remove_reader(sock.fileno())  # the public way refuses a transport's socket
        protocol.swept = True
