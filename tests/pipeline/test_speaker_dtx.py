"""What a pause looks like on the wire must not matter: packets of silence, DTX, or nothing at all."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from pipeline import Kind, Media, MediaSettings, VoiceDetectors
from pipeline.audio import FRAME, AudioChunk
from pipeline.judge import JudgedFrame
from pipeline.opus_stream import Decoded, Heard
from tests.pipeline.microphone import LEVEL_ID, PAYLOAD_TYPE, Microphone, spoken
from tests.pipeline.stage import GUARD_S, SETTINGS, FakeEngine, Stage

PAUSE = 30  # packets: it contains both the pause and the end of the utterance


@pytest.fixture(scope="module")
def speech():
    return spoken(6.0)


@asynccontextmanager
async def at_work(stage):
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.pipeline.run())
        yield
        stage.pipeline.finish()


@pytest.mark.parametrize("chunk", [1, 5, 20, 60, 200])
async def test_an_utterance_is_heard_in_full_however_much_comes_at_once(chunk):
    drawing = "." * 10 + "#" * 120 + "." * PAUSE + "." * 60
    stage = Stage(FakeEngine(), SETTINGS)
    async with at_work(stage):
        for at in range(0, len(drawing), chunk):
            part = drawing[at : at + chunk]
            pcm = np.repeat(np.array([8000 * (each == "#") for each in part], dtype=np.int16), FRAME)
            judged = [JudgedFrame((at + number) * FRAME, 1.0, 0.0, each == "#") for number, each in enumerate(part)]
            heard = Heard(chunk=AudioChunk(start=at * FRAME, pcm=pcm), judged=judged, heard_at=0.0)
            stage.pipeline.hear(Decoded(heard=[heard]))

    assert [final.text for final in stage.finals] == ["Word 1"]
    assert all(len(pcm) > 100 * FRAME for pcm in stage.engine.questions(Kind.FINAL))


async def test_a_sender_with_dtx_is_heard_as_well_as_one_without(speech):
    media = Media(MediaSettings(batch_s=0.005))
    stage = Stage(FakeEngine(), SETTINGS, detector=VoiceDetectors().new())
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(media.run())
        receiver = media.receiver(judge=stage.pipeline.judge, listener=stage.pipeline)
        receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=LEVEL_ID)
        listening = tasks.create_task(stage.pipeline.run())
        loop = asyncio.get_running_loop()
        packets = Microphone(speech).says(140)
        for packet in packets[:120]:
            receiver.packet(packet, now=loop.time())
        for number in range(4):  # a packet of comfort noise each 400 ms, and the next sequence number
            header = bytearray(packets[120][:12])
            header[0] = 0x80
            header[4:8] = (int.from_bytes(packets[120][4:8]) + number * 20 * 960 + 10 * 960).to_bytes(4)
            header[2:4] = ((int.from_bytes(packets[120][2:4]) + number) % 65_536).to_bytes(2)
            receiver.packet(bytes(header) + b"\x48", now=loop.time())
        receiver.close(now=loop.time())
        await listening
        serving.cancel()

    assert stage.finals
    assert not any("[…]" in final.text for final in stage.finals)
    assert all(len(pcm) for _, pcm in stage.engine.asked)
