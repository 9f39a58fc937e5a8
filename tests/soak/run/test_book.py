"""The books of all rooms of a leg, and what they say together."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from pipeline import GAP_MARK
from soak.faults.catalogue import FAULTS
from soak.faults.fault import Happened
from soak.run.book import Book
from soak.world.ledger import SETTLE_S, Caption, Spoken

CUT, STOPPED, KILLED = FAULTS["socket_cut"], FAULTS["service_stopped"], FAULTS["engine_killed"]
HPB_KILLED = FAULTS["hpb_killed"]
ROSE, BLUE, DUKE = "wild roses by the door", "seven blue umbrellas", "dukes never eat soup"


class Books(Book):
    """With a room of each number open; times are seconds after `now`."""

    def __init__(self, rooms):
        super().__init__(rooms)
        self.now = asyncio.get_running_loop().time()

    def say(self, room, text, first, last, caption=None, after=0.5, by="ada"):
        """Somebody says it, and a caption comes so many seconds `after`, as they said it or as told; "" is none."""
        ledger = self._ledgers[room]
        ledger.said(Spoken(speaker=by, text=text, first=self.now + first, last=self.now + last, delivered=1.0))
        caption = text if caption is None else caption
        if caption:
            ledger.heard(Caption(speaker=by, text=caption, at=self.now + last + after))

    def judge(self, at=1000.0):
        self.settle(self.now + at)

    def happened(self, fault, struck, healed):
        return Happened(fault=fault, struck_at=self.now + struck, healed_at=self.now + healed)


@pytest.fixture
async def book():
    return Books(3)


# Judging


async def test_a_room_that_has_ended_is_judged_at_once(book):
    with book.room(1) as ledger:
        book.say(1, ROSE, -3, -1)
        book.say(1, BLUE, -1, 0, caption="")
        assert book.counts().expected == 0
        assert ledger.room == "1"
    assert (book.counts().received, book.counts().silent) == (1, 1)


async def test_what_a_room_was_broken_off_with_is_not_judged_then_nor_ever(book):
    living = contextlib.ExitStack()
    living.enter_context(book.room(0))
    book.say(0, ROSE, -3, 0, caption="")
    living.__exit__(asyncio.CancelledError, asyncio.CancelledError(), None)
    book.judge(SETTLE_S + 1)
    assert book.counts().silent == 0


async def test_what_is_old_enough_is_judged_before_its_room_ends(book):
    with book.room(0):
        book.say(0, ROSE, 0, 2, caption="")
        book.judge(SETTLE_S)
        assert book.counts().silent == 0
        book.judge(SETTLE_S + 2.1)
        assert book.counts().silent == 1


async def test_one_room_after_another_in_the_same_place_has_the_same_ledger(book):
    with book.room(2) as first:
        book.say(2, ROSE, -2, -1)
    with book.room(2) as second:
        book.say(2, BLUE, -2, -1)
    assert first is second
    assert book.counts().received == 2


# Counts


async def test_all_rooms_are_counted_together_and_told_with_their_latencies(book):
    book.say(0, ROSE, 0, 2, after=0.2)
    book.say(1, BLUE, 0, 2, after=0.4)
    book.say(2, DUKE, 0, 2, caption=GAP_MARK)
    book.say(2, ROSE, 10, 12, caption="")
    book.judge()
    told = book.so_far()
    assert {name: told[name] for name in ("expected", "received", "marked", "silent", "repeated")} == {
        "expected": 4, "received": 2, "marked": 1, "silent": 1, "repeated": 0,
    }  # fmt: skip
    assert (told["final_ms_p50"], told["final_ms_p95"]) == (300, 390)


async def test_where_nothing_came_there_is_no_latency(book):
    assert book.so_far()["final_ms_p50"] is None
    assert book.latency_ms(95) is None


def milliseconds(waits):
    return [ms for _, _, ms in waits]


async def test_latencies_are_of_what_was_said_in_that_time_and_not_in_the_room_that_is_left_out(book):
    for room, after in enumerate((0.1, 0.2, 0.3)):
        book.say(room, ROSE, 0, 2, after=after)
        book.say(room, BLUE, 20, 22 + 0.1 * room, after=100 * after)
    book.judge()
    early, late = (book.now, book.now + 10), (book.now + 20, book.now + 23)
    assert sorted(milliseconds(book.waits(*early, but=""))) == [100, 200, 300]
    assert milliseconds(book.waits(*late, but="")) == [10_000, 20_000, 30_000]
    assert sorted(milliseconds(book.waits(*early, but="0"))) == [200, 300]
    assert book.waits(book.now + 3, book.now + 4, but="") == []


async def test_what_began_before_that_time_counts_and_what_ended_after_it_does_not(book):
    book.say(0, ROSE, 0, 5, after=0.1)
    book.say(1, BLUE, 4, 9, after=0.2)
    book.judge()
    assert milliseconds(book.waits(book.now + 3, book.now + 7, but="")) == [100]


async def test_latencies_are_in_the_order_in_which_it_was_said(book):
    book.say(0, ROSE, 0, 5, after=0.1)
    book.say(1, BLUE, 0, 2, after=4.0)
    book.judge()
    assert milliseconds(book.waits(book.now, book.now + 10, but="")) == [4000, 100]


async def test_latencies_tell_the_same_words_from_others_but_not_what_they_were(book):
    for room, text in enumerate((ROSE, BLUE, ROSE)):
        book.say(room, text, 0, 2 + 0.1 * room)
    book.judge()
    waits = book.waits(book.now, book.now + 10, but="")
    rose, blue, again = (words for _, words, _ in waits)
    assert rose == again != blue
    assert [room for room, *_ in waits] == ["0", "1", "2"]


@pytest.mark.parametrize("caption", [GAP_MARK, ""])
async def test_what_was_lost_was_waited_for_until_it_was_given_up(book, caption):
    book.say(0, ROSE, 0, 2, caption=caption)
    book.say(0, BLUE, 5, 7, after=0.1)
    book.judge()
    assert milliseconds(book.waits(book.now - 10, book.now + 10, but="")) == [1000 * SETTLE_S, 100]


async def test_what_came_before_it_was_all_said_did_not_take_no_time_at_all(book):
    book.say(0, ROSE, 0, 2, after=-0.5)
    book.judge()
    assert milliseconds(book.waits(book.now - 10, book.now + 10, but="")) == [1]


async def test_what_was_said_in_a_time_is_counted_for_it(book):
    book.say(0, ROSE, 0, 2)
    book.say(0, BLUE, 9, 11, caption="")
    book.say(1, DUKE, 20, 22)
    book.judge()
    counts = book.between(book.now + 10, book.now + 15)
    assert (counts.expected, counts.silent) == (1, 1)
    assert book.between(book.now, book.now + 30).expected == 3


# Recoveries


async def test_each_room_in_which_somebody_waited_has_its_recovery(book):
    book.say(0, ROSE, 8, 9, after=4)  # said before the strike, and shown 3 s after it
    book.say(1, BLUE, 11, 13, after=1)
    book.judge()
    found = book.recoveries_ms(book.happened(CUT, 10, 10), book.now + 60)
    assert found == pytest.approx([3000, 1000])


async def test_what_is_healed_recovers_from_its_healing_and_what_is_not_from_the_strike(book):
    book.say(0, ROSE, 8, 9, after=16)
    book.judge()
    assert book.recoveries_ms(book.happened(STOPPED, 10, 20), book.now + 60) == pytest.approx([5000])
    assert book.recoveries_ms(book.happened(KILLED, 10, 20), book.now + 60) == pytest.approx([15000])


async def test_a_server_that_was_away_is_back_with_the_first_partial_of_what_is_said_then(book):
    book.say(0, ROSE, 21, 24)
    book._ledgers[0].interim("ada", book.now + 22)
    book.judge()
    assert book.recoveries_ms(book.happened(HPB_KILLED, 10, 20), book.now + 60) == pytest.approx([1000])


async def test_a_room_whose_caption_never_came_waited_in_vain(book):
    book.say(0, ROSE, 9, 11, caption="")
    book.judge()
    assert book.recoveries_ms(book.happened(CUT, 10, 10), book.now + 60) == [None]


async def test_a_room_in_which_nobody_spoke_says_nothing(book):
    assert book.recoveries_ms(book.happened(CUT, 10, 10), book.now + 60) == []


async def test_what_was_said_long_before_or_after_the_watch_is_not_about_the_fault(book):
    book.say(0, ROSE, -60, -58, caption="")
    book.say(1, BLUE, 100, 102, caption="")
    book.judge()
    assert book.recoveries_ms(book.happened(CUT, 10, 10), book.now + 60) == []
