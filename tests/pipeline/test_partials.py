"""What is shown of an utterance while it is spoken."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from pipeline import GAP_MARK, FinalTranscript, Kind, Step
from pipeline.errors import EngineDied
from pipeline.partials import AGAIN_S, SPARSE, WORKER_SHARE
from tests.pipeline.stage import BREATH, LONG_WORD, PATIENT, PAUSE, SETTINGS, WORD, FakeEngine, Stage, listening, until


async def shown(stage, revisions=1):
    """A long word is being spoken, and as many partials of it have been shown."""
    stage.speak(LONG_WORD)
    await until(lambda: len(stage.partials) >= revisions)


async def test_a_long_word_is_shown_before_it_has_ended_and_its_revisions_count():
    async with listening(Stage(FakeEngine())) as stage:
        await shown(stage, revisions=2)
        stage.speak(PAUSE)
    one, two = stage.partials[:2]
    assert [(each.utterance, each.revision, each.text) for each in (one, two)] == [(1, 1, "Word 1"), (1, 2, "Word 2")]
    (final,) = stage.finals
    assert one.start == two.start == final.start
    assert one.end <= two.end <= final.end
    assert one.heard_at <= two.heard_at <= final.heard_at
    assert stage.said[-1] is final


async def test_a_partial_is_decoded_from_the_newest_audio():
    async with listening(Stage(FakeEngine())) as stage:
        await shown(stage)
        before = len(stage.partials)
        stage.speak("#" * 20)
        await stage.heard()
        await until(lambda: len(stage.partials) > before + 1)
    assert len(stage.engine.questions(Kind.PARTIAL)[-1]) > len(stage.engine.questions(Kind.PARTIAL)[0])
    assert stage.partials[-1].end > stage.partials[0].end


async def test_a_word_too_short_for_a_partial_gets_only_its_final():
    async with listening(Stage(FakeEngine())) as stage:
        stage.speak(WORD)
        await stage.heard()
        stage.speak(PAUSE)
    assert stage.engine.questions(Kind.PARTIAL) == []
    assert len(stage.finals) == 1


async def test_a_partial_that_comes_after_its_utterance_was_closed_is_not_shown():
    stage = Stage(FakeEngine())
    stage.engine.hold(Kind.PARTIAL)
    async with listening(stage):
        stage.speak(LONG_WORD)
        await until(lambda: stage.engine.questions(Kind.PARTIAL))
        stage.speak(PAUSE)
        await until(lambda: stage.finals)
        stage.engine.let_go(Kind.PARTIAL)
        await shown(stage)
    assert [(type(each).__name__, each.utterance) for each in stage.said[:2]] == [
        ("FinalTranscript", 1),
        ("PartialTranscript", 2),
    ]


async def test_what_a_partial_cost_does_not_delay_the_first_one_of_the_next_utterance():
    never_again = replace(SETTINGS, partials=replace(SETTINGS.partials, interval_s=10_000.0))
    stage = Stage(FakeEngine(), never_again)
    stage.engine.hold(Kind.PARTIAL)
    async with listening(stage):
        stage.speak(LONG_WORD)
        await until(lambda: stage.engine.questions(Kind.PARTIAL))
        stage.speak(PAUSE)
        await until(lambda: stage.finals)
        stage.speak(LONG_WORD)
        await stage.heard()
        stage.engine.let_go(Kind.PARTIAL)
        await until(lambda: stage.partials)
    assert stage.partials[0].utterance == 2


async def test_no_partial_is_shown_before_the_final_of_the_utterance_before_it():
    stage = Stage(FakeEngine())
    stage.engine.hold(Kind.FINAL)
    async with listening(stage):
        stage.speak(WORD + PAUSE + LONG_WORD)
        await stage.heard()
        assert stage.partials == []
        stage.engine.let_go(Kind.FINAL)
        await until(lambda: stage.partials)
    assert isinstance(stage.said[0], FinalTranscript)


class SlowReader(Stage):
    """Takes a while for each final, unless something overtakes it."""

    async def emit(self, transcript):
        if isinstance(transcript, FinalTranscript):
            try:
                async with asyncio.timeout(0.2):
                    await until(lambda: self.partials)
            except TimeoutError:
                pass
        await super().emit(transcript)


async def test_no_partial_overtakes_a_final_that_waits_for_its_reader():
    async with listening(SlowReader(FakeEngine())) as stage:
        stage.speak(WORD + PAUSE + LONG_WORD)
        await until(lambda: stage.partials and stage.finals)
    assert isinstance(stage.said[0], FinalTranscript)


async def test_a_partial_that_fails_is_not_missed():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: EngineDied("no") if len(engine.asked) == 1 else "Words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.partials[0].revision == 1
    assert stage.texts == [(1, "Words")]
    assert stage.totals.gaps == 0


async def test_an_empty_partial_is_not_shown():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "" if kind is Kind.PARTIAL else "Words"
    async with listening(Stage(engine)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: len(engine.questions(Kind.PARTIAL)) == 2)
        stage.speak(PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "Words")]


async def test_what_was_shown_gets_a_final_also_when_that_turns_out_empty():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "" if kind is Kind.FINAL else "Words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, "")]


async def test_what_was_shown_gets_a_final_also_when_the_engine_fails_over_it():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: EngineDied("no") if kind is Kind.FINAL else "Words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, GAP_MARK)]


# What stays


async def test_what_is_stable_in_a_partial_begins_every_later_one():
    said = ["It", "was", "a", "dark", "and", "stormy", "night", "and", "the", "rain", "fell", "in", "torrents"]
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: " ".join(said[: 4 + len(engine.jobs)])
    async with listening(Stage(engine, PATIENT)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: sum(partial.stable > 0 for partial in stage.partials) == 2)
        stage.speak(PAUSE)
    for earlier, later in itertools.pairwise(stage.partials):
        assert later.text.startswith(earlier.text[: earlier.stable])
        assert earlier.stable <= later.stable
    assert stage.partials[-1].stable >= len("It was a")
    assert 0 < stage.totals.committed_words <= stage.totals.final_words
    assert stage.totals.committed_corrected == 0


async def test_what_reads_as_before_is_not_sent_again():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "one" if len(engine.questions(Kind.PARTIAL)) < 4 else "one two"
    async with listening(Stage(engine, PATIENT)) as stage:
        await shown(stage, revisions=2)
        stage.speak(PAUSE)
    assert [(partial.revision, partial.text) for partial in stage.partials[:2]] == [(1, "one"), (2, "one two")]


# How often


def gaps(times):
    return [later - earlier for earlier, later in itertools.pairwise(times)]


async def several(stage, count=4):
    """A word is spoken until as many partials were asked for; the times between them."""
    async with listening(stage):
        stage.speak(LONG_WORD)
        await until(lambda: len(stage.engine.asked_at[Kind.PARTIAL]) >= count)
        stage.speak(PAUSE)
    return gaps(stage.engine.asked_at[Kind.PARTIAL])


def every(interval_s):
    return replace(PATIENT, partials=replace(PATIENT.partials, interval_s=interval_s))


async def test_partials_keep_their_interval():
    assert min(await several(Stage(FakeEngine(), every(0.25)))) >= 0.25


async def test_readers_are_not_shown_more_than_they_can_follow():
    settings = replace(PATIENT, partials=replace(PATIENT.partials, least_s=0.25))
    async with listening(Stage(FakeEngine(), settings)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: len(stage.engine.jobs) == 2)
        for _ in range(4):
            stage.speak(BREATH)
            await stage.heard()
            stage.speak("#" * 5)
            await stage.heard()
        await until(lambda: len(stage.partials) == 3)
        assert min(gaps(stage.said_at)) >= 0.25
        stage.speak(PAUSE)


async def test_in_the_first_step_of_overload_every_other_partial_is_given_up():
    stage = Stage(FakeEngine(), every(0.2))
    stage.engine.ladder.step = Step.SPARSE
    assert min(await several(stage, count=3)) >= 0.2 * SPARSE


async def test_where_no_word_was_heard_the_next_try_waits_a_little():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: ""
    assert min(await several(Stage(engine, PATIENT), count=3)) >= AGAIN_S


@pytest.mark.parametrize(
    ("words", "step"), [("Words", Step.NORMAL), ("", Step.SPARSE)], ids=["words", "no words in overload"]
)
async def test_a_decode_that_takes_long_is_not_asked_for_at_once_again(words, step):
    engine = FakeEngine()
    engine.ladder.step = step
    engine.answer = lambda kind, pcm: words
    engine.hold(Kind.PARTIAL)
    async with listening(Stage(engine, PATIENT)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: engine.asked_at[Kind.PARTIAL])
        asked_at = engine.asked_at[Kind.PARTIAL][0]
        await until(lambda: asyncio.get_running_loop().time() > asked_at + 0.2)
        engine.let_go(Kind.PARTIAL)
        await until(lambda: len(engine.asked_at[Kind.PARTIAL]) >= 2)
        stage.speak(PAUSE)
    assert min(gaps(engine.asked_at[Kind.PARTIAL])) >= 0.2 * WORKER_SHARE


async def while_another_is_shown(stage, revisions=2):
    """Both speak a long word; a second speaker is shown so many partials of it."""
    async with listening(Stage(FakeEngine())) as witness, listening(stage):
        stage.speak(LONG_WORD)
        await stage.heard()
        await shown(witness, revisions)
        stage.speak(PAUSE)
        witness.speak(PAUSE)


async def test_partials_that_are_switched_off_are_not_sent():
    stage = Stage(FakeEngine(), replace(SETTINGS, partials=replace(SETTINGS.partials, enabled=False)))
    await while_another_is_shown(stage)
    assert stage.engine.questions(Kind.PARTIAL) == stage.partials == []
    assert stage.texts == [(1, "Word 1")]


async def test_partials_that_are_switched_off_are_not_sent_after_a_pause_either():
    stage = Stage(FakeEngine(), replace(SETTINGS, partials=replace(SETTINGS.partials, enabled=False)))
    async with listening(stage):
        stage.speak(WORD + BREATH)
        await until(lambda: stage.engine.jobs)
        await stage.heard()
        stage.speak("#" * 10 + PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "Word 2")]


@pytest.mark.parametrize("step", [step for step in Step if step >= Step.FINALS_ONLY], ids=lambda step: step.name)
async def test_in_overload_there_are_only_finals(step):
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = step
    await while_another_is_shown(stage)
    assert stage.engine.questions(Kind.PARTIAL) == []
    assert stage.texts == [(1, "Word 1")]


async def test_before_that_there_is_a_first_partial_of_each_utterance():
    stage = Stage(FakeEngine())
    stage.engine.ladder.step = Step.FIRST_ONLY
    async with listening(stage):
        await shown(stage)
        await while_another_is_shown(Stage(FakeEngine()))
        stage.speak(PAUSE)
        await until(lambda: stage.finals)
        await shown(stage, revisions=2)
        stage.speak(PAUSE)
    assert [(partial.utterance, partial.revision) for partial in stage.partials] == [(1, 1), (2, 1)]


# A pause that was no end (tests/pipeline/test_finals.py)


async def test_what_was_heard_in_a_pause_does_not_overtake_the_final_before_it():
    async with listening(SlowReader(FakeEngine())) as stage:
        stage.speak(WORD + PAUSE)
        await until(lambda: stage.engine.jobs)
        stage.speak(WORD + BREATH)
        await until(lambda: len(stage.engine.jobs) == 2)
        await stage.heard()
        stage.speak("#" * 10 + PAUSE)
    assert isinstance(stage.said[0], FinalTranscript)


async def test_a_partial_of_older_audio_does_not_replace_what_was_heard_in_a_pause():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "one" if len(engine.jobs) == 1 else "one two"
    engine.hold(Kind.PARTIAL)
    async with listening(Stage(engine, PATIENT)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: engine.questions(Kind.PARTIAL))
        stage.speak("#" * 10 + BREATH)
        await until(lambda: engine.questions(Kind.FINAL))
        await stage.heard()
        stage.speak("#" * 10)
        await until(lambda: stage.partials)
        engine.let_go(Kind.PARTIAL)
        await until(lambda: len(engine.questions(Kind.PARTIAL)) > 1)
        stage.speak(PAUSE)
    assert [partial.text for partial in stage.partials] == ["one two"]
