"""Many speakers in one process, as cheaply as possible: the sending side of `roomscribe bench media`.

ICE, DTLS and SDP are aiortc's; the packets go around it, from ready-made Opus through the connection's own SRTP session
into its socket. Started with its options as JSON in the first argument, it speaks in lines:

  out: an SDP offer as a JSON string ‖ in: the answer to it, likewise; so for each speaker
  out: {"connected": n}, once all are
  in:  an empty line: begin to send
  in:  an empty line: stop
  out: what was sent, as a JSON object
  in:  the end: hang up
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from bot import LOOPBACK
from soak.clip import read_manifest, shipped_clips
from soak.crew import Crew

from .lines import standard_input, write_line
from .rtp_stream import TICK_S, Losses, Negotiated, Stream, Timetable, tails, talks, with_fec
from .voices import Voice, listeners, talkers

CONNECT_S: Final = 60.0
AGREE_S: Final = 0.5  # our side of a handshake may be done before the other side's
NAP_S: Final = 0.0005  # packets so near to each other go together: waking up costs more than sending one
EXACT_S: Final = 0.003  # epoll, which counts in milliseconds, may oversleep by so much
TAKEN_AT_ONCE: Final = 500  # packets, before the sockets are read again
CLOSE_S: Final = 10.0


class NotConnected(Exception):
    """A receiver answered, but a connection did not come up."""

    component = "soak.bench.rtp_sender"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`numbers`: which of all `speakers` are ours. Of all, `talking` talk; `loss` is a share of the packets."""

    numbers: tuple[int, ...]
    speakers: int
    talking: int
    loss: float = 0.0
    seed: int = 0
    manifest: str = ""

    @property
    def talk(self) -> frozenset[int]:
        """Those of ours who talk."""
        return frozenset(each for each in self.numbers if talks(each, of=self.speakers, talking=self.talking))

    @classmethod
    def read(cls, text: str) -> Options:
        options = json.loads(text)
        return cls(**(options | {"numbers": tuple(options["numbers"])}))

    def write(self) -> str:
        return json.dumps(asdict(self))


