"""A whole room for real, but for the recogniser: it hears German, and translates it into English when asked to."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from bot import BadLanguagePair, NoSuchRoom, NotATarget, RoomStatus, TranslationUnsupported
from pipeline import Kind
from pipeline.finals import SURE
from pipeline.request import Hypothesis
from tests.pipeline.backend import FakeBackend
from tests.support.meeting import PATIENCE_S, meeting

GO_FORWARD = "command-goforward"
LONG = "austen-0870"
GERMAN, ENGLISH, PARTIAL = "Das ist ein Satz.", "This is a sentence.", "Das ist"


def hear(request):
    if request.translate:
        return heard(ENGLISH, "en")
    return heard(GERMAN if request.kind is Kind.FINAL else PARTIAL, "de")


def heard(text, language):
    """Not sure enough to be taken for a whole sentence at each short pause: that would cut what is said into two."""
    return Hypothesis(text=text, language=language, decode_s=0.0, avg_logprob=SURE - 0.1)


@pytest.fixture
def interpreter(monkeypatch):
    backend = FakeBackend()
    backend.translations = ("en",)
    backend.answer = hear
    monkeypatch.setattr("bot.supervisor.make_backend", lambda settings: backend)
    return backend


def asks(room, reader, target=None, *, spoken="de"):
    """`reader` enables captions in a room in which German is spoken."""
    supervisor = room.supervisor
    translation = supervisor.translation_target(target) if target is not None else None
    supervisor.enable(room.token, reader.nc, supervisor.language(spoken), translation)


def wishes(room, reader, target):
    supervisor = room.supervisor
    wish = supervisor.translation_target(target) if target is not None else None
    supervisor.set_translation(room.token, reader.nc, wish)


def finals(reader):
    return [(each.text, each.language_id) for each in reader.captions if each.final]


def translations(interpreter):
    return sum(request.translate for request in interpreter.requests)


async def test_each_reader_reads_the_language_it_chose_and_nobody_reads_two(engine_settings, interpreter):  # D17
    async with meeting(engine_settings) as room:
        rita, ravi, bert, bystander = [await room.reader(name) for name in ("Rita", "Ravi", "Bert", "Cleo")]
        ada = await room.speaker("Ada")
        asks(room, rita, "en_GB")
        asks(room, ravi)
        wishes(room, ravi, "en-US")
        asks(room, bert)
        await ada.heard()

        await ada.says(LONG)
        for reader in (rita, ravi, bert):
            await reader.final(of=ada)

        said = len(finals(bert))
        assert finals(bert) == [(GERMAN, "de")] * said
        await asyncio.gather(*(reader.final_number(said) for reader in (rita, ravi)))
        assert finals(rita) == [(ENGLISH, "en_GB")] * said
        assert finals(ravi) == [(ENGLISH, "en-US")] * said
        assert {each.final for each in [*rita.captions, *ravi.captions]} == {True}
        assert {each.speaker for each in rita.captions} == {ada.session_id}
        assert PARTIAL in [each.text for each in bert.captions]
        assert bystander.captions == []


async def test_where_nobody_chose_one_nothing_is_translated(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en")
        wishes(room, rita, None)
        await ada.heard()

        await ada.says(GO_FORWARD)

        assert await rita.final(of=ada) == GERMAN
        assert translations(interpreter) == 0


async def test_no_target_is_the_way_back_and_disabling_ends_it_all(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita, bert, ada = await room.reader("Rita"), await room.reader("Bert"), await room.speaker("Ada")
        asks(room, bert)
        asks(room, rita, "en")
        await ada.heard()
        await ada.says(GO_FORWARD)
        assert await rita.final(of=ada) == ENGLISH

        wishes(room, rita, None)
        seen = len(rita.captions)
        await ada.says(GO_FORWARD)
        assert await rita.final(of=ada, after=seen) == GERMAN

        wishes(room, rita, "en")
        room.disable(rita)
        seen, before, asked = len(rita.captions), len(bert.captions), translations(interpreter)
        await ada.says(GO_FORWARD)
        assert await bert.final(of=ada, after=before) == GERMAN
        assert (len(rita.captions), translations(interpreter)) == (seen, asked)
        with pytest.raises(NotATarget):
            wishes(room, rita, "en")


async def test_who_was_away_reads_in_its_language_what_it_missed(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita, bert, ada = await room.reader("Rita"), await room.reader("Bert"), await room.speaker("Ada")
        asks(room, bert)
        asks(room, rita, "en")
        await ada.heard()
        await rita.leaves()
        await bert.sees_leave(rita.session_id)
        await ada.says(GO_FORWARD)
        await bert.final(of=ada)

        again = await room.reader("Rita", nc=rita.nc)

        assert await again.final(of=ada) == ENGLISH
        assert finals(again) == [(ENGLISH, "en")]
        assert rita.captions == []


async def test_a_cut_connection_loses_no_translation_and_repeats_none(engine_settings, interpreter):
    translated = []

    def number(request):
        if not request.translate:
            return hear(request)
        translated.append(f"This is sentence {len(translated) + 1}.")
        return heard(translated[-1], "en")

    interpreter.answer = number
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en")
        await ada.heard()

        speaking = asyncio.gather(ada.says(GO_FORWARD))
        room.server.cut(room.bot.session_id)
        await speaking
        await rita.final(of=ada)
        seen = len(rita.captions)
        await ada.says(GO_FORWARD)
        await rita.final(of=ada, after=seen)
        while len(finals(rita)) < len(translated):
            await rita.final_number(len(translated))

        assert finals(rita) == [(each, "en") for each in translated]
        assert len(translated) >= 2  # a machine that is busy may hear a pause in a sentence, and cut it there


async def test_in_a_room_that_turns_to_english_what_is_said_is_the_translation(engine_settings, interpreter):
    interpreter.answer = lambda request: heard(ENGLISH, "en")
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en_GB")
        await ada.heard()
        room.supervisor.set_language(room.token, room.supervisor.language("en"))

        await ada.says(GO_FORWARD)

        assert await rita.final(of=ada) == ENGLISH
        assert finals(rita) == [(ENGLISH, "en_GB")]
        assert translations(interpreter) == 0


async def test_what_cannot_be_translated_is_read_as_it_was_said(engine_settings, interpreter):
    interpreter.answer = lambda request: RuntimeError("no") if request.translate else hear(request)
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en")
        await ada.heard()

        await ada.says(GO_FORWARD)

        assert await rita.final(of=ada) == GERMAN
        assert finals(rita) == [(GERMAN, "de")]


async def test_the_last_words_are_translated_before_the_bot_leaves(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en")
        await ada.heard()
        await ada.says(LONG, seconds=2.5)

        room.supervisor.leave(room.token)
        await room.gone()

        assert await rita.final(of=ada) == ENGLISH


async def test_where_they_cannot_be_in_time_they_are_read_as_they_were_said(engine_settings, interpreter, monkeypatch):
    monkeypatch.setattr("pipeline.translation.LAST_WAIT_S", 0.3)
    translating, decode = asyncio.Event(), interpreter.decode

    async def hangs(requests):
        if any(request.translate for request in requests):
            translating.set()
            await asyncio.Event().wait()
        return await decode(requests)

    interpreter.decode = hangs
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita, "en")
        await ada.heard()
        await ada.says(GO_FORWARD)
        await translating.wait()

        room.supervisor.leave(room.token)
        await room.gone()

        assert await rita.final(of=ada) == GERMAN
        totals = room.supervisor.metrics.totals
        assert (totals.untranslated, totals.gaps) == (1, 0)


async def test_a_pipeline_that_fails_is_named_by_its_cause(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        asks(room, rita)
        await ada.heard()
        (speaker,) = room.bot.speakers.active

        speaker.pipeline.failed(ZeroDivisionError())
        async with asyncio.timeout(PATIENCE_S):
            while (told := room.bot.status(0.0).last_error) is None:  # noqa: ASYNC110 — it has no event
                await asyncio.sleep(0.01)

        assert told == "a speaker's captions broke off (ZeroDivisionError)"


async def test_what_cannot_be_asked_for_is_refused(engine_settings, interpreter):
    async with meeting(engine_settings) as room:
        rita = await room.reader("Rita")
        with pytest.raises(NoSuchRoom):
            wishes(room, rita, "en")
        with pytest.raises(BadLanguagePair):
            asks(room, rita, "en", spoken="en_GB")
        assert not room.supervisor.rooms  # and no bot was sent for it
        asks(room, rita)
        other = await room.reader("Bert")
        with pytest.raises(NotATarget):
            wishes(room, other, "en")
        with pytest.raises(TranslationUnsupported):
            wishes(room, rita, "fr")
        with pytest.raises(BadLanguagePair):
            wishes(room, rita, "xx")
        room.supervisor.set_language(room.token, room.supervisor.language("en"))
        for ask in (asks, wishes):
            with pytest.raises(BadLanguagePair, match="what is spoken"):
                ask(room, rita, "en")
        assert room.bot.status(0.0).translation_targets == 0


async def test_the_state_of_a_room_is_told_in_numbers_and_without_a_word_of_anybody(engine_settings, interpreter):
    async with meeting(engine_settings, max_speakers=1) as room:
        rita, bert, ada = await room.reader("Rita"), await room.reader("Bert"), await room.speaker("Ada")
        asks(room, rita, "en")
        asks(room, bert)
        clock = asyncio.get_running_loop().time
        first = room.bot.status(clock())
        await ada.heard()
        waiting = await room.speaker("Will")
        await ada.says(GO_FORWARD)
        await asyncio.gather(rita.final(of=ada), bert.final(of=ada))
        await room.bot.outbox.drained()
        room.server.cut(room.bot.session_id)
        async with asyncio.timeout(PATIENCE_S):
            while (status := room.bot.status(clock())).last_error is None:  # noqa: ASYNC110 — it has no event
                await asyncio.sleep(0.01)

        assert first == RoomStatus(
            state="joining",
            connected=False,
            language_id="de",
            speakers_heard=0,
            speakers_waiting=0,
            speakers_finishing=0,
            targets=2,
            translation_targets=1,
            since_s=first.since_s,
            last_error=None,
            latency_p50_s=None,
            latency_p95_s=None,
            captions_sent=0,
            captions_dropped=0,
        )
        assert status.state == "joined"
        assert status.last_error == "signaling lost: the connection to the signaling server broke"
        assert (status.speakers_heard, status.speakers_waiting, status.speakers_finishing) == (1, 1, 0)
        assert 0 < status.latency_p50_s <= status.latency_p95_s < 10
        assert status.since_s > first.since_s >= 0
        assert status.captions_sent == len(rita.captions) + len(bert.captions)
        told = repr(dataclasses.astuple(status))
        for private in (GERMAN, ENGLISH, room.token, rita.nc, rita.session_id, ada.session_id, waiting.name):
            assert private not in told
