"""Faults strike in their turns; each is healed, watched, and judged by what the books say of its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from types import SimpleNamespace
from zlib import crc32

import pytest

from soak.crew import Crew
from soak.faults import strikes
from soak.faults.fault import CannotStrike, Fault, Limits
from soak.faults.promises import OTHERS_CALM, OTHERS_FAULT
from soak.faults.strikes import SUFFERING_ROOM
from soak.run import chaos as module
from soak.run.book import Book
from soak.run.chaos import RESTARTS, Chaos
from soak.run.options import Options
from soak.service.process import ServiceFailed
from soak.service.scrape import Scrape
from soak.world.ledger import Caption, Spoken
from soak.world.profile import PROFILES

LENGTH_S = 0.05  # of everything that takes time
GUARD_S = 10.0
ROSE, BLUE, DUKE = "wild roses by the door", "seven blue umbrellas", "dukes never eat soup"


class Service:
    """Has been started again so often; None: it does not answer."""

    def __init__(self):
        self.restarts = 3
        self.is_running = True

    async def scrape(self):
        if self.restarts is None:
            raise ServiceFailed("/metrics: no answer")
        return Scrape(f"# TYPE {RESTARTS.removesuffix('_total')} counter\n{RESTARTS} {self.restarts}\n")


class Scene:
    def __init__(self):
        self.service = Service()
        self.pid = os.getpid()
        self.now = asyncio.get_running_loop().time


class Journal:
    def __init__(self):
        self.bands = []

    def band(self, band):
        self.bands.append(band)


class Play:
    """A leg with faults of the test's own; `strikes` notes when each has begun and ended."""

    def __init__(self, monkeypatch, *faults, seconds=1.0):
        self.scene, self.journal, self.strikes = Scene(), Journal(), []
        made = tuple(replace(each, act=self._noted(each)) for each in faults)
        monkeypatch.setattr(module, "chosen", lambda *_, **__: made)
        for name in ("BEGIN_S", "CALM_S", "WATCH_S", "END_S"):
            monkeypatch.setattr(module, name, LENGTH_S)
        monkeypatch.setattr(module, "STILL_ON_ITS_WAY_S", LENGTH_S / 5)
        options = Options(profile=PROFILES["chaos"], command="")
        self.began = self.scene.now()
        sampler = SimpleNamespace(elapsed_s=7.0)
        self.chaos = Chaos(self.scene, sampler, self.journal, options)
        self._until = self.began + seconds

    def _noted(self, fault):
        @contextlib.asynccontextmanager
        async def act(scene, lasts_s):
            begin = scene.now()
            async with fault.act(scene, lasts_s) as over:
                yield over
            self.strikes.append((fault.name, begin, scene.now()))

        return act

    async def run(self):
        async with asyncio.timeout(GUARD_S):
            await self.chaos.run(self._until)

    def observed(self, book=None):
        return list(self.chaos.observed(Book(2) if book is None else book))


def fault(name="fault", act=None, lasts_s=0.0, **limits):
    return Fault(
        name=name, promise="Captions go on.", limits=Limits(**limits), act=act or over_at_once, lasts_s=lasts_s
    )


@contextlib.asynccontextmanager
async def over_at_once(scene, lasts_s):
    yield strikes._over()


@contextlib.asynccontextmanager
async def as_long_as_it_may(scene, lasts_s):
    yield asyncio.Event()


@contextlib.asynccontextmanager
async def cannot(scene, lasts_s):
    raise CannotStrike("it is not there")
    yield


@pytest.fixture
def play(monkeypatch):
    return lambda *faults, **more: Play(monkeypatch, *faults, **more)


# When


async def test_all_strike_one_after_another_until_the_time_is_over(play):
    one = play(fault("a"), fault("b", as_long_as_it_may, LENGTH_S))
    await one.run()
    assert {"a", "b"} == {name for name, *_ in one.strikes}
    assert len(one.strikes) == len(one.journal.bands) == len(one.observed()) >= 4
    assert one.strikes[0][1] >= one.began + 2 * LENGTH_S - 0.01  # everybody has come, and a calm
    for (_, _, healed), (_, begins, _) in zip(one.strikes, one.strikes[1:], strict=False):
        assert begins - healed >= 0.99 * LENGTH_S  # it was watched
    assert {(each.start_s, each.end_s) for each in one.journal.bands} == {(7.0, 7.0)}
    assert [each.label for each in one.journal.bands] == [name for name, *_ in one.strikes]


