"""Does media come through? Somebody silent publishes to the media server, and a bot subscribes to them, as it would to
anybody else. Both are ours, in a room that nobody else can name.

The publisher is who learns the media server's certificate: there, aiortc is the DTLS server, and takes any. As the DTLS
client, which a subscriber is, it offers cipher suites for ECDSA alone, and sees no other certificate.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.sdp import candidate_from_sdp

from pipeline import DropOldest
from signaling import (
    Answer,
    Candidate,
    ErrorReply,
    Event,
    MessageReceived,
    Offer,
    RoomEntered,
    SendAnswer,
    SendOffer,
    SendOfferRequest,
    SessionLost,
    SessionRejected,
    SessionSettings,
    SignalingClient,
)

from .errors import PeerFailed
from .peer import Peer, close_connection
from .rtp_tap import certificate, selected
from .settings import RoomSettings

ENTER_S: Final = 10.0  # for a session to be in the room
ANSWER_S: Final = 15.0  # for what the media server says: HPB itself waits 10 s for it
CONNECT_S: Final = 15.0  # for ICE, then DTLS
HEAR_S: Final = 5.0  # for the first audio
MAILBOX: Final = 256  # what one session hears
SETTLED: Final = ("connected", "failed", "closed")

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class MediaTrial:
    """How far it came: the fields are filled in from the first on. `problem` is what ended it, for people; `refusal`
    the code of the error, where the signaling server gave one.
    """

    entered: bool = False  # both are in the room
    answered: bool = False  # the media server took our audio
    way: str = ""  # the type of our candidate that was chosen: host, srflx or relay
    certificate: str = ""  # the media server's, such as "EC secp256r1"
    connected_s: float | None = None  # from its answer to the end of the DTLS handshake
    sockets: int = 0  # that one subscription takes
    heard_s: float | None = None  # from our request for audio to its coming
    refusal: str = ""
    problem: str = ""


class _Stopped(Exception):
    """The trial ends here; the message says why."""

    component = "bot.media_check"

    def __init__(self, problem: str, *, refusal: str = "") -> None:
        super().__init__(problem)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _PeerState:
    """A peer connection changed its state."""

    state: str


class _Line:
    """One session in the room, and what is heard on it."""

    def __init__(self, http: aiohttp.ClientSession, settings: SessionSettings) -> None:
        self.client = SignalingClient(http, settings)
        self._mailbox: DropOldest[Event | _PeerState] = DropOldest(MAILBOX)

    def handle(self, event: Event | _PeerState) -> None:
        self._mailbox.put(event)

    async def hear(self, *kinds: type[T]) -> T:
        """The next of these kinds. Raises `_Stopped` when the session ends before that, or something is refused."""
        while True:
            event = await self._mailbox.get()
            said: object = event.message if isinstance(event, MessageReceived) else event
            match said:
                case SessionLost(reason=reason):
                    raise _Stopped(reason)
                case SessionRejected(code=code, explanation=explanation):
                    raise _Stopped(explanation, refusal=code)
                case ErrorReply(code=code):
                    raise _Stopped(f"the signaling server refused it ({code})", refusal=code)
            if isinstance(said, kinds):
                return said

    async def settled(self, add: Callable[[Candidate], Awaitable[None]]) -> str:
        """Take candidates until the peer connection is connected, or will not be; its state. Empty: not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                while True:
                    match await self.hear(_PeerState, Candidate):
                        case Candidate() as candidate:
                            await add(candidate)
                        case _PeerState(state=state) if state in SETTLED:
                            return state
        return ""


async def try_media(
    http: aiohttp.ClientSession, settings: RoomSettings, ice_servers: tuple[RTCIceServer, ...]
) -> MediaTrial:
    """Publish and subscribe, with the addresses and the ICE policy of the settings. Two hellos; a failure is told."""
    trial, room = MediaTrial(), f"roomscribe-{secrets.token_hex(16)}"
    signaling = settings.signaling
    session = SessionSettings(url=signaling.url, credentials=signaling.credentials, room=room)
    speaker, listener = _Line(http, session), _Line(http, session)
    async with asyncio.TaskGroup() as tasks:
        running = []
        try:
            for line in (speaker, listener):
                running.append(tasks.create_task(line.client.run(line.handle)))
                await _in_time(ENTER_S, line.hear(RoomEntered), "the signaling server let us into no room in time")
            trial.entered = True
            await _publish(trial, speaker, settings, ice_servers, _subscribing(trial, listener, settings, ice_servers))
        except _Stopped as stopped:
            trial.problem, trial.refusal = str(stopped), stopped.refusal
        finally:
            for line in (speaker, listener):
                await line.client.leave()
            for each in running:
                each.cancel()
    return trial


