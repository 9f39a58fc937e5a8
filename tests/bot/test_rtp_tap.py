"""The private parts of aiortc and aioice that the receive path leans on, tried on real peer connections.

A new aiortc that changes one of them fails here, and `missing` says so at start.
"""

import asyncio
import socket
import threading
from contextlib import asynccontextmanager

import pytest
from aioice import Connection
from aiortc import RTCDtlsTransport, RTCRtpReceiver

from bot import close_connection
from bot.rtp_tap import Tap, missing
from bot.sweep import Sweeper
from pipeline.audio import FRAME
from pipeline.gate import GateSettings
from pipeline.judge import FrameJudge
from pipeline.media import Media, MediaSettings
from tests.bot.publishing import PATIENCE_S, a_pair
from tests.pipeline.microphone import Listener
from tests.pipeline.test_hearing import Loudness


class Ear(Listener):
    """A listener with its receiver."""

    def __init__(self, media, sweeper=None):
        super().__init__()
        self.receiver = media.receiver(judge=FrameJudge(Loudness()), listener=self)
        self.tap = Tap(self.receiver, sweeper)

    def got(self, name):
        return self.receiver.tallies()[name]


@asynccontextmanager
async def an_ear(*, swept):
    """`swept`: its sockets are read together, not by asyncio one by one."""
    media = Media(MediaSettings(gate=GateSettings(enabled=False)))
    sweeper = Sweeper() if swept else None
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(media.run())
        yield Ear(media, sweeper)
        serving.cancel()
    if sweeper is not None:
        assert len(sweeper) == 0  # nobody watches a socket that is closed
        sweeper.close()


@pytest.fixture(params=[False, True], ids=["one by one", "swept"])
async def call(request):
    """Somebody who publishes, a peer that listens with a receiver, and what the receiver makes of it."""
    async with an_ear(swept=request.param) as ear, a_pair(ear.tap) as (publisher, listener):
        yield publisher, listener, ear


def heard(count):
    return lambda ear: ear.samples >= count * FRAME


def decoders():
    return [thread for thread in threading.enumerate() if "decoder" in thread.name]


async def test_everything_that_is_needed_is_there():
    assert missing() == ""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RTCRtpReceiver, "_RTCRtpReceiver__stop_decoder"),
        (Connection, "data_received"),
        (RTCRtpReceiver, "receive"),
    ],
)
async def test_what_is_gone_is_named(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    assert name in missing()


async def test_what_has_become_something_else_is_named(monkeypatch):
    monkeypatch.setattr(RTCRtpReceiver, "receive", lambda self, parameters: None)
    assert missing() == "receive of RTCRtpReceiver is something else"


async def test_parts_that_do_not_go_together_any_more_are_no_reason_to_raise(monkeypatch):
    monkeypatch.setattr(RTCDtlsTransport, "__init__", lambda self: None)
    assert "TypeError" in missing()


async def test_packets_go_to_the_receiver_and_aiortc_decodes_nothing(call):
    publisher, listener, ear = call

    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(10))

    assert listener.peer.tapped
    assert ear.got("lost") == ear.got("undecipherable") == 0
    assert decoders() == []
    assert listener.peer.track._queue.qsize() <= 1  # the end of the track, and no frame


async def test_the_answer_takes_opus_alone_with_fec_and_wants_the_audio_level(call):
    publisher, listener, _ = call

    answer = await publisher.speaks().connect(listener.peer)

    assert [line.split()[1] for line in answer.splitlines() if line.startswith("a=rtpmap:")] == ["opus/48000/2"]
    assert "useinbandfec=1" in answer
    assert "urn:ietf:params:rtp-hdrext:ssrc-audio-level" in answer


