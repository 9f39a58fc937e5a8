"""An ordinary participant of a room, as a browser would be one: joins with a ticket, may speak, may read.

On a server with a media server (feature `mcu`) it publishes once, to itself, as Talk's clients do; on the embedded one
it answers each subscriber. Media is gathered on loopback unless told otherwise: synthetic speech never leaves the
machine.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.sdp import candidate_from_sdp

from bot import LOOPBACK, LocalAddresses, close_connection
from pipeline import DropOldest
from signaling import (
    Answer,
    Candidate,
    Event,
    MessageReceived,
    OfferRequested,
    PeopleJoined,
    PeopleLeft,
    RoomEntered,
    SendOffer,
    SessionLost,
    SessionRejected,
    SessionResumed,
    SessionSettings,
    SessionStarted,
    SignalingClient,
    TicketCredentials,
    TranscriptReceived,
)

log = logging.getLogger("roomscribe.soak.participant")

MAX_NAMES: Final = 1000  # of people in the room
MAX_FORMER: Final = 64  # of people who have just left
MAX_PEERS: Final = 64
MAILBOX: Final = 64


def http_session() -> aiohttp.ClientSession:
    """For any number of people: each holds a websocket, and aiohttp's usual limit of 100 would let the others wait."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


class Source(Protocol):
    """What a participant publishes: a `Microphone`, or whoever sends packets around aiortc."""

    def track(self) -> MediaStreamTrack:
        """A new one for each connection."""

    def offered(self, offer: str) -> str:
        """Our offer, as it is to be sent."""

    def connected(self, peer: RTCPeerConnection) -> None:
        """Somebody receives the voice now."""

    def gone(self, peer: RTCPeerConnection) -> None:
        """This connection is over, or about to be; may be told of one that never came up, and more than once."""


class NotAdmitted(Exception):
    """The signaling server refused the participant."""

    component = "soak.participant"


@dataclass(frozen=True, slots=True)
class _Over:
    """This connection has failed or was closed by the other side."""

    subscriber: str
    peer: RTCPeerConnection


class _Publish:
    """Offer our voice to the media server, anew if need be."""