async def _publish(
    trial: MediaTrial,
    line: _Line,
    settings: RoomSettings,
    ice_servers: tuple[RTCIceServer, ...],
    meanwhile: Callable[[str], Awaitable[None]],
) -> None:
    """`meanwhile` is given the session that publishes, while it does."""
    clock = asyncio.get_running_loop().time
    policy = RTCIceTransportPolicy.RELAY if settings.relay_only else RTCIceTransportPolicy.ALL
    connection = RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers), iceTransportPolicy=policy))
    connection.on("connectionstatechange", lambda: line.handle(_PeerState(connection.connectionState)))
    try:
        transceiver = connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
        with settings.addresses.gathering():
            await connection.setLocalDescription(await connection.createOffer())
        me, sdp = line.client.session_id, connection.localDescription.sdp
        await line.client.send(SendOffer(recipient=me, sid=secrets.token_hex(8), sdp=sdp))
        answer = await _in_time(ANSWER_S, line.hear(Answer), "the media server did not answer in time")
        trial.answered, began = True, clock()
        await connection.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type="answer"))
        if await line.settled(lambda candidate: _add(connection, candidate)) != "connected":
            reached = transceiver.sender.transport.transport.state == "completed"
            raise _Stopped(
                "the media server was reached, but the DTLS handshake with it failed"
                if reached
                else "the media server was not reached"
            )
        trial.connected_s = clock() - began
        trial.way, trial.certificate = selected(transceiver), certificate(transceiver)
        await meanwhile(me)
    finally:
        await close_connection(connection)


async def _add(connection: RTCPeerConnection, theirs: Candidate) -> None:
    text = theirs.candidate.candidate.removeprefix("candidate:")
    if not text:
        return
    candidate = candidate_from_sdp(text)
    candidate.sdpMid, candidate.sdpMLineIndex = theirs.candidate.sdp_mid, theirs.candidate.sdp_mline_index
    if candidate.protocol.lower() == "udp":
        await connection.addIceCandidate(candidate)


def _subscribing(
    trial: MediaTrial, line: _Line, settings: RoomSettings, ice_servers: tuple[RTCIceServer, ...]
) -> Callable[[str], Awaitable[None]]:
    """As `Subscriber` does it, once."""

    async def subscribe(publisher: str) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        changed = line.handle
        peer = Peer(
            settings.addresses, ice_servers, lambda state: changed(_PeerState(state)), relay_only=settings.relay_only
        )
        try:
            await line.client.send(SendOfferRequest(publisher=publisher, request_id="offer"))
            offer = await _in_time(ANSWER_S, line.hear(Offer), "the media server offered our audio to nobody")
            sdp = await peer.answer(offer.sdp)
            await line.client.send(SendAnswer(recipient=publisher, sid=offer.sid, sdp=sdp, request_id="answer"))
            ours = {(each.ip, each.port) for each in peer.local_candidates if each.type in ("host", "relay")}
            trial.sockets = len(ours)
            if await line.settled(lambda candidate: peer.add_candidate(candidate.candidate)) != "connected":
                raise _Stopped(peer.problem or "the subscription did not come about in time")
            await _in_time(HEAR_S, _first_frame(peer), "the subscription came about, but no audio came")
            trial.heard_s = clock() - began
        except PeerFailed as error:
            raise _Stopped(str(error)) from error
        finally:
            await peer.close()

    return subscribe


async def _first_frame(peer: Peer) -> None:
    try:
        if peer.track is not None:
            await peer.track.recv()
            return
    except MediaStreamError:
        pass
    raise _Stopped("the subscription ended before audio came")


async def _in_time(limit_s: float, work: Awaitable[T], otherwise: str) -> T:
    """Raises `_Stopped`."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError as error:
        raise _Stopped(otherwise) from error
