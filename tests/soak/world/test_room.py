"""One life of a room, of which every word and every caption is in the books."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from pipeline import GAP_MARK
from soak.world import room as module
from soak.world.captions import Refused
from soak.world.person import NotIn
from soak.world.profile import Churn
from tests.soak.world.cast import cast
from tests.soak.world.stage import PHRASE

STAYS = Churn(stay_s=0.0, away_s=0.01)


def seats(one):
    """Of those who spoke."""
    return {spoken.speaker.split("/")[1] for spoken in one.books.spoken}


def stays(one, seat):
    """Which of the stays in this seat were heard of."""
    return {int(number) for _, own, number in (each.speaker.split("/") for each in one.books.spoken) if own == seat}


# Those who talk


async def test_what_people_say_is_in_the_books_with_its_captions(monkeypatch):
    async with cast(monkeypatch) as one:
        await one.lives()
    counts = one.books.counts
    assert one.tally.utterances == len(one.books.spoken) >= 4
    assert (counts.received, counts.silent, counts.repeated) == (one.tally.utterances, 0, 0)
    assert (one.tally.rooms, one.tally.joins, one.tally.not_in, one.tally.unheard) == (1, 2, 0, 0)
    assert {each.text for each in one.books.spoken} == {PHRASE.text}
    assert {each.delivered for each in one.books.spoken} == {1.0}


async def test_only_a_share_of_them_talks(monkeypatch):
    async with cast(monkeypatch, speakers=4, talking=0.5) as one:
        await one.lives(0.5)
    assert one.tally.joins == 4
    assert seats(one) == {"0", "1"}


@pytest.mark.parametrize("talking", [1.0, 0.0])
async def test_who_stays_only_a_while_comes_back_as_somebody_else(monkeypatch, talking):
    churn = replace(STAYS, stay_s=0.25)
    async with cast(monkeypatch, speakers=1, talking=talking, churn=churn) as one:
        await one.lives(1.2)
    assert one.tally.joins == len(one.named("speaker")) >= 3
    if talking:
        assert len(stays(one, "0")) >= 2
    else:
        assert one.books.spoken == []


async def test_names_of_one_life_of_a_room_are_not_those_of_another(monkeypatch):
    async with cast(monkeypatch) as one:
        await one.lives(0.4)
    async with cast(monkeypatch) as other:
        await other.lives(0.4)
    assert not {each.speaker for each in one.books.spoken} & {each.speaker for each in other.books.spoken}


async def test_in_turns_nobody_interrupts_anybody(monkeypatch):
    monkeypatch.setattr(module, "INTERRUPTS", 0.0)
    async with cast(monkeypatch, speakers=4, in_turns=True) as one:
        await one.lives(1.0)
    spoken = sorted(one.books.spoken, key=lambda each: each.first)
    assert len(spoken) >= 4
    assert all(one_of.last <= other.first for one_of, other in pairwise(spoken))


async def test_a_speaker_who_mutes_in_between_is_heard_all_the_same(monkeypatch):
    async with cast(monkeypatch, churn=replace(STAYS, mute=1.0)) as one:
        await one.lives()
    assert one.books.counts.received == one.tally.utterances >= 2


async def test_whom_nobody_receives_is_counted_and_nothing_of_theirs_was_delivered(monkeypatch):
    async with cast(monkeypatch) as one:
        one.received = one.captions = False
        await one.lives()
    assert one.tally.unheard == one.tally.joins == 2
    assert one.books.counts.unsent == one.tally.utterances > 0
    assert one.books.counts.silent == 0


async def test_who_cannot_come_in_tries_again_and_is_counted(monkeypatch):
    async with cast(monkeypatch) as one:
        one.errors["speaker"] = NotIn("not let in")
        await one.lives(0.3)
    assert one.tally.not_in >= 4
    assert (one.tally.joins, one.books.spoken) == (0, [])


async def test_an_accident_of_one_is_counted_and_the_others_go_on(monkeypatch):
    async with cast(monkeypatch, speakers=1, guests=1, churn=replace(STAYS, guest_s=0.05)) as one:
        one.errors["guest"] = ExceptionGroup("together", [OSError("no route")])
        await one.lives()
    assert one.tally.accidents > 0
    assert one.books.counts.received == one.tally.utterances > 0


# Faults


async def test_all_who_were_scattered_come_back(monkeypatch):
    async with cast(monkeypatch) as one:
        life = one.begins()
        await one.until(lambda: one.tally.utterances >= 2)
        before = one.named("speaker")
        await one.room.scatter()
        assert all(each.gone.is_set() for each in before)
        await one.until(lambda: len(one.named("speaker")) == 4 and len({*stays(one, "0"), *stays(one, "1")}) == 2)
        life.cancel()


async def test_whom_a_dead_media_server_received_nobody_receives(monkeypatch):
    async with cast(monkeypatch) as one:
        life = one.begins()
        await one.until(lambda: one.tally.utterances >= 2)
        one.room.cut_off()
        assert not any(each.mouth.live for each in one.named("speaker"))
        life.cancel()


async def test_a_room_whose_reader_is_sent_away_ends_at_once(monkeypatch):
    async with cast(monkeypatch) as one:
        life = asyncio.create_task(one.lives(60.0))
        await one.until(lambda: one.tally.utterances >= 2)
        [reader] = one.named("reader")
        reader.gone.set()
        with pytest.raises(ExceptionGroup) as caught:
            await life
    assert caught.group_contains(NotIn, match="reader")


async def test_a_room_that_is_not_captioned_has_no_speakers(monkeypatch):
    async with cast(monkeypatch) as one:
        one.statuses["reader"] = 400
        with pytest.raises(Refused, match="400"):
            await one.lives()
    assert one.named("speaker") == []


async def test_a_phrase_that_is_broken_off_with_the_room_is_nobody_s_loss(monkeypatch):
    async with cast(monkeypatch) as one:
        life = one.begins()
        await one.until(lambda: any(each.mouth.speaking for each in one.named("speaker")))
        life.cancel()
        await asyncio.wait([life])
        one.books.close(asyncio.get_running_loop().time())
    assert one.books.counts.silent == 0


# Those who read


async def test_captions_are_on_for_the_reader_until_everybody_has_gone(monkeypatch):
    async with cast(monkeypatch) as one:
        await one.lives(0.3)
    [reader] = one.named("reader")
    assert one.asked == [(reader.nextcloud_session_id, True), (reader.nextcloud_session_id, False)]


async def test_guests_turn_captions_on_and_off(monkeypatch):
    async with cast(monkeypatch, guests=1, churn=replace(STAYS, guest_s=0.05)) as one:
        await one.lives(0.6)
    guests = {each.nextcloud_session_id for each in one.named("guest")}
    assert one.tally.guests == len(guests) >= 2
    for each in guests:
        assert [enable for who, enable in one.asked if who == each] == [True, False]


async def test_a_guest_who_gets_no_captions_is_counted_and_the_room_goes_on(monkeypatch):
    async with cast(monkeypatch, guests=1, churn=replace(STAYS, guest_s=0.05)) as one:
        one.statuses["guest"] = 400
        await one.lives(0.6)
    assert one.tally.not_in >= 1
    assert (one.tally.guests, one.tally.accidents) == (0, 0)
    assert one.tally.utterances > 0


async def test_captions_of_nobody_are_counted_and_partials_are_no_finals(monkeypatch):
    async with cast(monkeypatch, speakers=1) as one:
        life = one.begins()
        await one.until(lambda: one.tally.utterances >= 1)
        [reader], [speaker] = one.named("reader"), one.named("speaker")
        one.show(reader, "I only read")
        one.show(speaker, "river", final=False)
        assert one.tally.of_nobody == 1
        assert one.books.counts.interims == 1
        life.cancel()


# Its end


async def test_it_does_not_wait_for_last_words_that_are_here(monkeypatch):
    async with cast(monkeypatch, last_words_s=60.0) as one:
        assert await one.lives(0.4) < 10


async def test_it_waits_for_the_last_words_but_not_for_ever(monkeypatch):
    async with cast(monkeypatch) as one:
        one.captions = False
        assert await one.lives(0.4) >= 0.4 + 0.3
    assert one.books.counts.silent == len(one.books.spoken) > 0


async def test_a_last_word_that_comes_late_ends_the_wait_and_is_in_the_books(monkeypatch):
    async with cast(monkeypatch, last_words_s=60.0, speakers=1) as one:
        one.captions = False
        life = one.begins(0.3)
        await one.until(lambda: one.named("speaker") and one.named("speaker")[0].gone.is_set())
        assert not life.done()
        for _ in one.books.spoken:
            one.show(one.named("speaker")[0])
        await life
    assert one.books.counts.silent == 0


async def test_a_gap_mark_answers_for_all_that_its_speaker_said(monkeypatch):
    async with cast(monkeypatch, last_words_s=60.0, speakers=1) as one:
        one.captions = False
        life = one.begins(0.8)
        await one.until(lambda: one.named("speaker") and one.named("speaker")[0].gone.is_set())
        assert len(one.books.spoken) >= 2
        one.show(one.named("speaker")[0], GAP_MARK)
        await life
    assert one.books.counts.silent == 0
    assert one.books.counts.marked > 0
