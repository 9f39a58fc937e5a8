"""A microphone straight on the wire: ready-made Opus goes through a connection's own SRTP session into its socket.

One `Conductor` beats time for all mouths of a process, so that many can rest, and some speak, at little cost. At rest,
a mouth sends what a browser does that knows DTX: a packet of its quiet room now and then.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Final

from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamTrack

from soak.bench.rtp_sender import Mute, Wire
from soak.bench.rtp_stream import TICK_S, BadAnswer, Negotiated, Stream, tails, with_fec
from soak.bench.voices import Voice, listeners

from .network import Network
from .phrases import Phrase
from .saying import Said, Saying

log = logging.getLogger("roomscribe.soak.world")

REST_BEATS: Final = 20  # at rest, a packet each 400 ms …
LINGER_BEATS: Final = 10  # … beginning 200 ms after the last word
MAX_BEHIND_S: Final = 0.5  # whoever was held up longer goes on as if time had stood still; no word is left out
MAX_MOUTHS: Final = 2000
MAX_READY: Final = 512  # voices made ready for an extension id; the oldest makes room
AT_ONCE: Final = 50  # mouths, before the event loop has its turn
MAX_SEQUENCE: Final = 1 << 15  # of a first packet: SRTP counts its first wrap from the upper half


class CannotSpeak(Exception):
    """Somebody is speaking already, has no conductor, or there are too many of them."""

    component = "soak.world.mouth"


@dataclass(slots=True, eq=False)
class _Lane:
    """To one who receives, since `up_at`. `beat` is the one that the stream's next timestamp belongs to."""

    wire: Wire
    stream: Stream
    level_id: int
    beat: int
    up_at: float


