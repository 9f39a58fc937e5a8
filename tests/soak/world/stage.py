"""One mouth, its conductor, a clock that only goes on with the beats, and connections without a network."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np

from pipeline.rtp import AUDIO_LEVEL_URI, parse
from soak.bench.rtp_stream import TICK_S
from soak.bench.voices import Voice
from soak.world.mouth import Conductor
from soak.world.network import GOOD, Network
from soak.world.phrases import Phrase

LEVEL_ID = 3
ANSWER = f"m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=extmap:{LEVEL_ID} {AUDIO_LEVEL_URI}\r\n"
LENGTH = 8
WORDS = tuple(f"word {number}".encode() for number in range(LENGTH))
PHRASE = Phrase(
    0, "river candle garden", np.zeros(0, np.int16), Voice(WORDS, bytes([0x80 | 30] * LENGTH)), first_s=0.0, last_s=0.16
)


class Clock:
    """Goes on by 20 ms with each beat of `Stage`."""

    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


class Receiver:
    """A connection that is up, as far as packets are concerned; keeps them as they were before encryption."""

    def __init__(self, ssrc=7, answer=ANSWER, clock=None):
        self.sent, self.closed = [], False
        self.beats = []  # when each was sent, if there is a clock
        self._clock = clock
        self.remoteDescription = SimpleNamespace(sdp=answer)
        datagrams = SimpleNamespace(sendto=self._take, is_closing=lambda: self.closed)
        pair = SimpleNamespace(protocol=SimpleNamespace(transport=datagrams), remote_addr=("127.0.0.1", 9))
        ice = SimpleNamespace(_connection=SimpleNamespace(_nominated={1: pair}))
        dtls = SimpleNamespace(transport=ice, _tx_srtp=SimpleNamespace(protect=bytes))
        self._sender = SimpleNamespace(transport=dtls, _ssrc=ssrc)

    def getSenders(self):
        return [self._sender]

    def _take(self, data, _):
        self.sent.append(data)
        if self._clock is not None:
            self.beats.append(round(self._clock() / TICK_S))

    @property
    def packets(self):
        return [parse(data, level_id=LEVEL_ID) for data in self.sent]

    def spoken(self):
        """The words, each with its beat."""
        packets = zip(self.beats, self.packets, strict=True)
        return [(beat, packet.payload) for beat, packet in packets if packet.payload in WORDS]

    @property
    def words(self):
        return [packet.payload for packet in self.packets if packet.payload in WORDS]


class Stage:
    """One mouth, and a receiver; `await stage.beats(n)` lets time go on."""

    def __init__(self, crew, *, conditions=GOOD, constant=False, receivers=1):
        self.clock = Clock()
        self.conductor = Conductor(self.clock)
        self.network = Network()
        self.network.conditions = conditions
        self._holding = self.conductor.mouth(self.network, constant=constant)
        self.mouth = self._holding.__enter__()
        self.receivers = [self.receiver(ssrc) for ssrc in range(receivers)]
        for each in self.receivers:
            self.mouth.connected(each)
        self._crew = crew

    def receiver(self, ssrc=7):
        return Receiver(ssrc, clock=self.clock)

    @property
    def packets(self):
        return self.receivers[0].packets

    @property
    def words(self):
        return self.receivers[0].words

    async def beats(self, number):
        for _ in range(number):
            await self.conductor.beat()
            self.clock.now += TICK_S

    async def begins(self, phrase=PHRASE):
        saying = self._crew.start(self.mouth.say(phrase))
        await asyncio.sleep(0)
        return saying

    async def says(self, phrase=PHRASE):
        saying = await self.begins(phrase)
        await self.beats(LENGTH)
        return await saying

    def leaves(self):
        self._holding.__exit__(None, None, None)
