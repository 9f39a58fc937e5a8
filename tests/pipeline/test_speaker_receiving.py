"""A speaker from packets to captions: real packets, the real receive path, an engine that answers at once."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from pipeline import Media, MediaSettings, VoiceDetectors
from pipeline.opus_stream import Decoded, SourceEnded
from tests.pipeline.microphone import LEVEL_ID, PAYLOAD_TYPE, Microphone, silent, spoken
from tests.pipeline.stage import ENDPOINTS, GUARD_S, SETTINGS, FakeEngine, Stage, until


@pytest.fixture(scope="module")
def speech():
    return spoken(3.0)


@pytest.fixture(scope="module")
def detectors():
    return VoiceDetectors()


@asynccontextmanager
async def on_air(detectors, **speaker):
    """A stage whose pipeline is fed by a receiver."""
    media = Media(MediaSettings(batch_s=0.005))
    stage = Stage(FakeEngine(), replace(SETTINGS, **speaker), detector=detectors.new())
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(media.run())
        receiver = media.receiver(judge=stage.pipeline.judge, listener=stage.pipeline)
        receiver.negotiated(payload_types=[PAYLOAD_TYPE], level_id=LEVEL_ID)
        listening = tasks.create_task(stage.pipeline.run())
        yield stage, receiver
        receiver.close(now=asyncio.get_running_loop().time())
        await listening
        serving.cancel()


def sends(receiver, packets):
    now = asyncio.get_running_loop().time()
    for packet in packets:
        receiver.packet(packet, now=now)


async def test_what_is_said_becomes_a_final(speech, detectors):
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, Microphone(speech).says(140))
        receiver.source_ended(now=asyncio.get_running_loop().time())
        await until(lambda: stage.finals)

    assert stage.finals
    assert stage.totals.audio_s > 2.0


async def test_the_last_words_of_somebody_who_leaves_are_said(speech, detectors):
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, Microphone(speech).says(100))

    assert stage.finals


async def test_somebody_who_stops_sending_in_mid_word_is_closed_by_the_tick(speech, detectors):
    async with on_air(detectors, segmenter=replace(ENDPOINTS, stall_s=0.05)) as (stage, receiver):
        sends(receiver, Microphone(speech).says(100))
        await until(lambda: stage.finals)


async def test_a_muted_microphone_is_neither_decoded_nor_asked_about(detectors):
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, Microphone(silent()).says(150))

    assert stage.said == []
    assert stage.totals.audio_s == 0


async def test_what_could_not_be_decoded_in_time_is_told_by_a_mark(speech, detectors):
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, Microphone(speech).says(100))
        await until(lambda: stage.totals.audio_s > 1.5)
        receiver.listener.missed(2.0)
        sends(receiver, Microphone(speech, ssrc=2).says(100))
        await until(lambda: any("[…]" in final.text for final in stage.finals))

    assert stage.totals.intake_dropped_s == pytest.approx(2.0)
    assert stage.totals.gaps == 1


async def test_what_was_missed_is_told_at_once_when_nobody_speaks(speech, detectors):
    async with on_air(detectors) as (stage, receiver):
        receiver.listener.missed(2.0)
        sends(receiver, Microphone(silent(), ssrc=3).says(1))
        receiver.listener.hear(Decoded(heard=[SourceEnded()]))
        await until(lambda: [final.text for final in stage.finals] == ["[…]"])


@pytest.mark.parametrize(("lost", "marks"), [(10, 0), (45, 1), (80, 1)])
async def test_of_what_the_network_lost_only_so_much_that_words_may_be_missing_is_told(speech, detectors, lost, marks):
    packets = Microphone(speech).says(140)
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, packets[:50])
        await until(lambda: stage.totals.audio_s > 0.9)
        sends(receiver, packets[50 + lost :])

    assert sum(final.text.count("[…]") for final in stage.finals) == stage.totals.gaps == marks


async def test_words_that_were_all_lost_are_told_at_once_although_nobody_speaks_before_or_after(speech, detectors):
    microphone = Microphone(speech)
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, microphone.says(50))
        await until(lambda: stage.totals.audio_s > 0.9)
        sends(receiver, microphone.turns(silent()).says(100))
        await until(lambda: stage.finals)
        microphone.says(1000)
        sends(receiver, microphone.says(1))
        await until(lambda: stage.finals[-1].text == "[…]")

    assert len(stage.finals) == 2
    assert stage.totals.gaps == 1
    assert stage.totals.intake_dropped_s == 0.0


async def test_the_mark_of_a_loss_is_news_even_of_somebody_who_was_never_heard_before(speech, detectors):
    microphone = Microphone(silent())
    async with on_air(detectors) as (stage, receiver):
        began = asyncio.get_running_loop().time()
        sends(receiver, microphone.says(50))
        microphone.says(1000)
        sends(receiver, microphone.turns(speech).says(1))
        await until(lambda: stage.finals)

    (mark,) = stage.finals
    assert mark.text == "[…]"
    assert mark.heard_at >= began  # readers are sent nothing that is old


async def test_words_before_a_loss_are_said_before_its_mark_and_those_after_it_after(speech, detectors):
    microphone = Microphone(speech)
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, microphone.says(100))
        await until(lambda: stage.totals.audio_s > 1.9)
        microphone.says(5 * 150 + 50)
        sends(receiver, microphone.says(100))

    assert [final.text == "[…]" for final in stage.finals] == [False, True, False]


async def test_what_was_said_between_two_connections_is_told_by_one_mark(speech, detectors):
    clock = asyncio.get_running_loop().time
    async with on_air(detectors) as (stage, receiver):
        sends(receiver, Microphone(speech).says(100))
        receiver.source_ended(now=clock())
        await until(lambda: stage.finals)
        for packet in Microphone(speech, ssrc=2).says(100):
            receiver.packet(packet, now=clock() + 13.0)

    assert [final.text == "[…]" for final in stage.finals] == [False, True, False]


async def test_a_decoder_that_breaks_down_ends_the_speaker_after_its_last_words(speech, detectors):
    async def breaks():
        async with on_air(detectors) as (stage, receiver):
            sends(receiver, Microphone(speech).says(100))
            await until(lambda: stage.totals.audio_s > 1.5)
            stage.pipeline.failed(RuntimeError("it broke"))
            await until(lambda: stage.finals)

    with pytest.raises(ExceptionGroup) as raised:
        await breaks()

    assert "it broke" in str(raised.value.exceptions)


async def test_while_nothing_is_said_in_between_one_mark_stands_for_losses_that_follow_each_other(speech, detectors):
    async with on_air(detectors) as (stage, receiver):
        for number in range(5):
            receiver.listener.missed(1.0)
            receiver.listener.hear(Decoded(heard=[SourceEnded()]))
            await until(lambda: not receiver.listener.intake.depth)
            if not number:
                await until(lambda: stage.finals)

    assert [final.text for final in stage.finals] == ["[…]", "[…]"]  # the second when it was over, for the other four


async def test_a_receiver_that_follows_another_one_tells_what_was_said_in_between(speech, detectors):
    clock = asyncio.get_running_loop().time
    async with on_air(detectors) as (_, former):
        sends(former, Microphone(speech).says(100))
    async with on_air(detectors) as (stage, receiver):
        receiver.follows(former)
        for packet in Microphone(speech, ssrc=2).says(100):
            receiver.packet(packet, now=clock() + 13.0)

    assert [final.text == "[…]" for final in stage.finals] == [True, False]
