"""What becomes of a final when somebody wants to read it in English."""

from __future__ import annotations

import pytest

from pipeline import GAP_MARK, NO_WISHES, Kind, Step, translation
from pipeline.caption import CAPTION_CHARACTERS
from pipeline.errors import DecodeFailed, EngineDied, EngineFatal, Shed
from pipeline.scheduler import SchedulerFull
from tests.pipeline.interpreter import RITA, Interpreter, after, read_by, stage_for
from tests.pipeline.stage import AUTO, BREATH, LONG_WORD, PAUSE, WORD, FakeEngine, listening, until

LONG = " ".join(["It was a long story, and it went on."] * 8)


async def test_each_reader_gets_one_of_the_two_texts():
    stage = stage_for()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    transcript, translated = stage.finals
    assert (read_by("rita", stage.finals), read_by("bert", stage.finals)) == (["Sentence 1"], ["Satz 1"])
    assert (translated.language_for("rita"), transcript.language_for("bert")) == ("en_GB", "de_AT")
    assert (transcript.utterance, transcript.start, transcript.heard_at) == (
        translated.utterance,
        translated.start,
        translated.heard_at,
    )


async def test_the_same_audio_is_decoded_once_more_from_the_language_that_was_heard():
    stage = stage_for(language=AUTO)
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    transcribed, translated = stage.engine.jobs
    assert (transcribed.language, translated.language) == ("", "de")
    assert (transcribed.translate, translated.translate, translated.kind) == (False, True, Kind.FINAL)
    assert stage.engine.asked[0][1] is stage.engine.asked[1][1]


async def test_where_nobody_knows_the_language_whoever_translates_hears_it():
    stage = stage_for(language=AUTO, engine=Interpreter(spoken=""))
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    assert [(job.language, job.translate) for job in stage.engine.jobs] == [("", False), ("", True)]
    assert read_by("rita", stage.finals) == ["Sentence 1"]


async def test_a_translation_is_wanted_from_the_moment_on_at_which_its_transcript_is_out():
    """Or the time that the transcript took would count as its lateness, and it would go before others' transcripts."""
    stage = stage_for()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    assert stage.engine.jobs[1].due >= stage.said_at[0]


async def test_where_nobody_wishes_for_a_translation_there_is_none():
    stage = stage_for(NO_WISHES)
    async with listening(stage):
        await after(stage, (WORD + PAUSE) * 3, 3)
    assert [job.translate for job in stage.engine.jobs] == [False] * 3
    assert read_by("rita", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"]
    assert stage.totals.queue("speaker_translations").peak == 0


async def test_a_wish_counts_from_the_next_final_on():
    stage = stage_for(NO_WISHES)
    async with listening(stage):
        await after(stage, WORD + PAUSE, 1)
        stage.wishes.now = RITA
        await after(stage, WORD + PAUSE, 3)
        stage.wishes.now = NO_WISHES
        await after(stage, WORD + PAUSE, 4)
    assert read_by("rita", stage.finals) == ["Satz 1", "Sentence 1", "Satz 3"]
    assert read_by("bert", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"]


async def test_what_was_said_in_english_is_its_own_translation():
    stage = stage_for(language=AUTO, engine=Interpreter(spoken="en"))
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    assert len(stage.engine.jobs) == 1
    assert read_by("rita", stage.finals) == read_by("bert", stage.finals) == ["Satz 1"]
    assert [each.language_for("rita") for each in stage.finals if each.is_for("rita")] == ["en_GB"]


async def test_it_holds_up_nobody_who_reads_what_is_said():
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, (WORD + PAUSE) * 3, 3)
        assert read_by("bert", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"]
        assert read_by("rita", stage.finals) == []
        stage.engine.free.set()
    assert read_by("rita", stage.finals) == ["Sentence 1", "Sentence 2", "Sentence 3"]


async def test_the_last_words_are_translated_before_the_speaker_is_done():
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 1)
        stage.pipeline.finish()
        stage.engine.free.set()
    assert read_by("rita", stage.finals) == ["Sentence 1"]


async def test_partials_are_not_translated():
    stage = stage_for()
    stage.engine.ladder.step = Step.NORMAL
    async with listening(stage):
        stage.speak(LONG_WORD)
        await until(lambda: stage.partials)
        stage.speak(PAUSE)
    assert not any(job.translate for job in stage.engine.jobs if job.kind is Kind.PARTIAL)


async def test_a_long_translation_comes_in_several_captions():
    stage = stage_for()
    stage.engine.translated = lambda _: LONG
    async with listening(stage):
        stage.speak(WORD + PAUSE)
    pieces = read_by("rita", stage.finals)
    assert len(pieces) > 1
    assert " ".join(pieces) == LONG
    assert all(len(piece) <= CAPTION_CHARACTERS for piece in pieces)


# What cannot be translated is read as it was said


@pytest.mark.parametrize("error", [DecodeFailed, EngineDied, EngineFatal, Shed, SchedulerFull])
async def test_a_translation_that_fails_is_replaced_by_what_was_said(error):
    stage = stage_for()
    stage.engine.translated = lambda number: error("no") if number == 1 else f"Sentence {number}"
    async with listening(stage):
        await after(stage, (WORD + PAUSE) * 2, 4)
    assert read_by("rita", stage.finals) == ["Satz 1", "Sentence 2"]
    assert [each.language_for("rita") for each in stage.finals if each.is_for("rita")] == ["de_AT", "en_GB"]
    assert (stage.totals.translated, stage.totals.untranslated, stage.totals.gaps) == (1, 1, 0)


@pytest.mark.parametrize("withheld", ["", "..."])
async def test_so_is_one_that_a_guard_withheld_or_that_has_no_words(withheld):
    stage = stage_for()
    stage.engine.translated = lambda _: withheld
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    assert read_by("rita", stage.finals) == ["Satz 1"]


@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.name)
async def test_in_overload_it_is_given_up_after_the_partials_and_before_any_word(step):
    stage = stage_for()
    stage.engine.ladder.step = step
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
    given_up = step > Step.FINALS_ONLY
    assert read_by("rita", stage.finals) == ["Satz 1" if given_up else "Sentence 1"]
    assert sum(job.translate for job in stage.engine.jobs) == (not given_up)