class Participant:
    """`microphone` is what it publishes (None: it only reads). `on_caption` hears transcripts addressed to it."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        url: str,
        room: str,
        nextcloud_session_id: str,
        credentials: TicketCredentials,
        microphone: Source | None = None,
        on_caption: Callable[[TranscriptReceived], None] | None = None,
        addresses: LocalAddresses = LOOPBACK,
        publishes: bool = True,
    ) -> None:
        self.nextcloud_session_id = nextcloud_session_id
        settings = SessionSettings(url=url, credentials=credentials, room=room, room_session=nextcloud_session_id)
        self._client = SignalingClient(http, settings)
        self._microphone = microphone
        self._on_caption = on_caption
        self._addresses = addresses
        self._publishes = publishes  # on entering; else when `publish` says so
        self._media_server = False
        self._requests: DropOldest[OfferRequested | Answer | Candidate | _Over | _Publish] = DropOldest(MAILBOX)
        self._peers: dict[str, tuple[str, RTCPeerConnection]] = {}  # by subscriber: sid and peer; ≤ MAX_PEERS
        self._names: dict[str, str] = {}  # by session id; ≤ MAX_NAMES
        self._former: dict[str, str] = {}  # of those who left: last words come after; ≤ MAX_FORMER
        self.entered = asyncio.Event()
        self.connected = asyncio.Event()  # somebody receives our voice
        self._refused: str | None = None

    @property
    def session_id(self) -> str:
        return self._client.session_id

    @property
    def client(self) -> SignalingClient:
        return self._client

    def publish(self) -> None:
        """Offer our voice to the media server (again): a fresh connection."""
        self.connected.clear()
        self._requests.put(_Publish())

    async def vanish(self) -> None:
        """As when the network is gone: no goodbye, and nothing more is sent. `run` returns."""
        await self._client.abandon()

    async def leave(self) -> None:
        """Say goodbye. `run` returns."""
        await self._client.leave()

    def name_of(self, session_id: str) -> str | None:
        """The display name of somebody who is in the room, or was until a moment ago."""
        return self._names.get(session_id, self._former.get(session_id))

    def is_here(self, session_id: str) -> bool:
        """Is this session in the room, as far as we were told?"""
        return session_id in self._names

    async def run(self) -> None:
        """Take part until `leave`, or until cancelled, which is as good as `vanish`. Raises `NotAdmitted`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                publishing = tasks.create_task(self._publish())
                await self._client.run(self._handle)
                publishing.cancel()
        finally:
            for subscriber in list(self._peers):
                await self._hang_up(subscriber)
        if self._refused is not None:
            raise NotAdmitted(self._refused)

    def _handle(self, event: Event) -> None:
        match event:
            case SessionStarted(features=features):
                self._media_server = "mcu" in features
            case SessionLost():
                self.entered.clear()
            case SessionResumed():
                self.entered.set()
            case RoomEntered():
                self.entered.set()
                if self._media_server and self._publishes:
                    self.publish()
            case SessionRejected(explanation=explanation):
                self._refused = explanation
            case MessageReceived(message=PeopleJoined(people=people)):
                for person in people:
                    _remember(self._names, person.session_id, person.display_name, MAX_NAMES)
            case MessageReceived(message=PeopleLeft(session_ids=session_ids)):
                for session_id in session_ids:
                    if (name := self._names.pop(session_id, None)) is not None:
                        _remember(self._former, session_id, name, MAX_FORMER)
            case MessageReceived(message=TranscriptReceived() as caption) if self._on_caption is not None:
                self._on_caption(caption)
            case MessageReceived(message=OfferRequested() | Answer() | Candidate() as message):
                self._requests.put(message)
            case _:
                pass

    async def _publish(self) -> None:
        while True:
            match await self._requests.get():
                case OfferRequested(sender=subscriber):
                    await self._offer(subscriber)
                case _Publish():
                    await self._offer(self.session_id)
                case Answer() as answer:
                    await self._answered(answer)
                case Candidate() as candidate:
                    await self._trickled(candidate)
                case _Over(subscriber=subscriber, peer=peer):
                    if self._serves(subscriber, peer):
                        await self._hang_up(subscriber)

    async def _offer(self, subscriber: str) -> None:
        if self._microphone is None:
            return
        await self._hang_up(subscriber)
        while len(self._peers) >= MAX_PEERS:
            await self._hang_up(next(iter(self._peers)))
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        sid = secrets.token_hex(8)
        self._peers[subscriber] = (sid, peer)  # before anything is awaited, so that it is closed in any case
        peer.on("connectionstatechange", lambda: self._note(subscriber, peer))
        peer.addTransceiver(self._microphone.track(), direction="sendonly")
        with self._addresses.gathering():
            await peer.setLocalDescription(await peer.createOffer())
        offer = self._microphone.offered(peer.localDescription.sdp)
        await self._client.send(SendOffer(recipient=subscriber, sid=sid, sdp=offer))

    async def _answered(self, answer: Answer) -> None:
        sid, peer = self._peers.get(answer.sender, ("", None))
        if peer is None or sid != answer.sid:
            return
        try:
            await peer.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type="answer"))
        except Exception as error:  # noqa: BLE001 — whatever somebody answers, the others go on listening
            log.warning("hung up on an answer that was not accepted (%s)", type(error).__name__)
            await self._hang_up(answer.sender)

    async def _trickled(self, message: Candidate) -> None:
        sid, peer = self._peers.get(message.sender, ("", None))
        text = message.candidate.candidate.removeprefix("candidate:")
        if peer is None or sid != message.sid or not text:
            return
        candidate = candidate_from_sdp(text)
        candidate.sdpMid, candidate.sdpMLineIndex = message.candidate.sdp_mid, message.candidate.sdp_mline_index
        await peer.addIceCandidate(candidate)

    async def _hang_up(self, subscriber: str) -> None:
        _, peer = self._peers.pop(subscriber, ("", None))
        if peer is not None:
            self._lost(peer)
            await close_connection(peer)

    def _serves(self, subscriber: str, peer: RTCPeerConnection) -> bool:
        """Is this still the connection of that subscriber?"""
        return self._peers.get(subscriber, ("", None))[1] is peer

    def _note(self, subscriber: str, peer: RTCPeerConnection) -> None:
        if peer.connectionState == "connected" and self._serves(subscriber, peer):
            if self._microphone is not None:
                self._microphone.connected(peer)
            self.connected.set()
        elif peer.connectionState in ("failed", "closed"):
            self._lost(peer)
            if self._serves(subscriber, peer):
                self._requests.put(_Over(subscriber, peer))

    def _lost(self, peer: RTCPeerConnection) -> None:
        if self._microphone is not None:
            self._microphone.gone(peer)


def _remember(names: dict[str, str], session_id: str, name: str, bound: int) -> None:
    """The newest is last; the oldest makes room."""
    names.pop(session_id, None)
    names[session_id] = name
    if len(names) > bound:
        del names[next(iter(names))]
