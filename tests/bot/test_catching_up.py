"""After a process stood still: what lies in its sockets is heard, however much it is."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from bot.sweep import Sweeper
from pipeline.audio import FRAME
from pipeline.gate import GateSettings
from pipeline.judge import FrameJudge
from pipeline.media import Media, MediaSettings
from pipeline.receiver import MAX_PENDING
from tests.pipeline.microphone import LEVEL_ID, PAYLOAD_TYPE, Listener, Microphone, spoken
from tests.pipeline.test_hearing import Loudness

SPEAKERS = 4
LYING = 2 * MAX_PENDING  # packets of each


@contextlib.asynccontextmanager
async def receiving(media, sweeper):
    """One more speaker: who hears it, and a socket to send its packets to."""
    listener = Listener()
    receiver = media.receiver(judge=FrameJudge(Loudness()), listener=listener)
    receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=LEVEL_ID)
    receiver.read_until = sweeper.read_until
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)  # as far as the system allows
        sock.bind(("127.0.0.1", 0))

        def on_datagram(length, address, now):
            receiver.packet(sweeper.buffer, now=now, length=length)

        sweeper.watch(sock, on_datagram, lambda error: None, receiver.has_room)
        yield listener, sock.getsockname()
        sweeper.unwatch(sock)


@pytest.mark.parametrize("lost_packet", [None, 20, 120])
async def test_seconds_of_speech_that_lie_in_the_sockets_are_heard_in_full(lost_packet):
    media, sweeper, voice = Media(MediaSettings(gate=GateSettings(enabled=False))), Sweeper(), spoken()
    async with asyncio.TaskGroup() as tasks, contextlib.AsyncExitStack() as exits:
        serving = tasks.create_task(media.run())
        speakers = [await exits.enter_async_context(receiving(media, sweeper)) for _ in range(SPEAKERS)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number, packets in enumerate(zip(*(Microphone(voice).says(LYING) for _ in speakers), strict=True)):
                for packet, (_, address) in zip(packets, speakers, strict=True):
                    if number != lost_packet:
                        sender.sendto(packet, address)

        for listener, _ in speakers:
            await listener.until(lambda heard: heard.samples + heard.missed_s * 16_000 >= (LYING - 1) * FRAME)
        serving.cancel()
    sweeper.close()

    assert [listener.missed_s for listener, _ in speakers] == [0] * SPEAKERS
    assert media.most_waiting < MAX_PENDING < LYING