class Mouth:
    """One person's, to any number of receivers. `constant`: at rest, it sends all the time, as without DTX.

    What goes into a connection that is younger than `heard_after_s` counts as not delivered: to a media server, nobody
    can have subscribed yet.
    """

    def __init__(
        self, conductor: Conductor, network: Network, *, constant: bool = False, heard_after_s: float = 0.0
    ) -> None:
        self.network = network
        self._heard_after_s = heard_after_s
        self._conductor = conductor
        self._constant = constant
        number = next(conductor.numbers)
        self.turn = number % REST_BEATS  # the beat in `REST_BEATS` that has its packet at rest
        self._nothing, *rooms = conductor.quiet
        self._room = rooms[number % len(rooms)]
        self._chance = random.Random(number)
        self._muted = False
        self._saying: Saying | None = None
        self._linger = 0  # beats
        self._lanes: dict[RTCPeerConnection, _Lane] = {}  # ≤ connections of a participant
        self._received = asyncio.Event()

    @property
    def live(self) -> bool:
        """Does anybody receive it?"""
        return any(not lane.wire.is_closed() for lane in self._lanes.values())

    async def received(self) -> None:
        """Wait until somebody does."""
        await self._received.wait()

    @property
    def speaking(self) -> bool:
        return self._saying is not None

    @property
    def awake(self) -> bool:
        """Does each beat concern it?"""
        return self._saying is not None or self._linger > 0 or (self._constant and not self._muted)

    @property
    def muted(self) -> bool:
        """Whoever speaks while muted is not heard, and what is missing of the phrase was not delivered."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if muted != self._muted:
            self._muted = muted
            self._linger = 0
            self._change()

    async def say(self, phrase: Phrase) -> Said:
        """From the next 20 ms on, until it is said; being cancelled breaks it off. Raises `CannotSpeak`."""
        if self._saying is not None:
            raise CannotSpeak("one phrase at a time")
        if self not in self._conductor:
            raise CannotSpeak("nobody beats time")
        self._saying = saying = Saying(phrase)
        self._change()
        try:
            await saying.over.wait()
        finally:
            if self._saying is saying:
                self.hush()
        return saying.said(self._conductor.clock())

    def hush(self) -> None:
        """Break off, in mid-word if need be."""
        if self._saying is not None:
            self._saying.over.set()
            self._saying = None
            self._linger = 0 if self._muted else LINGER_BEATS
            self._change()

    # What a participant publishes.

    def track(self) -> MediaStreamTrack:
        return Mute()

    def offered(self, offer: str) -> str:
        return with_fec(offer)

    def connected(self, peer: RTCPeerConnection) -> None:
        """Whoever comes in mid-phrase gets the rest of it."""
        if peer in self._lanes:
            return
        try:
            negotiated = Negotiated.read(peer.remoteDescription.sdp)
        except BadAnswer as error:
            log.warning("somebody cannot receive us: %s", error)
            return
        voice, at = self._voice()
        stream = Stream(
            self._conductor.ready(voice, negotiated.level_id),
            negotiated,
            ssrc=int(peer.getSenders()[0]._ssrc),
            sequence=self._chance.randrange(MAX_SEQUENCE),
            timestamp=self._chance.randrange(1 << 32),
            at=at,
        )
        conductor = self._conductor
        wire = Wire(peer, stream)
        self._lanes[peer] = _Lane(wire, stream, negotiated.level_id, conductor.number, conductor.clock())
        self._received.set()

    def gone(self, peer: RTCPeerConnection) -> None:
        """This one receives us no more."""
        if self._lanes.pop(peer, None) is not None and not self._lanes:
            self._received.clear()

    def cut_off(self) -> None:
        """Whoever received us is dead, and will never say so."""
        for peer in list(self._lanes):
            self.gone(peer)

    # What the conductor calls.

    def beat(self, number: int, now: float) -> None:
        """20 ms have gone by."""
        saying = self._saying
        audible = not self._muted and self.awake
        sent = (audible or number % REST_BEATS == self.turn) and self._send(number, now)
        if saying is not None:
            saying.beat(now, sent=sent and audible)
            if saying.ended:
                self.hush()
        elif self._linger:
            self._linger -= 1
            if not self._linger:
                self._conductor.schedule(self)

    def _send(self, number: int, now: float) -> bool:
        """The next packet to everybody. Was one let through to somebody who can hear us?"""
        network, through = self.network, False
        for lane in self._lanes.values():
            if lane.wire.is_closed():
                continue
            if lane.beat != number:
                lane.stream.rest(number - lane.beat)
            lane.beat = number + 1
            self._conductor.packets += 1
            heard = now - lane.up_at >= self._heard_after_s and now >= self._conductor.deaf_until
            if network.free:
                lane.wire.send()
                network.sent += 1
                through |= heard
            elif network.send(lane.wire.sealed(), lane.wire.post, now=now):
                through |= heard
        return through

    def _voice(self) -> tuple[Voice, int]:
        """What is to be heard from now on, and where in it that begins."""
        if self._muted:
            return self._nothing, 0
        if self._saying is not None:
            return self._saying.phrase.voice, self._saying.at
        return self._room, 0

    def _change(self) -> None:
        voice, at = self._voice()
        for lane in self._lanes.values():
            lane.stream.turn(self._conductor.ready(voice, lane.level_id), at=at)
            if self._saying is not None and not self._muted:
                lane.stream.mark()
        self._conductor.schedule(self)


class Conductor:
    """Beats time, 20 ms each. `packets` were made in all; for `held_up_s`, time stood still."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.quiet = _quiet()
        self.numbers = count()
        self.number = 0  # of the present beat
        self.packets = 0
        self.held_up_s = 0.0
        self.deaf_until = 0.0  # by the clock: until then, no server is there for anybody to be heard through
        self._awake: dict[Mouth, None] = {}  # those whom each beat concerns; ≤ MAX_MOUTHS, as are all of these
        self._resting: list[dict[Mouth, None]] = [{} for _ in range(REST_BEATS)]  # the others, by their turn
        self._mouths: set[Mouth] = set()
        self._networks: dict[Network, int] = {}  # and how many mouths are on it
        self._ready: dict[tuple[int, int], tuple[Voice, tuple[bytes, ...]]] = {}  # ≤ MAX_READY

    def __contains__(self, mouth: Mouth) -> bool:
        return mouth in self._mouths

    @contextmanager
    def mouth(self, network: Network, *, constant: bool = False, heard_after_s: float = 0.0) -> Iterator[Mouth]:
        """One more, for the time of the block. Raises `CannotSpeak`."""
        mouth = Mouth(self, network, constant=constant, heard_after_s=heard_after_s)
        self.add(mouth)
        try:
            yield mouth
        finally:
            self.remove(mouth)

    def add(self, mouth: Mouth) -> None:
        """Raises `CannotSpeak`."""
        if mouth in self._mouths:
            return
        if len(self._mouths) >= MAX_MOUTHS:
            raise CannotSpeak(f"there are {MAX_MOUTHS} mouths already")
        self._mouths.add(mouth)
        self._networks[mouth.network] = self._networks.get(mouth.network, 0) + 1
        self.schedule(mouth)

    def remove(self, mouth: Mouth) -> None:
        """What it is saying is broken off."""
        if mouth not in self._mouths:
            return
        mouth.hush()
        self._mouths.discard(mouth)
        self._awake.pop(mouth, None)
        self._resting[mouth.turn].pop(mouth, None)
        self._networks[mouth.network] -= 1
        if not self._networks[mouth.network]:
            del self._networks[mouth.network]

    def schedule(self, mouth: Mouth) -> None:
        """It wakes, or goes to rest."""
        if mouth in self._mouths:
            here, there = self._awake, self._resting[mouth.turn]
            if not mouth.awake:
                here, there = there, here
            there.pop(mouth, None)
            here[mouth] = None

    def ready(self, voice: Voice, level_id: int) -> tuple[bytes, ...]:
        """The voice's packets, as far as all mouths have them in common."""
        key = (id(voice), level_id)  # the voice is kept with them, so its id stays its own
        if key not in self._ready:
            if len(self._ready) >= MAX_READY:
                del self._ready[next(iter(self._ready))]
            self._ready[key] = voice, tails(voice, level_id)
        return self._ready[key][1]

    async def run(self) -> None:
        """Until cancelled; then everybody falls silent."""
        begin = self.clock() - self.number * TICK_S
        try:
            while True:
                behind = self.clock() - begin - self.number * TICK_S
                if behind > MAX_BEHIND_S:
                    self.held_up_s += behind - MAX_BEHIND_S
                    begin += behind - MAX_BEHIND_S
                    behind = MAX_BEHIND_S
                for _ in range(math.floor(behind / TICK_S) + 1):
                    await self.beat()
                await asyncio.sleep(max(0.0, begin + self.number * TICK_S - self.clock()))
        finally:
            for mouth in self._mouths:
                mouth.hush()

    async def beat(self) -> None:
        """20 ms of everybody."""
        turns = [*self._awake, *self._resting[self.number % REST_BEATS]]
        for done, mouth in enumerate(turns, 1):
            if mouth in self._mouths:
                mouth.beat(self.number, self.clock())
            if done % AT_ONCE == 0:
                await asyncio.sleep(0)
        now = self.clock()
        for network in self._networks:
            if network.held:
                for packet, way in network.due(now):
                    way(packet)
        self.number += 1


@cache
def _quiet() -> Sequence[Voice]:
    """A muted microphone, and some in quiet rooms."""
    return listeners()
