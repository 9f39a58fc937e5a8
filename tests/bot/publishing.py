"""The language of the peer's tests: somebody who publishes, and a bot that listens, on the loopback.

publisher.speaks().shows()
await publisher.connect(listener.peer)
frames = await listener.hears()
"""

import asyncio
import re
from contextlib import asynccontextmanager

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from bot import LOOPBACK, close_connection
from bot.peer import Peer

PATIENCE_S = 15.0  # only a broken connection takes this long
TRANSPORT = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")


class Publisher:
    """The other side. `await publisher.connect(peer)` is the whole conversation."""

    def __init__(self):
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    def speaks(self):
        self.connection.addTrack(AudioStreamTrack())
        return self

    def speaks_without_opus(self):
        self.connection.addTrack(AudioStreamTrack())
        codecs = RTCRtpSender.getCapabilities("audio").codecs
        [microphone] = self.connection.getTransceivers()
        microphone.setCodecPreferences([codec for codec in codecs if codec.mimeType == "audio/PCMU"])
        return self

    def shows(self):
        self.connection.addTrack(VideoStreamTrack())
        return self

    def chats(self):
        self.connection.createDataChannel("chat")
        return self

    def changes_microphone(self):
        """The old one falls silent in its section; the new one gets another."""
        for transceiver in self.connection.getTransceivers():
            transceiver.direction = "inactive"
        self.connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
        return self

    async def offer(self):
        with LOOPBACK.gathering():
            await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def take(self, answer):
        text = as_a_browser_reads(answer, self.connection.localDescription.sdp)
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=text, type="answer"))

    async def connect(self, peer):
        answer = await peer.answer(await self.offer())
        await self.take(answer)
        return answer


class Listener:
    """The bot's side: a peer, the states it went through, and what it hears."""

    def __init__(self, tap=None):
        self.states = []
        self._news = asyncio.Event()
        self.peer = Peer(LOOPBACK, (), self._changed, tap=tap)

    def _changed(self, state):
        self.states.append(state)
        self._news.set()

    async def becomes(self, state):
        async with asyncio.timeout(PATIENCE_S):
            while state not in self.states:
                self._news.clear()
                await self._news.wait()

    async def hears(self, count=5):
        """The next frames of the track."""
        frames = []
        async with asyncio.timeout(PATIENCE_S):
            async for frame in self.peer.frames():
                frames.append(frame)
                if len(frames) == count:
                    break
        return frames


@asynccontextmanager
async def a_pair(tap=None):
    publisher, listener = Publisher(), Listener(tap)
    try:
        yield publisher, listener
    finally:
        await listener.peer.close()
        await close_connection(publisher.connection)


def sections(text):
    """The session part, and the media sections."""
    session, *media = text.split("\r\nm=")
    return session + "\r\n", ["m=" + section.rstrip("\r\n") + "\r\n" for section in media]


def port(section):
    return int(section.split(" ")[1])


def ports(text):
    """Of each kind of section, in order. Port 0 is a declined one."""
    return {section.split(" ")[0][2:]: port(section) for section in sections(text)[1]}


def as_a_browser_reads(answer, offer):
    """aiortc, as an offerer, wants a transport even of a declined section, where a browser does not. Lend it the
    audio's, as a member of its bundle, and switch the section off.
    """
    session, answered = sections(answer)
    [accepted] = [section for section in answered if port(section)]
    transport = [line for line in accepted.splitlines() if line.startswith(TRANSPORT)]
    media = []
    for mine, theirs in zip(sections(offer)[1], answered, strict=True):
        if theirs is accepted:
            media.append(theirs)
            continue
        kept = [line for line in mine.splitlines() if not line.startswith((*TRANSPORT, "a=candidate", "a=end-of"))]
        kept = ["a=inactive" if line in ("a=sendrecv", "a=sendonly") else line for line in kept]
        media.append("\r\n".join([*kept, *transport, ""]))
    declined = [
        line[6:] for each in media if each is not accepted for line in each.splitlines() if line[:6] == "a=mid:"
    ]
    session = re.sub("(a=group:BUNDLE .*)", lambda group: " ".join([group[1].strip(), *declined]), session)
    return session + "".join(media)
