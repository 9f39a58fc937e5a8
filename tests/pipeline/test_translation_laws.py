"""What becomes of finals that are to be translated, whoever wishes for it, and whenever a wish changes."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import GAP_MARK, NO_WISHES, translation
from pipeline.errors import DecodeFailed, Shed
from tests.pipeline.interpreter import RITA, after, read_by, stage_for
from tests.pipeline.stage import ENGLISH, PAUSE, WORD, Stage, listening, until

BOTH = {**RITA, "bert": ENGLISH}
READERS = ("rita", "bert", "cleo")

# A wish changes while something is still to be translated


async def test_who_goes_back_to_what_is_said_first_reads_what_was_to_be_translated():
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 1)
        stage.wishes.now = NO_WISHES
        await after(stage, WORD + PAUSE, 3)
        assert read_by("rita", stage.finals) == read_by("bert", stage.finals) == ["Satz 1", "Satz 2"]
        stage.engine.free.set()
    assert read_by("rita", stage.finals) == read_by("bert", stage.finals) == ["Satz 1", "Satz 2"]


async def test_and_nobody_elses_translation_is_given_up_for_it():
    stage = stage_for(BOTH)
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, WORD + PAUSE, 1)
        await after(stage, WORD + PAUSE, 2)
        stage.wishes.now = RITA
        stage.speak(WORD + PAUSE)
        await until(lambda: read_by("bert", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"])
        assert read_by("rita", stage.finals) == []
        stage.engine.free.set()
    assert read_by("rita", stage.finals) == ["Sentence 1", "Sentence 2", "Sentence 3"]
    assert read_by("bert", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"]


async def test_while_a_translation_is_handed_over_the_next_transcript_waits(monkeypatch):
    """The outbox is full: some captions of the translation are in it, others are not."""
    emit, full, room = Stage.emit, asyncio.Event(), asyncio.Event()

    async def slowly(stage, each):
        await emit(stage, each)
        if getattr(each, "translated", False):
            full.set()
            await room.wait()

    monkeypatch.setattr(Stage, "emit", slowly)
    stage = stage_for()
    stage.engine.translated = lambda _: " ".join(["It was a long story, and it went on."] * 8)
    async with listening(stage):
        stage.speak(WORD + PAUSE)
        await full.wait()
        stage.wishes.now = NO_WISHES
        stage.speak(WORD + PAUSE)
        await until(lambda: len(stage.engine.jobs) == 3)
        room.set()
    assert [each.utterance for each in stage.finals if each.is_for("rita")] == [1, 1, 2]


# The end comes while something is still to be translated


async def test_at_the_end_a_translation_is_not_waited_for_longer_than_a_room_waits(monkeypatch):
    monkeypatch.setattr(translation, "LAST_WAIT_S", 0.05)
    stage = stage_for()
    stage.engine.free.clear()
    async with listening(stage):
        await after(stage, (WORD + PAUSE) * 3, 3)
    assert read_by("rita", stage.finals) == ["Satz 1", "Satz 2", "Satz 3"]
    assert (stage.totals.untranslated, stage.totals.gaps) == (3, 0)


async def test_what_nobody_waits_for_any_more_is_counted_as_lost(monkeypatch):
    """One is being made, one waits, and one waits for its place; that of a gap was counted as one."""
    monkeypatch.setattr(translation, "MAX_WAITING", 2)
    stage = stage_for()
    stage.engine.free.clear()
    heard = stage.engine.answer
    stage.engine.answer = lambda kind, pcm: DecodeFailed("no") if len(stage.finals) == 1 else heard(kind, pcm)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.pipeline.run())
        for number in range(1, 5):
            await after(stage, WORD + PAUSE, number)
        running.cancel()
    assert read_by("bert", stage.finals) == ["Satz 1", GAP_MARK, "Satz 2", "Satz 3"]
    assert read_by("rita", stage.finals) == []
    assert stage.totals.gaps == 1 + 3
    assert stage.totals.gap_s > 1


# Whatever happens


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["word", "fails", "withheld", "gap"]),
        st.sampled_from([NO_WISHES, RITA, BOTH]),
        st.booleans(),  # translations wait until somebody says something during which they do not
    ),
    max_size=5,
)


@given(events=EVENTS)
@settings(max_examples=25)
def test_every_reader_gets_every_utterance_once_and_in_order(events):
    async def play():
        stage = stage_for(NO_WISHES)
        hears, fate = stage.engine.answer, ["word"]
        failing = {"fails": Shed("no"), "withheld": ""}
        stage.engine.translated = lambda number: failing.get(fate[0], "Sentence")
        stage.engine.answer = lambda kind, pcm: (
            DecodeFailed("no") if fate[0] == "gap" and not stage.engine.jobs[-1].translate else hears(kind, pcm)
        )

        def all_read(number, readers=READERS):
            return all(len(read_by(reader, stage.finals)) == number for reader in readers)

        async with listening(stage):
            for number, (what, wishes, held) in enumerate(events, 1):
                fate[0], stage.wishes.now = what, wishes
                (stage.engine.free.clear if held else stage.engine.free.set)()
                stage.speak(WORD + PAUSE)
                readers = [reader for reader in READERS if not (held and reader in wishes)]
                await until(lambda number=number, readers=readers: all_read(number, readers))
            stage.engine.free.set()
        return stage.finals

    finals = asyncio.run(play())
    for reader in READERS:
        mine = [each for each in finals if each.is_for(reader)]
        assert [each.utterance for each in mine] == list(range(1, len(events) + 1))
        for each, (what, wishes, _) in zip(mine, events, strict=True):
            assert not each.translated or (what != "gap" and reader in wishes)
            if not any(held for _, _, held in events):
                assert each.translated is (what == "word" and reader in wishes)