async def test_one_that_takes_too_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(translation, "LONGEST_WAIT_S", 0.05)
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, (WORD + PAUSE) * 2, 4)
    assert read_by("rita", stage.finals) == ["Satz 1", "Satz 2"]


async def test_when_too_many_wait_for_theirs_transcripts_wait_too_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(translation, "MAX_WAITING", 1)
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 1)  # being translated
        await after(stage, WORD + PAUSE, 2)  # waiting
        await after(stage, WORD + PAUSE, 3)  # told, and now the next one has to wait
        stage.speak(WORD + PAUSE)
        await stage.heard()
        assert len(stage.finals) == 3
        stage.engine.free.set()
    assert read_by("rita", stage.finals) == [f"Sentence {number}" for number in range(1, 5)]
    assert read_by("bert", stage.finals) == [f"Satz {number}" for number in range(1, 5)]


# What is the same in every language


async def test_everybody_is_told_of_a_gap_in_its_turn():
    stage = stage_for()
    heard = stage.engine.answer
    stage.engine.answer = lambda kind, pcm: DecodeFailed("no") if len(stage.finals) == 2 else heard(kind, pcm)
    async with listening(stage):
        await after(stage, WORD + PAUSE, 2)
        await after(stage, WORD + PAUSE, 4)
        await after(stage, WORD + PAUSE, 6)
    assert read_by("rita", stage.finals) == ["Sentence 1", GAP_MARK, "Sentence 2"]
    assert read_by("bert", stage.finals) == ["Satz 1", GAP_MARK, "Satz 2"]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (RITA, RITA, {"bert"}),
        (NO_WISHES, RITA, {"bert", "rita"}),
        (RITA, NO_WISHES, {"bert", "rita"}),
        (RITA, dict(RITA), {"bert", "rita"}),
    ],
    ids=["translations all the while", "asked for one meanwhile", "asked for none any more", "to and fro"],
)
async def test_what_turns_out_to_be_noise_is_taken_from_whoever_may_have_seen_it(before, now, told):
    engine = FakeEngine()
    engine.answer = lambda kind, pcm: "Psst" if kind is Kind.PARTIAL else ""
    stage = stage_for(before, engine=engine)
    stage.engine.ladder.step = Step.NORMAL
    async with listening(stage):
        stage.speak(LONG_WORD)
        await until(lambda: stage.partials)
        stage.wishes.now = now
        stage.speak(PAUSE)
    (final,) = stage.finals
    assert final.text == ""
    assert {reader for reader in ("bert", "rita") if final.is_for(reader)} == told


async def test_a_pause_is_decoded_early_but_not_translated_early():
    stage = stage_for()
    stage.engine.ladder.step = Step.NORMAL
    async with listening(stage):
        stage.speak(WORD + BREATH)
        await until(lambda: stage.engine.jobs)
        await stage.heard()
        assert [job.translate for job in stage.engine.jobs] == [False]
        stage.speak(PAUSE)
    assert [job.translate for job in stage.engine.jobs] == [False, True]