async def test_what_ends_before_its_time_is_not_waited_for(play):
    one = play(fault("a", over_at_once, lasts_s=0.35), seconds=1.5)
    await one.run()
    assert len(one.strikes) >= 2
    assert one.strikes[1][1] - one.strikes[0][1] < 0.3


async def test_without_faults_nothing_happens(play):
    one = play()
    await one.run()
    assert one.observed() == []


# What was seen


async def test_a_fault_that_cannot_strike_is_not_struck_and_promises_nothing(play):
    one = play(fault("a", cannot), seconds=0.4)
    await one.run()
    seen = one.observed()
    assert seen
    assert {(each["fault"], each["kept"], each["measured"]) for each in seen} == {
        ("a", None, "not struck: it is not there")
    }
    assert {tuple(each["recovery_ms"]) for each in seen} == {()}
    assert one.journal.bands == []


async def struck_once(one):
    """When it struck, and when it was healed."""
    await one.run()
    [(_, struck_at, healed_at)] = one.strikes
    return struck_at, healed_at


def say(book, room, text, first, last, after=0.5):
    with book.room(room) as ledger:
        ledger.said(Spoken(speaker="ada", text=text, first=first, last=last, delivered=1.0))
        if after is not None:
            ledger.heard(Caption(speaker="ada", text=text, at=last + after))


async def test_what_was_said_in_its_time_is_counted_and_the_recovery_is_that_of_each_room(play):
    one, book = play(fault(recovery_s=5.0), seconds=0.3), Book(2)
    struck_at, _ = await struck_once(one)
    say(book, 0, ROSE, struck_at - 30, struck_at - 28)
    say(book, 0, BLUE, struck_at - 1, struck_at + 0.001, after=1.0)
    say(book, 1, DUKE, struck_at - 1, struck_at + 0.001, after=3.0)
    [seen] = one.observed(book)
    assert (seen["expected"], seen["received"], seen["silent"]) == (2, 2, 0)
    assert seen["recovery_ms"] == pytest.approx([1000, 3000], abs=5)
    assert (seen["fault"], seen["kept"]) == ("fault", True)


async def test_a_caption_that_was_lost_silently_breaks_its_promise(play):
    one, book = play(fault(), seconds=0.3), Book(2)
    struck_at, _ = await struck_once(one)
    say(book, 0, ROSE, struck_at, struck_at + 0.001, after=None)
    [seen] = one.observed(book)
    assert (seen["silent"], seen["kept"], seen["recovery_ms"]) == (1, False, [None])


async def test_a_recogniser_that_was_started_again_without_leave_breaks_the_promise(play):
    one, book = play(fault(act=restarts(once=True)), seconds=0.3), Book(2)
    struck_at, _ = await struck_once(one)
    say(book, 0, ROSE, struck_at, struck_at + 0.001)
    [seen] = one.observed(book)
    assert seen["kept"] is False
    assert "started again 1 times, not 0" in seen["measured"]


async def test_where_the_service_does_not_answer_restarts_are_not_known(play):
    one, book = play(fault(restarts=1), seconds=0.3), Book(2)
    one.scene.service.restarts = None
    struck_at, _ = await struck_once(one)
    say(book, 0, ROSE, struck_at, struck_at + 0.001)
    [seen] = one.observed(book)
    assert seen["kept"] is None
    assert "is not known" in seen["measured"]


def restarts(*, once):
    @contextlib.asynccontextmanager
    async def act(scene, lasts_s):
        scene.service.restarts += once
        yield strikes._over()

    return act


@pytest.mark.parametrize("how", ["another process", "none"])
async def test_a_service_that_did_not_survive_it_breaks_the_promise(play, how):
    @contextlib.asynccontextmanager
    async def dies(scene, lasts_s):
        if how == "none":
            scene.service.is_running = False
        else:
            scene.pid += 1
        yield strikes._over()

    one = play(fault(act=dies), seconds=0.3)
    await struck_once(one)
    [seen] = one.observed()
    assert (seen["kept"], "did not survive it" in seen["measured"]) == (False, True)


