"""What is shown of an utterance while it is spoken, and one speaker with the real recogniser."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pipeline import GAP_MARK, Engine, FinalTranscript, Kind
from pipeline.errors import EngineDied
from pipeline.vad import WebRtcVoiceDetector
from soak.crew import Crew
from tests.pipeline.stage import LONG_WORD, PAUSE, SETTINGS, WORD, FakeEngine, Stage, listening, until
from tests.pipeline.voices import clip, frames


async def shown(stage, revisions=1):
    """A long word is being spoken, and as many partials of it have been shown."""
    stage.speak(LONG_WORD)
    await until(lambda: len(stage.partials) >= revisions)


async def test_a_long_word_is_shown_before_it_has_ended_and_its_revisions_count():
    async with listening(Stage(FakeEngine())) as stage:
        await shown(stage, revisions=2)
        stage.speak(PAUSE)
    one, two = stage.partials[:2]
    assert [(each.utterance, each.revision, each.text) for each in (one, two)] == [(1, 1, "word 1"), (1, 2, "word 2")]
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
    engine.answer = lambda kind, pcm: EngineDied("no") if len(engine.asked) == 1 else "words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.partials[0].revision == 1
    assert stage.texts == [(1, "words")]
    assert stage.totals.gaps == 0


async def test_an_empty_partial_is_not_shown():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "" if kind is Kind.PARTIAL else "words"
    async with listening(Stage(engine)) as stage:
        stage.speak(LONG_WORD)
        await until(lambda: len(engine.questions(Kind.PARTIAL)) == 2)
        stage.speak(PAUSE)
    assert stage.partials == []
    assert stage.texts == [(1, "words")]


async def test_what_was_shown_gets_a_final_also_when_that_turns_out_empty():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "" if kind is Kind.FINAL else "words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, "")]


async def test_what_was_shown_gets_a_final_also_when_the_engine_fails_over_it():
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: EngineDied("no") if kind is Kind.FINAL else "words"
    async with listening(Stage(engine)) as stage:
        await shown(stage)
        stage.speak(PAUSE)
    assert stage.texts == [(1, GAP_MARK)]


@pytest.mark.model
async def test_a_spoken_sentence_comes_out_as_its_words(engine_settings):
    engine = Engine(engine_settings)
    stage = Stage(engine, replace(SETTINGS, partial_interval_s=1.0), WebRtcVoiceDetector())
    async with Crew() as crew:
        crew.start(engine.run())
        await engine.wait_ready()
        async with listening(stage):
            for frame in frames(clip("austen-0930").decode()):
                stage.pipeline.feed(frame)
    assert " ".join(text for _, text in stage.texts) == "He might even have been made amiable himself."
    assert stage.totals.gaps == 0
    assert not engine.scheduler.waiting_partials