async def test_the_sender_gets_receiver_reports(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(10))
    [sender] = publisher.connection.getSenders()

    async with asyncio.timeout(PATIENCE_S):
        while not (reports := await reported(sender)):
            await ear.until(heard(ear.samples // FRAME + 5))

    assert reports[0].packetsLost == 0
    assert reports[0].jitter < 4800


async def test_a_report_tells_when_the_senders_own_came_so_that_it_knows_how_far_we_are(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    [sender] = publisher.connection.getSenders()

    async with asyncio.timeout(PATIENCE_S):
        while not any(each.roundTripTime is not None for each in await reported(sender)):
            await ear.until(heard(ear.samples // FRAME + 5))
    [report] = await reported(sender)

    assert 0 <= report.roundTripTime < 1


async def reported(sender):
    return [each for each in (await sender.getStats()).values() if each.type == "remote-inbound-rtp"]


async def test_a_renegotiation_goes_on_with_opus_alone_and_with_the_same_receiver(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))
    read_until = ear.receiver.read_until

    answer = await publisher.shows().connect(listener.peer)
    await ear.until(heard(ear.samples // FRAME + 10))

    assert ear.receiver.read_until == read_until  # its socket is read as before

    assert answer.count("a=rtpmap:") <= 2  # Opus, and what stands in the section that was declined
    assert "opus/48000/2" in answer
    assert ear.ends == 0


async def test_a_publisher_without_opus_is_heard_the_other_way(call, caplog):
    publisher, listener, ear = call

    await publisher.speaks_without_opus().connect(listener.peer)
    frames = await listener.hears(3)

    assert len(frames) == 3
    assert not listener.peer.tapped
    assert "no Opus" in caplog.text
    assert not ear.items


async def test_when_the_peer_is_closed_the_source_ends(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))

    await listener.peer.close()
    await ear.until(lambda ear: ear.ends)

    assert ear.ends == 1


async def test_what_was_put_into_a_connection_is_taken_out_again_however_it_is_closed(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))
    receiver = listener.peer.transceivers[0].receiver
    assert "receive" in vars(receiver)

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(listener.peer.close())
        await asyncio.sleep(0)
        closing.cancel()
    async with asyncio.timeout(PATIENCE_S):
        while "receive" in vars(receiver):  # noqa: ASYNC110 — who would tell was cancelled
            await asyncio.sleep(0.01)


async def test_what_an_old_connection_still_brings_is_left_alone(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))

    ear.tap.detach()
    await ear.until(lambda ear: ear.ends)
    before, [sender] = ear.got("received"), publisher.connection.getSenders()
    enough = await sent(sender) + 10
    async with asyncio.timeout(PATIENCE_S):
        while await sent(sender) < enough:  # noqa: ASYNC110 — a sender tells of nothing
            await asyncio.sleep(0.02)

    assert ear.got("received") == before


async def sent(sender):
    [report] = [each for each in (await sender.getStats()).values() if each.type == "outbound-rtp"]
    return report.packetsSent


async def test_a_publisher_that_hangs_up_is_noticed_as_before(call):  # D7
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))

    await close_connection(publisher.connection)

    await listener.becomes("closed")


async def test_datagrams_of_strangers_are_counted_and_left_alone(call):
    publisher, listener, ear = call
    await publisher.speaks().connect(listener.peer)
    await ear.until(heard(5))
    connection = listener.peer.transceivers[0].receiver.transport.transport._connection

    [port] = {protocol.transport.get_extra_info("sockname") for protocol in connection._protocols}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (b"", b"\x80\x6f" + bytes(50), b"\x80\x6f", b"\x80\xc8" + bytes(50), b"\x80", b"\xff" * 90):
            stranger.sendto(datagram, port)
    await ear.until(heard(ear.samples // FRAME + 5))

    assert ear.got("undecipherable") == 2


@pytest.mark.parametrize("swept", [False, True])
async def test_the_next_connection_of_the_same_speaker_brings_a_new_source(swept):
    async with an_ear(swept=swept) as ear:
        for number in (1, 2):
            async with a_pair(ear.tap) as (publisher, listener):
                await publisher.speaks().connect(listener.peer)
                await ear.until(heard(ear.samples // FRAME + 5))
            await ear.until(lambda ear, number=number: ear.ends == number)