async def test_of_rooms_without_the_fault_it_is_told_how_long_their_captions_took_before_it_and_in_it(play):
    one, book = play(fault(act=as_long_as_it_may, lasts_s=0.2, others_slower=1.2), seconds=0.6), Book(2)
    struck_at, healed_at = await struck_once(one)
    during = (struck_at + healed_at) / 2
    for room in (SUFFERING_ROOM, 1 - SUFFERING_ROOM):
        slower_s = 2.0 if room == SUFFERING_ROOM else 0.0
        say(book, room, ROSE, struck_at - 5, struck_at - LENGTH_S / 2, after=0.5 + slower_s)
        say(book, room, BLUE, struck_at - 1, during, after=9.0 + slower_s)  # long after the fault, but said in it
        say(book, room, DUKE, healed_at + 1, healed_at + 2, after=0.7 + slower_s)
    [seen] = one.observed(book)
    assert [ms for _, _, ms in seen[OTHERS_CALM]] == pytest.approx([500], abs=1)
    assert [ms for _, _, ms in seen[OTHERS_FAULT]] == pytest.approx([9000], abs=1)


async def test_what_is_usual_leaves_out_the_arrivals_the_strikes_before_and_what_came_in_the_strike(play):
    suffers = replace(fault(act=as_long_as_it_may, lasts_s=0.2, others_slower=1.2), calm_s=0.5)
    one, book = play(suffers, seconds=1.9), Book(2)
    await one.run()
    (_, first, first_healed), (_, second, _) = one.strikes[:2]
    room = 1 - SUFFERING_ROOM
    with book.room(room) as ledger:
        for text, last in (
            ("arrival", one.began + 0.01),
            ("usual at first", first - LENGTH_S / 2),
            ("said in the first strike", (first + first_healed) / 2),
            ("said in its watch", first_healed + LENGTH_S / 2),
            ("usual later", second - LENGTH_S / 2),
        ):
            ledger.said(Spoken(speaker=text, text=text, first=last - 1, last=last, delivered=1.0))
            ledger.heard(Caption(speaker=text, text=text, at=last + 0.5))
    before, after = ([words for _, words, _ in seen[OTHERS_CALM]] for seen in one.observed(book)[:2])
    assert before == [crc32(b"usual at first")]
    assert after == [crc32(b"usual later")]


@pytest.mark.parametrize(("limits", "excused"), [({"others_slower": 1.2}, 1), ({}, 2)])
async def test_a_fault_of_one_room_is_no_reason_that_people_in_others_reach_nobody(play, limits, excused):
    one, book = play(fault(act=as_long_as_it_may, lasts_s=0.2, **limits), seconds=0.6), Book(2)
    struck_at, healed_at = await struck_once(one)
    for room in (SUFFERING_ROOM, 1 - SUFFERING_ROOM):
        with book.room(room) as ledger:
            ledger.said(Spoken(speaker="ada", text=ROSE, first=struck_at, last=healed_at, delivered=0.0))
    [seen] = one.observed(book)
    assert seen["unsent"] == excused


async def test_where_nothing_is_promised_of_other_rooms_they_are_not_looked_at(play):
    one = play(fault(), seconds=0.3)
    await struck_once(one)
    [seen] = one.observed()
    assert not {OTHERS_CALM, OTHERS_FAULT} & set(seen)


async def test_a_strike_that_is_cancelled_with_the_run_is_healed_and_not_judged(play):
    one = play(fault(act=as_long_as_it_may, lasts_s=GUARD_S), seconds=2 * GUARD_S)
    healed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def act(scene, lasts_s):
        try:
            yield asyncio.Event()
        finally:
            healed.set()

    one.chaos._faults = (fault(act=act, lasts_s=GUARD_S),)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        striking = crew.start(one.run())
        await asyncio.wait([striking], timeout=6 * LENGTH_S)
    assert healed.is_set()
    assert one.observed() == []
