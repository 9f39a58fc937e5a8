"""One publisher's subscription at work: the shell around `Subscription`, with one peer connection at a time.

`run` is one loop over a mailbox. The room's signaling loop only ever posts to it, so a slow gathering or a dead peer
holds up nobody else. RTP goes from the peer to the speaker's receiver; where that cannot be, decoded frames go from the
peer's track into the pipeline in a task of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import av
from aiortc import RTCIceServer

from pipeline import ChannelClosed, ChannelStats, DropOldest
from pipeline.standstill import STANDSTILL_S
from signaling import Candidate, ClientMessage, ErrorReply, MessageTooLarge, Offer, SendAnswer, SendOfferRequest

from .errors import PeerFailed
from .ice import LocalAddresses
from .ice_servers import IceServers
from .metrics import Metrics
from .peer import Peer
from .rtp_tap import Tap
from .subscription import Answer, ClosePeer, Command, Request, State, Subscription, SubscriptionSettings, Wake

log = logging.getLogger("roomscribe.bot.subscriber")

MAX_SDP: Final = 65_536  # characters: HPB takes no larger message from a publisher
MAILBOX: Final = 256  # an offer and its candidates; more only from a flood
CLOSE_TIMEOUT_S: Final = 5.0
UNREAD_S: Final = 1.0  # after a standstill of this process: what the sockets hold is read before anything is given up


OFFER: Final = "offer:"  # request ids: "offer:PUBLISHER" and "answer:SID:PUBLISHER"
ANSWER: Final = "answer:"


def publisher_of(request_id: str) -> str | None:
    """Whose subscription the request was for; None: it was for something else."""
    if request_id.startswith(OFFER):
        return request_id.removeprefix(OFFER)
    return request_id.split(":", 2)[2] if request_id.startswith(ANSWER) and request_id.count(":") > 1 else None


class _PeerState:
    """In the mailbox: a peer connection changed its state."""

    def __init__(self, peer: Peer, state: str) -> None:
        self.peer = peer
        self.state = state


class _NotSent:
    """In the mailbox: our request could not be sent just now."""


class Subscriber:
    """`tap` leads RTP packets to a receiver. Without it, `feed` takes decoded frames, and `track_ended` hears that no
    more will come from this track.
    """

    def __init__(
        self,
        *,
        publisher: str,
        send: Callable[[ClientMessage], Awaitable[bool]],
        feed: Callable[[av.AudioFrame], None],
        track_ended: Callable[[], None],
        addresses: LocalAddresses,
        settings: SubscriptionSettings,
        ice_servers: IceServers,
        metrics: Metrics,
        relay_only: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self.publisher = publisher
        self._send = send
        self._feed = feed
        self._track_ended = track_ended
        self._addresses = addresses
        self._ice_servers = ice_servers
        self._metrics = metrics
        self._relay_only = relay_only
        self._tap = tap
        self._core = Subscription(settings, random.uniform)
        self._mailbox: DropOldest[Offer | Candidate | ErrorReply | _PeerState | _NotSent] = DropOldest(
            MAILBOX, metrics.totals.queue("speaker_signaling")
        )
        self._peer: Peer | None = None
        self._drain: asyncio.Task[None] | None = None
        self._offer: Offer | None = None
        self._alarm: float | None = None
        self.requests = 0

    @property
    def state(self) -> State:
        return self._core.state

    @property
    def mailbox(self) -> ChannelStats:
        return self._mailbox.stats

    @property
    def peer(self) -> Peer | None:
        """The connection of just now."""
        return self._peer

    @property
    def hears(self) -> bool:
        """Has anything of the current connection's track come in?"""
        self._note_packets()
        return self._core.hears

    def post(self, message: Offer | Candidate | ErrorReply) -> None:
        """A signaling message that concerns this publisher. Never waits."""
        if isinstance(message, Offer) and len(message.sdp) > MAX_SDP:
            log.warning("left out an offer of %d characters", len(message.sdp))
            return
        self._mailbox.put(message)

    def drain(self) -> None:
        """Hear what has come in already: the publisher has left."""
        if self._tap is not None:
            self._tap.drain()

    async def run(self) -> None:
        """Keep the subscription alive until cancelled."""
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as tasks:
            try:
                await self._execute(self._core.start(now=clock()), tasks)
                while True:
                    await self._execute(await self._next(), tasks)
            finally:
                await self._close_peer()
                self._empty_mailbox()

    async def _next(self) -> Sequence[Command]:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(self._alarm):
                item = await self._mailbox.get()
        except TimeoutError:
            alarm, self._alarm = self._alarm, None
            if alarm is not None and clock() - alarm >= STANDSTILL_S:  # it was us who did not listen
                self._alarm = clock() + UNREAD_S
                return ()
            self._note_packets()
            return self._core.woke(now=clock())
        self._note_packets()
        match item:
            case Offer():
                self._offer = item
                return self._core.offered(item.sid, now=clock())
            case Candidate() if self._peer is not None and self._core.is_current(item.sid):
                await self._peer.add_candidate(item.candidate)
            case ErrorReply(code=code, request_id=request_id):
                sid = (request_id or "").partition(ANSWER)[2].partition(":")[0]
                log.info(
                    "the signaling server refused %s (%s)", "our answer" if sid else "a request for an offer", code
                )
                return self._core.answer_refused(sid, now=clock()) if sid else self._core.refused(now=clock())
            case _NotSent():
                return self._core.refused(now=clock())  # asked again after the backoff
            case _PeerState() if item.peer is self._peer:
                if item.state == "connected":
                    return self._core.connected(now=clock())
                if item.state in ("failed", "closed"):
                    if item.peer.problem:
                        log.warning("a subscription failed: %s", item.peer.problem)
                    return self._core.peer_failed(now=clock())
            case _:
                pass
        return ()

    async def _execute(self, commands: Sequence[Command], tasks: asyncio.TaskGroup) -> None:
        for command in commands:
            match command:
                case Request():
                    self.requests += 1
                    request = SendOfferRequest(publisher=self.publisher, request_id=f"{OFFER}{self.publisher}")
                    if not await self._send(request):
                        self._mailbox.put(_NotSent())
                case Answer(fresh):
                    await self._answer(fresh, tasks)
                case ClosePeer():
                    await self._close_peer()
                case Wake(at):
                    self._alarm = at

    async def _answer(self, fresh: bool, tasks: asyncio.TaskGroup) -> None:
        offer = self._offer
        if offer is None:
            return
        if fresh:
            await self._close_peer()
        if self._peer is None:
            self._peer = self._new_peer(await self._ice_servers.servers())
        peer = self._peer
        try:
            sdp = await peer.answer(offer.sdp)
        except PeerFailed as error:
            log.warning("a subscription could not be made: %s", error)
            self._mailbox.put(_PeerState(peer, "failed"))
            return
        if self._drain is None and peer.track is not None and not peer.tapped:
            self._drain = tasks.create_task(self._drain_track(peer))
        request_id = f"{ANSWER}{offer.sid}:{self.publisher}"
        answer = SendAnswer(recipient=self.publisher, sid=offer.sid, sdp=sdp, request_id=request_id)
        try:
            sent = await self._send(answer)
        except MessageTooLarge as error:
            log.warning("a subscription could not be made: %s", error)
            sent = False
        if not sent:
            self._mailbox.put(_PeerState(peer, "failed"))  # the other side would wait for it in vain

    def _new_peer(self, ice_servers: tuple[RTCIceServer, ...]) -> Peer:
        def changed(state: str) -> None:
            self._metrics.peer_state(state)
            if state == "connected":
                self._metrics.ice_selected(peer.selected)
            self._mailbox.put(_PeerState(peer, state))

        if self._tap is not None:
            self._tap.receiver.heard_at = None
        peer = Peer(self._addresses, ice_servers, changed, relay_only=self._relay_only, tap=self._tap)
        return peer

    def _note_packets(self) -> None:
        """The receiver only notes when a packet came: telling us of each would cost more than reading it."""
        if self._tap is not None and self._peer is not None and self._tap.receiver.heard_at is not None:
            self._core.media(now=self._tap.receiver.heard_at)

    async def _drain_track(self, peer: Peer) -> None:
        clock = asyncio.get_running_loop().time
        try:
            async for frame in peer.frames():
                self._core.media(now=clock())
                self._feed(frame)
        finally:
            self._track_ended()

    def _empty_mailbox(self) -> None:
        """What is in it holds the connection, and the connection's end was told last."""
        self._mailbox.close()
        with contextlib.suppress(ChannelClosed):
            while True:
                self._mailbox.take()

    async def _close_peer(self) -> None:
        peer, self._peer = self._peer, None
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.cancel()
        if peer is not None:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await peer.close()
            except TimeoutError:
                log.warning("a peer connection did not close within %.0f s", CLOSE_TIMEOUT_S)
