from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline import GAP_MARK, WIRE_RATE, Engine, Kind, PartialSettings, Step, VoiceDetectors, make_backend
from pipeline.audio import FRAME, samples, seconds
from pipeline.decode import UnsupportedAudio
from pipeline.errors import DecodeFailed, EngineDied, EngineFatal, Shed
from pipeline.language_lock import SURE
from pipeline.request import Hypothesis
from pipeline.scheduler import SchedulerFull
from soak.crew import Crew
from tests.pipeline.stage import (
    AUTO,
    ENDPOINTS,
    ENGLISH,
    GERMAN,
    PAUSE,
    SETTINGS,
    SILENCE,
    SPARE,
    WORD,
    FakeEngine,
    Stage,
    listening,
    spoken,
    until,
)
from tests.pipeline.voices import clip, frames

# Finals


async def test_silence_gives_nothing():
    stage = await spoken("." * 200)
    assert stage.said == []
    assert stage.engine.asked == []


async def test_a_cough_is_not_transcribed():
    cough = "#" * (SETTINGS.min_voiced // FRAME - 2)
    assert (await spoken(SILENCE + cough + PAUSE)).said == []


async def test_speech_then_silence_gives_one_final_of_what_was_said():
    stage = await spoken(WORD + PAUSE)
    (final,) = stage.finals
    assert (final.speaker, final.utterance, final.text, final.language_id) == ("ada", 1, "Word 1", "en_GB")
    # the edges of a frame ring a little in the resampler
    assert abs(final.start - (len(SILENCE) * FRAME - ENDPOINTS.pre_roll)) <= FRAME
    assert abs(final.end - (len(WORD) * FRAME + min(ENDPOINTS.keep, ENDPOINTS.hangover.shortest))) <= FRAME
    (pcm,) = stage.engine.questions(Kind.FINAL)
    assert len(pcm) > ENDPOINTS.pre_roll + (len(WORD) - len(SILENCE)) * FRAME


async def test_finals_come_in_the_order_of_speech():
    stage = await spoken((WORD + PAUSE) * 5)
    assert stage.texts == [(i, f"Word {i}") for i in range(1, 6)]
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
        stage.speak(WORD + "." * SPARE)
        spoken_by = await stage.heard()
        stage.speak(PAUSE)
        await until(lambda: stage.finals)
        stage.speak(WORD + PAUSE)
    first, second = stage.finals
    assert first.heard_at <= spoken_by <= second.heard_at


@pytest.mark.parametrize("lost_s", [0.9, 5.0], ids=["filled with silence", "a jump of media time"])
async def test_a_final_was_heard_before_the_words_that_follow_a_loss(lost_s):
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD + "." * SPARE)
        spoken_by = await stage.heard()
        stage.skip(lost_s)
        stage.speak("#" * 10 + PAUSE)
    assert stage.finals[0].heard_at <= spoken_by


async def test_finish_delivers_the_open_utterance():
    stage = await spoken(WORD)
    assert stage.texts == [(1, "Word 1")]
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
    assert stage.texts == [(1, "Word 1")]


async def test_a_track_that_stops_in_mid_word_is_closed_by_the_tick():
    stage = Stage(FakeEngine(), replace(SETTINGS, segmenter=replace(ENDPOINTS, stall_s=0.05)))
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
    assert stage.texts == [(1, "Word 1"), (2, "Word 2")]


async def test_a_jump_of_the_senders_clock_closes_the_utterance_and_loses_none_of_it():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        stage.skip(5.0)
        stage.speak("#" * 20 + PAUSE)
    assert stage.texts == [(1, "Word 1"), (2, "Word 2")]
    before, after = stage.engine.questions(Kind.FINAL)
    assert len(before) >= samples(0.4)
    assert np.abs(before).max() > 5000
    assert len(after) >= samples(0.4)


async def test_a_short_loss_does_not_split_a_word_and_is_counted():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        stage.skip(0.2)
        stage.speak("#" * 10 + PAUSE)
    assert stage.texts == [(1, "Word 1")]
    assert stage.totals.filled_s == pytest.approx(0.2)
    assert stage.totals.audio_s == pytest.approx(stage.pts / WIRE_RATE)


# Languages


async def test_a_new_language_holds_from_the_next_utterance_on():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        await stage.heard()
        stage.pipeline.set_language(GERMAN)
        stage.speak(PAUSE + WORD + PAUSE)
    assert [final.language_id for final in stage.finals] == [ENGLISH.id, GERMAN.id]
    assert [job.language for job in stage.engine.jobs] == ["en", "de"]


