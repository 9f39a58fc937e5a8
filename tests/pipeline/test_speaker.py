from __future__ import annotations

import itertools
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline import GAP_MARK, WIRE_RATE, Kind, SegmenterSettings
from pipeline.audio import FRAME, samples
from pipeline.decode import UnsupportedAudio
from pipeline.errors import DecodeFailed, EngineDied, EngineFatal
from pipeline.scheduler import SchedulerFull
from tests.pipeline.stage import PAUSE, SETTINGS, WORD, FakeEngine, Stage, listening, spoken, until

# Finals


async def test_silence_gives_nothing():
    stage = await spoken("." * 200)
    assert stage.said == []
    assert stage.engine.asked == []


async def test_a_cough_is_not_transcribed():
    assert (await spoken("." * 20 + "#" * 4 + PAUSE)).said == []


async def test_speech_then_silence_gives_one_final_of_what_was_said():
    stage = await spoken(WORD + PAUSE)
    (final,) = stage.finals
    assert (final.speaker, final.utterance, final.text, final.language_id) == ("ada", 1, "word 1", "en_GB")
    (pcm,) = stage.engine.questions(Kind.FINAL)
    assert len(pcm) == final.end - final.start
    # 300 ms before the word and 400 ms after it; the edges of a frame ring a little in the resampler
    assert abs(final.start - samples(0.1)) <= FRAME
    assert abs(final.end - samples(1.2)) <= FRAME


async def test_finals_come_in_the_order_of_speech():
    stage = await spoken((WORD + PAUSE) * 5)
    assert stage.texts == [(i, f"word {i}") for i in range(1, 6)]
    assert all(one.end <= other.start for one, other in itertools.pairwise(stage.finals))


async def test_a_noise_in_which_no_words_were_heard_gives_nothing():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: ""
    stage = await spoken(WORD + PAUSE, engine=engine)
    assert len(engine.asked) == 1
    assert stage.said == []
    assert stage.totals.gaps == 0


async def test_a_final_was_heard_when_its_last_speech_came_in():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD + "..")  # the resampler holds 14 ms back
        spoken_by = await stage.heard()
        stage.speak(PAUSE)
        await until(lambda: stage.finals)
        stage.speak(WORD + PAUSE)
    first, second = stage.finals
    assert first.heard_at <= spoken_by <= second.heard_at


@pytest.mark.parametrize("lost_s", [0.9, 5.0], ids=["filled with silence", "a jump of media time"])
async def test_a_final_was_heard_before_the_words_that_follow_a_loss(lost_s):
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD + "..")
        spoken_by = await stage.heard()
        stage.skip(lost_s)
        stage.speak("#" * 10 + PAUSE)
    assert stage.finals[0].heard_at <= spoken_by


async def test_finish_delivers_the_open_utterance():
    stage = await spoken(WORD)
    assert stage.texts == [(1, "word 1")]
    assert stage.engine.forgotten == ["ada"]


async def test_finish_waits_for_a_final_that_is_being_decoded():
    stage = Stage(FakeEngine())
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        stage.speak(WORD)
        stage.pipeline.finish()
        await until(lambda: stage.engine.asked)
        assert stage.said == []
        stage.engine.let_go(Kind.FINAL)
    assert stage.texts == [(1, "word 1")]


async def test_a_track_that_stops_in_mid_word_is_closed_by_the_tick():
    stage = Stage(FakeEngine(), replace(SETTINGS, segmenter=SegmenterSettings(stall_s=0.05)))
    async with listening(stage):
        stage.speak(WORD)
        await until(lambda: stage.finals)


async def test_the_end_of_the_track_closes_the_utterance_and_another_track_may_follow():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        stage.pipeline.track_ended()
        await until(lambda: stage.finals)
        stage.pts = 7
        stage.speak(WORD + PAUSE)
    assert stage.texts == [(1, "word 1"), (2, "word 2")]


async def test_a_jump_of_the_senders_clock_closes_the_utterance_and_loses_none_of_it():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        stage.skip(5.0)
        stage.speak("#" * 20 + PAUSE)
    assert stage.texts == [(1, "word 1"), (2, "word 2")]
    before, after = stage.engine.questions(Kind.FINAL)
    assert len(before) >= samples(0.4)
    assert np.abs(before).max() > 5000
    assert len(after) >= samples(0.4)


async def test_a_short_loss_does_not_split_a_word_and_is_counted():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        stage.skip(0.2)
        stage.speak("#" * 10 + PAUSE)
    assert stage.texts == [(1, "word 1")]
    assert stage.totals.filled_s == pytest.approx(0.2)
    assert stage.totals.audio_s == pytest.approx(stage.pts / WIRE_RATE)


# What can go wrong


@pytest.mark.parametrize("error", [DecodeFailed, EngineDied, EngineFatal, SchedulerFull])
async def test_a_decode_that_fails_leaves_a_gap_mark_and_the_next_word_comes(error):
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: error("no") if len(engine.asked) == 1 else "again"
    stage = await spoken((WORD + PAUSE) * 2, engine=engine)
    assert stage.texts == [(1, GAP_MARK), (2, "again")]
    assert stage.totals.gaps == 1


async def overloaded():
    """The first word is being decoded, two wait, and one more is said."""
    stage = Stage(FakeEngine(), replace(SETTINGS, waiting_utterances=2))
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        stage.speak(WORD + PAUSE)
        await until(lambda: stage.engine.asked)
        stage.speak((WORD + PAUSE) * 3)
        await stage.heard()
        stage.engine.let_go(Kind.FINAL)
    return stage


async def test_overload_drops_the_oldest_waiting_utterance_and_marks_it():
    stage = await overloaded()
    assert sorted(stage.texts) == [(1, "word 1"), (2, GAP_MARK), (3, "word 2"), (4, "word 3")]
    assert stage.totals.gaps == stage.pipeline.utterances.dropped == 1


async def test_finals_come_in_the_order_of_speech_in_overload_too():
    stage = await overloaded()
    assert [final.utterance for final in stage.finals] == [1, 2, 3, 4]


async def test_an_intake_that_overflows_drops_the_oldest_audio_and_counts_it():
    stage = Stage(FakeEngine(), replace(SETTINGS, intake_frames=150))
    stage.speak("#" * 50 + "." * 150)  # nobody listens yet
    async with listening(stage):
        await stage.heard()
    assert stage.said == []
    assert stage.totals.intake_dropped_s == pytest.approx(1.0)
    assert stage.totals.audio_s == pytest.approx(3.0)
    assert (stage.pipeline.intake.dropped, stage.pipeline.intake.peak) == (50, 150)


async def test_audio_that_no_opus_track_delivers_ends_this_speaker():
    stage = Stage(FakeEngine())
    stage.pipeline.feed(telephone_frame())
    with pytest.raises(UnsupportedAudio):
        await stage.pipeline.run()
    assert stage.engine.forgotten == ["ada"]


async def test_what_was_said_before_a_failure_still_comes_out():
    stage = Stage(FakeEngine())
    stage.speak(WORD + PAUSE + WORD)  # the second word is still open
    stage.pipeline.feed(telephone_frame())
    with pytest.raises(UnsupportedAudio):
        await stage.pipeline.run()
    assert stage.texts == [(1, "word 1"), (2, "word 2")]


def telephone_frame():
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 160), dtype=np.int16), format="s16", layout="mono")
    frame.sample_rate = 8000
    return frame
