"""An ordinary participant of a room, as a browser would be one: joins with a ticket, may speak, may read.

Media is gathered on loopback only: synthetic speech never leaves the machine.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot import LOOPBACK, close_connection
from pipeline import DropOldest
from signaling import (
    Answer,
    Event,
    MessageReceived,
    OfferRequested,
    PeopleJoined,
    RoomEntered,
    SendOffer,
    SessionRejected,
    SessionSettings,
    SignalingClient,
    TicketCredentials,
    TranscriptReceived,
)

from .microphone import Microphone

MAX_NAMES: Final = 1000
MAILBOX: Final = 64


class NotAdmitted(Exception):
    """The signaling server refused the participant."""

    component = "soak.participant"


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
        microphone: Microphone | None = None,
        on_caption: Callable[[TranscriptReceived], None] | None = None,
    ) -> None:
        self.nextcloud_session_id = nextcloud_session_id
        settings = SessionSettings(url=url, credentials=credentials, room=room, room_session=nextcloud_session_id)
        self._client = SignalingClient(http, settings)
        self._microphone = microphone
        self._on_caption = on_caption
        self._requests: DropOldest[OfferRequested | Answer] = DropOldest(MAILBOX)
        self._peers: dict[str, tuple[str, RTCPeerConnection]] = {}  # by subscriber: sid and peer; ≤ MAILBOX
        self.names: dict[str, str] = {}  # session id → display name; ≤ MAX_NAMES
        self.entered = asyncio.Event()
        self.connected = asyncio.Event()  # somebody receives our voice
        self._refused: str | None = None

    @property
    def session_id(self) -> str:
        return self._client.session_id

    async def run(self) -> None:
        """Take part until cancelled. Raises `NotAdmitted`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                publishing = tasks.create_task(self._publish())
                await self._client.run(self._handle)
                publishing.cancel()
        finally:
            await self._client.leave()
            for _, peer in self._peers.values():
                await close_connection(peer)
        if self._refused is not None:
            raise NotAdmitted(self._refused)

    def _handle(self, event: Event) -> None:
        match event:
            case RoomEntered():
                self.entered.set()
            case SessionRejected(explanation=explanation):
                self._refused = explanation
            case MessageReceived(message=PeopleJoined(people=people)):
                for person in people:
                    if len(self.names) < MAX_NAMES:
                        self.names[person.session_id] = person.display_name
            case MessageReceived(message=TranscriptReceived() as caption) if self._on_caption is not None:
                self._on_caption(caption)
            case MessageReceived(message=OfferRequested() | Answer() as message):
                self._requests.put(message)
            case _:
                pass

    async def _publish(self) -> None:
        while True:
            message = await self._requests.get()
            if isinstance(message, OfferRequested):
                await self._offer(message.sender)
            else:
                sid, peer = self._peers.get(message.sender, ("", None))
                if peer is not None and sid == message.sid:
                    await peer.setRemoteDescription(RTCSessionDescription(sdp=message.sdp, type="answer"))

    async def _offer(self, subscriber: str) -> None:
        if self._microphone is None:
            return
        _, previous = self._peers.pop(subscriber, ("", None))
        if previous is not None:
            await close_connection(previous)
        if len(self._peers) >= MAILBOX:
            return
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("connectionstatechange", lambda: self._note(peer))
        peer.addTransceiver(self._microphone.track(), direction="sendonly")
        with LOOPBACK.gathering():
            await peer.setLocalDescription(await peer.createOffer())
        sid = secrets.token_hex(8)
        self._peers[subscriber] = (sid, peer)
        await self._client.send(SendOffer(recipient=subscriber, sid=sid, sdp=peer.localDescription.sdp))

    def _note(self, peer: RTCPeerConnection) -> None:
        if peer.connectionState == "connected":
            self.connected.set()