class Mute(MediaStreamTrack):
    """A track for aiortc to offer. It never has a frame: aiortc's own sender waits for ever."""

    kind = "audio"

    async def recv(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError


class Speaker:
    """One connection that offers one microphone."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.addTransceiver(Mute(), direction="sendonly")
        self._settled = asyncio.Event()
        self._peer.on("connectionstatechange", self._note)

    async def offer(self) -> str:
        with LOOPBACK.gathering():
            await self._peer.setLocalDescription(await self._peer.createOffer())
        return with_fec(self._peer.localDescription.sdp)

    async def answered(self, answer: str) -> Negotiated:
        """Raises `BadAnswer`."""
        negotiated = Negotiated.read(answer)
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        return negotiated

    async def connected(self) -> None:
        """Raises `NotConnected`."""
        await self._settled.wait()
        if self._peer.connectionState != "connected":
            raise NotConnected(f"the connection of speaker {self.number} is {self._peer.connectionState}")

    def wire(self, stream: Stream) -> Wire:
        return Wire(self._peer, stream)

    def ssrc(self) -> int:
        return int(self._peer.getSenders()[0]._ssrc)

    async def close(self) -> None:
        await self._peer.close()

    def _note(self) -> None:
        if self._peer.connectionState not in ("new", "connecting"):
            self._settled.set()


class Wire:
    """The short way from a stream to the socket of a connection that is up."""

    __slots__ = ("_address", "_packet", "_protect", "_send", "is_closed")

    def __init__(self, peer: RTCPeerConnection, stream: Stream) -> None:
        dtls = peer.getSenders()[0].transport
        pair = dtls.transport._connection._nominated[1]
        self._packet = stream.packet
        self._protect = dtls._tx_srtp.protect
        self._send = pair.protocol.transport.sendto
        self._address = pair.remote_addr
        self.is_closed = pair.protocol.transport.is_closing

    def send(self) -> None:
        self._send(self._protect(self._packet()), self._address)

    def lose(self) -> None:
        """As when the network loses the next packet: it was made, but never comes."""
        self._packet()

    def sealed(self) -> bytes:
        """The next packet, encrypted, for `post` to send later."""
        sealed: bytes = self._protect(self._packet())
        return sealed

    def post(self, datagram: bytes) -> None:
        """Nothing goes into a connection that has closed meanwhile."""
        if not self.is_closed():
            self._send(datagram, self._address)


async def introduce(options: Options, lines: asyncio.StreamReader) -> list[tuple[Speaker, Negotiated]]:
    """Offer each speaker, take the answers, and wait until all are connected. Raises `NotConnected`, `BadAnswer`."""
    speakers = []
    for number in options.numbers:
        speaker = Speaker(number)
        write_line(await speaker.offer())
        speakers.append((speaker, await speaker.answered(json.loads(await lines.readline()))))
    try:
        async with asyncio.timeout(CONNECT_S):
            for speaker, _ in speakers:
                await speaker.connected()
    except TimeoutError as error:
        raise NotConnected(f"not all speakers were connected within {CONNECT_S:.0f} s") from error
    await asyncio.sleep(AGREE_S)
    return speakers


def wires(
    options: Options,
    speakers: Sequence[tuple[Speaker, Negotiated]],
    loud: Sequence[Voice],
    quiet: Sequence[Voice],
) -> list[Wire]:
    """Each speaker with a stream of its own: a loud voice if it talks, else a quiet one."""
    talk = options.talk
    ready: dict[tuple[int, int], tuple[bytes, ...]] = {}  # by voice and extension id; ≤ voices × ids that were answered
    made = []
    for speaker, negotiated in speakers:
        own = random.Random(f"{options.seed}/{speaker.number}")
        voices = loud if speaker.number in talk else quiet
        voice = voices[speaker.number % len(voices)]
        key = (id(voice), negotiated.level_id)
        if key not in ready:
            ready[key] = tails(voice, negotiated.level_id)
        stream = Stream(
            ready[key],
            negotiated,
            ssrc=speaker.ssrc(),
            sequence=own.randrange(1 << 15),  # the upper half is left out: SRTP counts its first wrap from there
            timestamp=own.randrange(1 << 32),
            at=own.randrange(len(voice.payloads)),
        )
        made.append(speaker.wire(stream))
    return made


async def send(lanes: Sequence[Wire], losses: Losses, stop: asyncio.Event) -> dict[str, Any]:
    """Send in real time until told to stop. Who is late catches up; nothing is left out but what `losses` says."""
    clock = time.monotonic
    began, cpu = clock(), time.process_time()
    timetable = Timetable(len(lanes), begin=began)
    left_out = 0
    while not stop.is_set():
        now = clock()
        for _ in range(min(timetable.due(now), TAKEN_AT_ONCE)):
            lane = lanes[timetable.sent % len(lanes)]
            timetable.sending(clock())
            if losses():
                lane.lose()
                left_out += 1
            else:
                lane.send()
        await _pass(timetable.wait_s(clock()))
    cpu_s, took_s = time.process_time() - cpu, clock() - began
    sent = timetable.sent - left_out
    return {
        "sent": sent,
        "left_out": left_out,
        "seconds": round(took_s, 3),
        "sent_per_s": round(sent / took_s, 1),
        "behind_ms_p99": timetable.late_ms(99),
        "behind_ms_max": timetable.late_ms(100),
        "late": timetable.later_than(TICK_S),
        "cpu_s": round(cpu_s, 3),
        "us_per_packet": round(cpu_s / max(1, sent) * 1e6, 1),
    }


async def _pass(wait_s: float) -> None:
    """Wait for the next packet, exactly: those that come in bunches are cheaper to receive. The loop has its turn."""
    if wait_s > EXACT_S:
        await asyncio.sleep(wait_s - EXACT_S)
        return
    if wait_s > 0:
        time.sleep(max(wait_s, NAP_S))  # noqa: ASYNC251 — the loop cannot wait so exactly
    await asyncio.sleep(0)


async def _end_of(lines: asyncio.StreamReader, stop: asyncio.Event) -> None:
    await lines.readline()
    stop.set()


async def run(options: Options) -> None:
    """The whole conversation. Raises `BadManifest`, `NotConnected`, `BadAnswer`."""
    clips = read_manifest(Path(options.manifest)) if options.manifest else shipped_clips()
    loud, quiet = talkers(clips, len(options.talk)), listeners()
    lines = await standard_input()
    speakers = await introduce(options, lines)
    lanes = wires(options, speakers, loud, quiet)
    write_line({"connected": len(lanes)})
    await lines.readline()
    gc.collect()
    gc.freeze()  # a look through all connections would hold up the packets
    stop = asyncio.Event()
    chance = random.Random(f"{options.seed}/losses/{options.numbers[0]}")  # the same losses for each receiver
    async with Crew() as crew:
        crew.start(_end_of(lines, stop))
        sums = await send(lanes, Losses(options.loss, chance.random), stop)
    write_line(sums)
    await lines.read()
    async with asyncio.timeout(CLOSE_S):
        await asyncio.gather(*(speaker.close() for speaker, _ in speakers))


if __name__ == "__main__":
    asyncio.run(run(Options.read(sys.argv[1])))