async def test_in_a_room_of_many_languages_the_speakers_own_is_detected_and_kept():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: Hypothesis(text="Worte", language="de", decode_s=0.0, language_probability=SURE)
    async with listening(Stage(engine, language=AUTO)) as stage:
        for count in (1, 2):
            stage.speak(WORD + PAUSE)
            await until(lambda count=count: len(stage.finals) == count)
    assert [job.language for job in engine.jobs] == ["", "de"]
    assert {final.language_id for final in stage.finals} == {AUTO.id}


# What can go wrong


@pytest.mark.parametrize("error", [DecodeFailed, EngineDied, EngineFatal, SchedulerFull, Shed])
async def test_a_decode_that_fails_leaves_a_gap_mark_and_the_next_word_comes(error):
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "Again" if stage.finals else error("no")
    async with listening(Stage(engine)) as stage:
        stage.speak(WORD + PAUSE)
        await until(lambda: stage.finals)
        stage.speak(WORD + PAUSE)
    assert stage.texts == [(1, GAP_MARK), (2, "Again")]
    assert stage.totals.gap_s == pytest.approx(seconds(stage.finals[0].end - stage.finals[0].start))
    assert stage.totals.gaps == 1


async def overloaded():
    """The first word is being decoded, two wait, and one more is said."""
    stage = Stage(FakeEngine(), replace(SETTINGS, waiting_utterances=2))
    stage.engine.ladder.step = Step.FINALS_ONLY
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
    assert sorted(stage.texts) == [(1, "Word 1"), (2, GAP_MARK), (3, "Word 2"), (4, "Word 3")]
    assert stage.totals.gaps == stage.pipeline.utterances.dropped == 1


async def test_finals_come_in_the_order_of_speech_in_overload_too():
    stage = await overloaded()
    assert [final.utterance for final in stage.finals] == [1, 2, 3, 4]


async def test_an_intake_that_overflows_drops_the_oldest_audio_and_counts_it():
    stage = Stage(FakeEngine(), replace(SETTINGS, intake_frames=150))
    stage.speak("#" * 50 + "." * 150)  # nobody listens yet
    async with listening(stage):
        await stage.heard()
    assert stage.texts == [(1, GAP_MARK)]
    assert stage.totals.gaps == 1
    assert stage.totals.intake_dropped_s == pytest.approx(1.0)
    assert stage.totals.audio_s == pytest.approx(3.0)
    assert (stage.pipeline.intake.dropped, stage.pipeline.intake.peak) == (50, 150)


async def test_a_breath_that_the_intake_drops_is_counted_and_not_marked():
    stage = Stage(FakeEngine(), replace(SETTINGS, intake_frames=150))
    stage.speak("." * 160)
    async with listening(stage):
        await stage.heard()
    assert stage.said == []
    assert stage.totals.intake_dropped_s == pytest.approx(0.2)


async def test_audio_that_was_dropped_is_marked_before_what_is_said_after_it():
    stage = Stage(FakeEngine(), replace(SETTINGS, intake_frames=150))
    stage.speak("#" * 50 + "." * (150 - len(WORD + PAUSE)) + WORD + PAUSE)
    async with listening(stage):
        await stage.heard()
        stage.speak(WORD + PAUSE)
    assert stage.texts == [(1, GAP_MARK), (2, "Word 1"), (3, "Word 2")]


async def test_a_backlog_does_not_keep_everybody_else_waiting():
    stage = Stage(FakeEngine(), replace(SETTINGS, intake_frames=150))
    stage.speak("." * 150)
    turns = []

    async def other():
        while stage.pipeline.intake.depth:
            turns.append(stage.pipeline.intake.depth)
            await asyncio.sleep(0)

    async with listening(stage):
        await other()
    assert len(turns) >= 140


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
    assert stage.texts == [(1, "Word 1"), (2, "Word 2")]


def telephone_frame():
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 160), dtype=np.int16), format="s16", layout="mono")
    frame.sample_rate = 8000
    return frame


# With the real recogniser


@pytest.mark.model
async def test_a_spoken_sentence_comes_out_as_its_words(engine_settings):
    engine = Engine(make_backend(engine_settings))
    settings = replace(SETTINGS, partials=PartialSettings())
    async with Crew() as crew:
        crew.start(engine.run())
        await engine.wait_ready()
        async with listening(Stage(engine, settings, VoiceDetectors().new())) as stage:
            for frame in frames(clip("austen-0930").decode()):
                stage.pipeline.feed(frame)
    assert " ".join(text for _, text in stage.texts) == "He might even have been made amiable himself."
    assert stage.totals.gaps == 0
    assert not engine.scheduler.waiting_partials
