"""What becomes of a closed utterance, and of the decode that begins in a pause, before it is closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pipeline import GAP_MARK, Kind, Step
from pipeline.audio import FRAME, samples, seconds
from pipeline.caption import CAPTION_CHARACTERS
from pipeline.errors import DecodeFailed, EngineDied, EngineFatal, Shed
from pipeline.finals import SURE
from pipeline.request import Hypothesis
from pipeline.scheduler import SchedulerFull
from tests.pipeline.stage import (
    BREATH,
    ENDPOINTS,
    PAUSE,
    SETTINGS,
    SILENCE,
    WORD,
    FakeEngine,
    Stage,
    listening,
    spoken,
    until,
)

FINALS_ONLY = replace(SETTINGS, partials=replace(SETTINGS.partials, first=samples(1000.0)))  # nobody speaks so long
MORE = "#" * 10
LONG = " ".join(["It was a long story, and it went on."] * 8)


def failing(error, *, times):
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: error("no") if len(engine.jobs) <= times else "Words"
    return engine


async def paused(stage):
    """A word was said and a pause follows, which may be the end of the utterance: it is being decoded, or was."""
    before = len(stage.engine.jobs)
    stage.speak(WORD + BREATH)
    await until(lambda: len(stage.engine.jobs) > before)
    await stage.heard()


# A pause


async def test_a_pause_is_decoded_before_anybody_knows_that_it_is_the_end():
    async with listening(Stage(FakeEngine())) as stage:
        await paused(stage)
        assert stage.said == []
        (job,) = stage.engine.jobs
        assert (job.kind, job.speaker) == (Kind.FINAL, "ada")


async def test_the_decode_of_a_pause_has_time_until_the_pause_is_the_end():
    async with listening(Stage(FakeEngine())) as stage:
        await paused(stage)
        (job,), (asked_at,) = stage.engine.jobs, stage.engine.asked_at[Kind.FINAL]
        rest_s = seconds(ENDPOINTS.hangover.shortest - ENDPOINTS.pause)
        assert asked_at - 1.0 < job.due <= asked_at + rest_s


async def test_what_was_decoded_in_the_pause_is_what_is_said():
    async with listening(Stage(FakeEngine())) as stage:
        await paused(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, "Word 1")]
    assert len(stage.engine.jobs) == 1


async def test_a_decode_that_outlasts_the_pause_is_waited_for():
    stage = Stage(FakeEngine())
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        await paused(stage)
        stage.speak(PAUSE)
        await stage.heard()
        assert stage.said == []
        stage.engine.let_go(Kind.FINAL)
    assert stage.texts == [(1, "Word 1")]
    assert len(stage.engine.jobs) == 1


@pytest.mark.parametrize("end", ["track_ended", "finish"])
async def test_a_track_that_ends_in_the_pause_needs_no_second_decode(end):
    async with listening(Stage(FakeEngine())) as stage:
        await paused(stage)
        getattr(stage.pipeline, end)()
        await until(lambda: stage.finals)
    assert stage.texts == [(1, "Word 1")]
    assert len(stage.engine.jobs) == 1


async def test_when_speech_goes_on_after_the_pause_what_was_decoded_is_shown_as_a_partial():
    async with listening(Stage(FakeEngine(), FINALS_ONLY)) as stage:
        await paused(stage)
        stage.speak(MORE)
        await until(lambda: stage.partials)
        stage.speak(PAUSE)
    (partial,) = stage.partials
    (final,) = stage.finals
    assert (partial.text, final.text) == ("Word 1", "Word 2")
    assert (partial.utterance, partial.revision, partial.start) == (1, 1, final.start)
    assert abs(partial.end - len(WORD) * FRAME) <= FRAME
    assert partial.heard_at <= final.heard_at


async def test_when_speech_goes_on_before_it_was_decoded_nobody_waits_for_it():
    stage = Stage(FakeEngine(), FINALS_ONLY)
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        await paused(stage)
        stage.speak(MORE)
        await until(lambda: stage.engine.given_up)
        stage.engine.let_go(Kind.FINAL)
        stage.speak(PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "Word 2")]
    assert len(stage.engine.jobs) == 2


async def test_the_final_after_two_pauses_holds_all_that_was_said():
    async with listening(Stage(FakeEngine(), FINALS_ONLY)) as stage:
        await paused(stage)
        stage.speak(MORE + PAUSE)
    first, second = stage.engine.questions(Kind.FINAL)
    assert len(second) >= len(first) + len(MORE) * FRAME
    assert stage.texts == [(1, "Word 2")]


async def test_a_decode_that_found_no_place_in_the_pause_is_tried_again_at_the_end():
    async with listening(Stage(failing(SchedulerFull, times=1))) as stage:
        await paused(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, "Words")]
    assert len(stage.engine.jobs) == 2
    assert stage.totals.gaps == 0


@pytest.mark.parametrize("error", [DecodeFailed, EngineDied, EngineFatal, Shed])
async def test_a_decode_that_failed_in_the_pause_is_not_tried_again(error):
    """The engine has tried whatever is worth it; what it gave up must not come back to it."""
    async with listening(Stage(failing(error, times=1))) as stage:
        await paused(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, GAP_MARK)]
    assert len(stage.engine.jobs) == 1
    assert stage.totals.gaps == 1


@pytest.mark.parametrize(
    ("text", "avg_logprob", "sooner"),
    [("A sentence.", 0.0, True), ("A sentence.", SURE - 0.01, False), ("Not yet", 0.0, False)],
    ids=["a sentence", "a doubtful one", "none"],
)
async def test_after_a_sentence_the_utterance_ends_sooner(text, avg_logprob, sooner):
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: Hypothesis(text=text, language="en", decode_s=0.0, avg_logprob=avg_logprob)
    endings = ENDPOINTS.hangover
    silence = (endings.after_sentence + endings.shortest) // 2 // FRAME
    async with listening(Stage(engine, FINALS_ONLY)) as stage:
        await paused(stage)
        await until(lambda: engine.jobs)
        stage.speak("." * (silence - len(BREATH)))
        await stage.heard()
        stage.speak(MORE + PAUSE)
    assert len(stage.finals) == (2 if sooner else 1)


async def test_what_follows_a_cut_is_said_however_little_it_is():
    longest = ENDPOINTS.cut_within + samples(2.0)
    settings = replace(SETTINGS, segmenter=replace(ENDPOINTS, max_length=longest))
    stage = await spoken(SILENCE + "#" * (longest // FRAME - 20) + PAUSE, settings=settings)
    assert [final.utterance for final in stage.finals] == [1, 2]


async def test_what_was_not_said_when_nobody_waits_any_more_counts_as_lost():
    stage = Stage(FakeEngine())
    stage.engine.hold(Kind.FINAL)
    listener = asyncio.create_task(stage.pipeline.run())
    stage.speak((WORD + PAUSE) * 2)
    await stage.heard()
    listener.cancel()
    await asyncio.wait([listener])
    assert stage.totals.gaps == 2
    assert stage.totals.gap_s > 2 * seconds(len(WORD) * FRAME) * 0.9


async def test_a_decode_that_failed_in_the_pause_is_not_missed_when_speech_goes_on():
    async with listening(Stage(failing(EngineDied, times=1), FINALS_ONLY)) as stage:
        await paused(stage)
        stage.speak(MORE + PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "Words")]


async def test_where_no_word_was_heard_in_the_pause_nothing_is_shown_when_speech_goes_on():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "" if len(engine.jobs) == 1 else "Words"
    async with listening(Stage(engine, FINALS_ONLY)) as stage:
        await paused(stage)
        stage.speak(MORE + PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "Words")]


async def test_what_a_cough_was_taken_for_in_its_pause_is_not_said():
    cough = "#" * (SETTINGS.min_voiced // FRAME - 2)
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(SILENCE + cough + BREATH)
        await stage.heard()
        stage.speak(PAUSE + WORD + PAUSE)
    assert [final.utterance for final in stage.finals] == [2]


@pytest.mark.parametrize("step", list(Step)[1:], ids=lambda step: step.name)
async def test_in_overload_a_pause_is_not_decoded_before_its_end(step):
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = step
    async with listening(stage):
        stage.speak(WORD + BREATH)
        await stage.heard()
        assert stage.engine.jobs == []
        stage.speak(PAUSE)
    assert stage.texts == [(1, "Word 1")]
    (pcm,), (final,) = stage.engine.questions(Kind.FINAL), stage.finals
    assert len(pcm) == final.end - final.start


# Captions


async def test_a_long_final_comes_in_several_captions_that_fit_the_panel():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: LONG
    stage = await spoken(WORD + PAUSE + WORD + PAUSE, engine=engine)
    first = [final.text for final in stage.finals if final.utterance == 1]
    assert len(first) > 1
    assert " ".join(first) == LONG
    assert all(len(text) <= CAPTION_CHARACTERS for text in first)
    assert [final.utterance for final in stage.finals] == [1] * len(first) + [2] * len(first)


async def test_captions_are_tidied_up():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: " ...and   so i said"
    stage = await spoken(WORD + PAUSE, engine=engine)
    assert stage.texts == [(1, "And so I said")]


async def test_what_goes_on_after_a_cut_keeps_its_small_letter():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "of the house"
    longest = ENDPOINTS.cut_within + samples(2.0)
    settings = replace(SETTINGS, segmenter=replace(ENDPOINTS, max_length=longest))
    stage = await spoken(SILENCE + "#" * (longest // FRAME + 50) + PAUSE, settings=settings, engine=engine)
    assert stage.texts == [(1, "Of the house"), (2, "of the house")]
    assert stage.finals[1].start == stage.finals[0].end


# What the engine is told of the others that wait


async def test_each_request_tells_how_much_audio_of_its_speaker_waits():
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = Step.FINALS_ONLY
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        stage.speak((WORD + PAUSE) * 3)
        await until(lambda: stage.engine.jobs)
        await stage.heard()
        waiting_s = stage.engine.jobs[0].backlog_s()
        stage.engine.let_go(Kind.FINAL)
        await until(lambda: len(stage.finals) == 3)
        assert waiting_s == pytest.approx(sum(seconds(final.end - final.start) for final in stage.finals))
        assert stage.engine.jobs[0].backlog_s() == pytest.approx(0.0)


async def test_what_was_dropped_waits_no_longer():
    stage = Stage(FakeEngine(), replace(SETTINGS, waiting_utterances=1))
    stage.engine.ladder.step = Step.FINALS_ONLY
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        stage.speak(WORD + PAUSE)
        await until(lambda: stage.engine.jobs)
        stage.speak((WORD + PAUSE) * 4)
        await stage.heard()
        stage.engine.let_go(Kind.FINAL)
        await until(lambda: len(stage.finals) == 3)
        assert stage.engine.jobs[0].backlog_s() == pytest.approx(0.0)
    assert stage.texts == [(1, "Word 1"), (4, GAP_MARK), (5, "Word 2")]
    assert stage.totals.gaps == 3


async def test_each_mark_stands_between_the_words_that_it_was_lost_between_however_late_they_are():
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = Step.FINALS_ONLY
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        for _ in range(3):
            stage.speak(WORD + PAUSE)
            await stage.heard()
            stage.pipeline.missed(2.0)
            stage.speak(SILENCE)
            await stage.heard()
        stage.engine.let_go(Kind.FINAL)
    assert [text for _, text in stage.texts] == ["Word 1", GAP_MARK, "Word 2", GAP_MARK, "Word 3", GAP_MARK]
    assert stage.totals.gaps == 3


async def test_a_final_is_wanted_as_soon_as_its_utterance_is_closed():
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = Step.FINALS_ONLY
    async with listening(stage):
        before = asyncio.get_running_loop().time()
        stage.speak(WORD + PAUSE)
        await until(lambda: stage.engine.jobs)
        assert before <= stage.engine.jobs[0].due <= asyncio.get_running_loop().time()
