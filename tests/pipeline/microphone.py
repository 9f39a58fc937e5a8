"""The language of the receive path's tests: a microphone that makes RTP packets of real speech, and a listener.

mic = Microphone(speech)
for packet in mic.says(50): receiver.packet(packet, now=...)
"""

import asyncio

import numpy as np

from pipeline.opus_stream import Heard, SourceEnded
from soak.bench.rtp_stream import Negotiated, Stream, tails
from soak.bench.voices import Voice, encoded
from soak.clip import shipped_clips

PAYLOAD_TYPE = 111
LEVEL_ID = 3
PATIENCE_S = 10.0  # only a broken path takes this long


def spoken(seconds=4.0):
    """The beginning of a clip."""
    pcm = next(clip for clip in shipped_clips() if clip.text).decode()
    return encoded(pcm[: int(seconds * 48_000)])


def silent(count=50):
    """Digital silence, as a muted microphone sends it."""
    whole = encoded(spoken_silence(count))
    return Voice(whole.payloads, bytes([127]) * len(whole.payloads))


def spoken_silence(count):
    return np.zeros(count * 960, dtype=np.int16)


class Microphone:
    """One source. `level_id` 0: it does not tell its level."""

    def __init__(self, voice, *, ssrc=1, level_id=LEVEL_ID, sequence=65_530, timestamp=4_294_960_000):
        self.negotiated = Negotiated(PAYLOAD_TYPE, level_id)
        self.stream = Stream(tails(voice, level_id), self.negotiated, ssrc=ssrc, sequence=sequence, timestamp=timestamp)

    def turns(self, voice):
        """From now on it says something else, or nothing."""
        self.stream.turn(tails(voice, self.negotiated.level_id))
        return self

    def says(self, count):
        return [self.stream.packet() for _ in range(count)]


class Listener:
    """What a receiver's owner is told."""

    def __init__(self):
        self.items = []
        self.missed_s = 0.0
        self.errors = []
        self.finished = asyncio.Event()
        self._news = asyncio.Event()

    def hear(self, decoded):
        self.items += decoded.heard
        self._news.set()

    def missed(self, length_s):
        self.missed_s += length_s

    def failed(self, error):
        self.errors.append(error)
        self._news.set()

    def finish(self):
        self.finished.set()

    @property
    def chunks(self):
        return [item.chunk for item in self.items if isinstance(item, Heard)]

    @property
    def samples(self):
        return sum(len(chunk.pcm) for chunk in self.chunks)

    @property
    def ends(self):
        return sum(isinstance(item, SourceEnded) for item in self.items)

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):
                self._news.clear()
                await self._news.wait()
