"""Real packets, real decoders, real threads."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from pipeline.audio import FRAME
from pipeline.decoders import NoDecoder
from pipeline.gate import GateSettings
from pipeline.judge import FrameJudge
from pipeline.media import Media, MediaSettings
from tests.pipeline.microphone import LEVEL_ID, PAYLOAD_TYPE, Listener, Microphone, silent, spoken
from tests.pipeline.test_hearing import Loudness


@pytest.fixture(scope="module")
def speech():
    return spoken()


class Unreliable(Loudness):
    """A voice detector that breaks down at the first sound."""

    def feed(self, frame):
        raise RuntimeError("it broke")


class Speaker:
    def __init__(self, media, voice, *, detector=None, level_id=LEVEL_ID):
        self.listener = Listener()
        self.receiver = media.receiver(judge=FrameJudge(detector or Loudness()), listener=self.listener)
        self.receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=level_id)
        self.microphone = Microphone(voice, level_id=level_id)

    def says(self, count):
        now = asyncio.get_running_loop().time()
        for packet in self.microphone.says(count):
            self.receiver.packet(packet, now=now)
        return self

    def leaves(self):
        self.receiver.close(now=asyncio.get_running_loop().time())
        return self


@asynccontextmanager
async def running(**settings):
    media = Media(MediaSettings(**{"gate": GateSettings(enabled=False), "batch_s": 0.005} | settings))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(media.run())
        try:
            yield media
        finally:
            serving.cancel()


@pytest.mark.parametrize("decoder", ["libopus", "av"])
async def test_what_is_said_is_heard_in_full(speech, decoder):
    async with running(decoder=decoder) as media:
        speaker = Speaker(media, speech).says(50)
        await speaker.listener.until(lambda heard: heard.samples >= 50 * FRAME - FRAME)

        assert speaker.listener.chunks[0].start == 0


async def test_many_speakers_are_decoded_side_by_side_each_in_order(speech):
    async with running(workers=3) as media:
        speakers = [Speaker(media, speech) for _ in range(20)]
        for _ in range(10):
            for speaker in speakers:
                speaker.says(10)
            await asyncio.sleep(0)
        for speaker in speakers:
            await speaker.listener.until(lambda heard: heard.samples == 100 * FRAME)

        for speaker in speakers:
            ends = [0, *(chunk.end for chunk in speaker.listener.chunks)]
            assert [chunk.start for chunk in speaker.listener.chunks] == ends[:-1]


async def test_a_speaker_whose_decoding_breaks_down_takes_nobody_along(speech):
    async with running() as media:
        broken, other = Speaker(media, speech, detector=Unreliable()).says(5), Speaker(media, speech).says(5)

        await broken.listener.until(lambda heard: heard.errors)
        await other.listener.until(lambda heard: heard.samples == 5 * FRAME)
        other.says(5)
        await other.listener.until(lambda heard: heard.samples == 10 * FRAME)

        assert broken.listener.finished.is_set()
        assert not other.listener.errors


async def test_a_decoder_that_cannot_be_made_ends_one_speaker(speech):
    async with running() as media:
        made, media.pool._new = media.pool._new, lambda: (_ for _ in ()).throw(MemoryError("no decoder"))
        broken = Speaker(media, speech).says(5)
        await broken.listener.until(lambda heard: heard.errors)
        media.pool._new = made

        other = Speaker(media, speech).says(5)
        await other.listener.until(lambda heard: heard.samples == 5 * FRAME)


async def test_a_speaker_who_failed_takes_no_decoder_any_more(speech):
    async with running() as media:
        broken = Speaker(media, speech, detector=Unreliable()).says(5)
        await broken.listener.until(lambda heard: heard.errors)
        broken.leaves()

        other = Speaker(media, speech).says(5).leaves()
        await other.listener.finished.wait()

        assert media.pool.in_use == 0


async def test_a_decoder_is_held_only_while_somebody_speaks(speech):
    async with running(gate=GateSettings()) as media:
        muted = [Speaker(media, silent()).says(20) for _ in range(5)]
        speaker = Speaker(media, speech).says(100)
        await speaker.listener.until(lambda heard: heard.samples)
        assert media.pool.in_use == media.open_gates == 1

        speaker.leaves()
        await speaker.listener.finished.wait()

        assert (media.pool.in_use, media.pool.idle) == (0, 1)
        assert not any(each.listener.items for each in muted)


async def test_last_words_are_heard_before_it_is_told_to_finish(speech):
    async with running() as media:
        speaker = Speaker(media, speech).says(30).leaves()

        await speaker.listener.finished.wait()

        assert speaker.listener.samples == 30 * FRAME
        assert speaker.listener.ends == 1


async def test_a_receiver_without_a_word_finishes_too(speech):
    async with running() as media:
        speaker = Speaker(media, speech).leaves()
        await speaker.listener.finished.wait()


async def test_when_decoding_stops_everybody_is_told_and_the_threads_are_gone(speech):
    async with running() as media:
        speaker = Speaker(media, speech).says(10)
        await speaker.listener.until(lambda heard: heard.samples)
    assert speaker.listener.finished.is_set()
    assert media.pool.in_use == media.pool.idle == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("opus")]

    late = Speaker(media, speech).says(1)
    assert late.listener.finished.is_set()


async def test_all_threads_are_there_from_the_beginning_and_no_more_come(speech):
    def threads():
        return sum(each.name.startswith("opus") for each in threading.enumerate())

    async with running(workers=3) as media, asyncio.timeout(10):
        while threads() < 3:  # noqa: ASYNC110 — a thread has no event of the loop
            await asyncio.sleep(0.01)
        speakers = [Speaker(media, speech).says(100).leaves() for _ in range(4)]
        for each in speakers:
            await each.listener.finished.wait()
        assert threads() == 3


async def test_counts_survive_the_speaker(speech):
    async with running() as media:
        speaker = Speaker(media, speech).says(30).leaves()
        await speaker.listener.finished.wait()

        assert media.tallies()["received"] == 30
        assert media.totals.decoded_s == pytest.approx(0.6)


async def test_nothing_wakes_up_while_everybody_is_silent():
    async with running(gate=GateSettings()) as media:
        Speaker(media, silent()).says(100)
        assert not media._work.is_set()


def test_a_decoder_that_cannot_be_had_is_named(monkeypatch):
    monkeypatch.setattr("pipeline.opus.copies", lambda: iter(()))
    with pytest.raises(NoDecoder, match="libopus0"):
        Media(MediaSettings(decoder="libopus"))
    assert not Media().decoder.native
