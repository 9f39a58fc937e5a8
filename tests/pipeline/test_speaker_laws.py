"""What holds of one speaker's captions, whatever is said and whatever becomes of it in the engine."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import GAP_MARK, FinalTranscript, Kind, Step
from pipeline.errors import DecodeFailed, EngineDied, Shed
from pipeline.languages import split_words
from pipeline.scheduler import SchedulerFull
from tests.pipeline.stage import BREATH, LONG_WORD, PAUSE, SILENCE, WORD, FakeEngine, Stage, listening

A_WHILE_S = 0.03  # in which a partial may be asked for
COUNTING = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
COUGH = SILENCE + "#" * 4 + PAUSE
MORE = "#" * 15


def say(*drawings):
    return [("say", drawing) for drawing in drawings]


thoughts = st.integers(0, 6).map(lambda breaths: say(LONG_WORD, *[BREATH, MORE] * breaths))
happenings = st.one_of(
    st.sampled_from([WORD, LONG_WORD, BREATH, PAUSE, COUGH, MORE]).map(say),
    st.tuples(st.sampled_from(["hold", "let go"]), st.sampled_from(Kind)).map(lambda step: [step]),
    st.sampled_from([*Step, Step.NORMAL, Step.NORMAL]).map(lambda step: [("step", step)]),
    st.sampled_from([[("jump", 5.0)], [("track ends", None)], [("wait", None)]]),
)
scripts = st.lists(st.one_of(thoughts, thoughts, happenings), max_size=8).map(
    lambda parts: [step for part in parts for step in part]
)
answers = st.one_of(
    st.integers(1, 9).map(lambda count: " ".join(COUNTING[:count])),
    st.lists(st.sampled_from(["one", "two", "three", "four", "five"]), min_size=1, max_size=6).map(" ".join),
    st.just(""),
    st.just("a long story that went on " * 12),
    st.sampled_from([DecodeFailed, EngineDied, Shed, SchedulerFull]).map(lambda error: error("no")),
)


async def perform(script, heard):
    """All that was said in the script, and what came of it; `heard` are the engine's answers, over and over."""
    engine, turns = FakeEngine(), itertools.cycle(heard)
    engine.answer = lambda kind, pcm: next(turns)
    async with listening(Stage(engine)) as stage:
        for step, value in script:
            if step == "say":
                stage.speak(value)
                await stage.heard()
            elif step == "wait":
                await asyncio.sleep(A_WHILE_S)
            elif step == "hold":
                engine.hold(value)
            elif step == "let go":
                engine.let_go(value)
            elif step == "step":
                engine.ladder.step = value
            elif step == "jump":
                stage.skip(value)
            else:
                stage.pipeline.track_ended()
        for kind in Kind:
            engine.let_go(kind)
    return stage


def captions_come_in_the_order_of_speech(stage):
    numbers = [each.utterance for each in stage.said]
    assert numbers == sorted(numbers)
    for earlier, later in itertools.pairwise(stage.finals):
        assert later.utterance == earlier.utterance or earlier.end <= later.start


def after_a_final_there_is_no_partial_of_its_utterance(stage):
    done = set()
    for each in stage.said:
        assert isinstance(each, FinalTranscript) or each.utterance not in done
        if isinstance(each, FinalTranscript):
            done.add(each.utterance)


def what_was_shown_gets_its_final(stage):
    assert {each.utterance for each in stage.partials} <= {each.utterance for each in stage.finals}


def revisions_count_and_stable_text_stays(stage):
    for _, partials in itertools.groupby(stage.partials, lambda each: each.utterance):
        shown = list(partials)
        assert [each.revision for each in shown] == list(range(1, len(shown) + 1))
        for earlier, later in itertools.pairwise(shown):
            assert later.text.startswith(earlier.text[: earlier.stable])


def every_gap_has_its_mark(stage):
    marks = sum(final.text == GAP_MARK for final in stage.finals)
    assert marks <= stage.totals.gaps
    assert bool(marks) == bool(stage.totals.gaps)


def nobody_reads_what_the_engine_did_not_hear(stage, heard):
    known = {word.lower() for answer in heard if isinstance(answer, str) for word in split_words(answer, "en")}
    for each in stage.said:
        assert {word.lower() for word in each.text.split()} <= known | {GAP_MARK}


@settings(max_examples=40, deadline=None)
@given(scripts, st.lists(answers, min_size=1, max_size=5))
async def test_captions_keep_the_promises_that_are_made_of_them(script, heard):
    stage = await perform(script, heard)
    captions_come_in_the_order_of_speech(stage)
    after_a_final_there_is_no_partial_of_its_utterance(stage)
    what_was_shown_gets_its_final(stage)
    revisions_count_and_stable_text_stays(stage)
    every_gap_has_its_mark(stage)
    nobody_reads_what_the_engine_did_not_hear(stage, heard)
