"""What goes wrong with one person or one room does not end a run of days, and what does end it leaves a report."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from soak.run import rounds as module
from soak.run import runner, stage
from soak.run.book import Book
from soak.run.journal import NAME, BadJournal, Journal, read
from soak.run.options import Options
from soak.run.result import PASSED, UNKNOWN, result
from soak.run.rounds import Rounds
from soak.run.runner import soak
from soak.run.stage import NotReady
from soak.world.captions import Refused
from soak.world.ledger import SETTLE_S, Ledger, Spoken
from soak.world.person import NotIn
from soak.world.profile import PROFILES
from soak.world.room import Tally
from tests.soak.verdict.runs import Run

GUARD_S = 20.0
SMOKE = PROFILES["smoke"]
SAID = "wild roses by the door"


def now():
    return asyncio.get_running_loop().time()


# Rooms


class Rooms:
    """In the place of `Room`: each of `lives` is one room's, in turn; the last of them is that of all others."""

    def __init__(self, *lives):
        self.lives, self.opened = list(lives), 0

    def __call__(self, world, number, ledger, chance):
        life = self.lives[min(self.opened, len(self.lives) - 1)]
        self.opened += 1

        async def live(until):
            await life(ledger, until)

        return SimpleNamespace(live=live)


def ends_with(error):
    async def life(ledger, until):
        ledger.said(Spoken(speaker="ada", text=SAID, first=now() - 2, last=now()))
        raise error

    return life


async def goes_well(ledger, until):
    await asyncio.sleep(0.05)


@pytest.fixture
def load(monkeypatch):
    async def load(*lives, rooms=1, seconds=0.4):
        made = Rooms(*lives)
        for name in ("SHORTEST_S", "AGAIN_S"):
            monkeypatch.setattr(module, name, 0.05)
        monkeypatch.setattr(module, "Room", made)
        scene = SimpleNamespace(world=SimpleNamespace(tally=Tally()), rooms={})
        profile = replace(SMOKE, rooms=rooms, cut_each_s=0.0)
        book = Book(rooms)
        played = Rounds(scene, SimpleNamespace(phase=""), book, Options(profile=profile, command=""))
        async with asyncio.timeout(GUARD_S):
            await played.load(now() + seconds)
        return SimpleNamespace(opened=made.opened, tally=scene.world.tally, refused=played.refused, book=book)

    return load


@pytest.mark.parametrize(
    "error", [OSError("too many open files"), ExceptionGroup("room", [ExceptionGroup("seat", [KeyError("who")])])]
)
async def test_a_room_that_ends_by_an_error_is_counted_and_another_is_opened(load, caplog, error):
    seen = await load(ends_with(error), goes_well)
    assert (seen.tally.accidents, seen.refused) == (1, 0)
    assert seen.opened >= 2
    assert "a room ended before its time" in caplog.text


async def test_what_was_on_its_way_in_such_a_room_is_not_called_lost(load):
    seen = await load(ends_with(OSError("gone")), goes_well)
    seen.book.settle(now() + 10 * SETTLE_S)
    assert (seen.book.counts().silent, seen.book.counts().expected) == (0, 0)


@pytest.mark.parametrize(
    "error", [NotIn("the reader was not let in"), Refused("captions were not granted: status 500")]
)
async def test_a_room_that_was_refused_is_no_accident(load, error):
    seen = await load(ends_with(error), goes_well)
    assert (seen.tally.accidents, seen.refused) == (0, 1)


async def test_an_error_on_the_way_out_of_a_run_that_is_stopped_does_not_keep_it_going(load):
    begun = asyncio.Event()

    async def stumbles(ledger, until):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("the network is gone as well")

    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(load(stumbles, seconds=600.0))
        await begun.wait()
        playing.cancel()


def test_what_is_broken_off_is_judged_as_far_as_it_is_old_enough():
    ledger = Ledger("0")
    ledger.said(Spoken(speaker="ada", text=SAID, first=0.0, last=1.0))
    ledger.said(Spoken(speaker="bob", text=SAID, first=98.0, last=99.0))
    assert [each.speaker for each in ledger.break_off(100.0)] == ["ada"]
    assert (ledger.counts.silent, ledger.pending) == (1, 0)
    assert ledger.close(1000.0) == []


# The whole of it


def finished():
    samples = Run(rests=30).samples()
    kept = [replace(each, values={name: float(value) for name, value in each.values.items()}) for each in samples]
    return kept, replace(SMOKE, seconds=kept[-1].at_s)


def begun(folder, samples, profile):
    with Journal(folder) as journal:
        journal.begin(Options(profile=profile, command="roomscribe soak").as_json())
        for each in samples:
            journal.sample(each)
        journal.tally(0, {"expected": 9, "received": 9, "marked": 0, "silent": 0, "repeated": 0})
    story = read(folder)
    return Options.read(story.options), story


async def test_a_run_that_came_to_its_end_is_only_reported_again(tmp_path):
    samples, profile = finished()
    options, story = begun(tmp_path, samples, profile)
    report = await soak(options, tmp_path, {}, asyncio.Event(), story=story)
    assert (report["status"], report["legs"]) == (PASSED, 1)
    assert not (tmp_path / stage.LOG).exists()


async def test_a_soak_that_breaks_off_has_a_report_that_says_so(tmp_path, monkeypatch, caplog):
    samples, profile = finished()
    options, story = begun(tmp_path, samples, replace(profile, seconds=profile.seconds + 600))

    async def fail(*_):
        raise ExceptionGroup("tasks", [KeyError("who")])

    class Scene:
        async def __aenter__(self):
            service = SimpleNamespace(is_running=True, pid=1)
            return SimpleNamespace(service=service, world=SimpleNamespace(tally=Tally()), rooms={}, cuts=())

        async def __aexit__(self, *_):
            pass

    monkeypatch.setattr(runner, "open_stage", lambda *_, **__: Scene())
    monkeypatch.setattr(runner._Leg, "play", fail)
    report = await soak(options, tmp_path, {}, asyncio.Event(), story=story)
    told = next(each for each in report["promises"] if each["fault"] == "soak")
    assert (told["kept"], "KeyError: 'who'" in told["measured"]) == (None, True)
    assert (report["status"], report["silent_losses"]) == (UNKNOWN, 0)
    assert "the soak broke off" in caplog.text


async def test_what_cannot_even_begin_has_none(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise NotReady("no model")

    monkeypatch.setattr(runner, "open_stage", fail)
    with pytest.raises(NotReady):
        await soak(Options(profile=SMOKE, command=""), tmp_path, {}, asyncio.Event())


def test_a_journal_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / NAME).symlink_to("/dev/full")
    reason = r"journal\.jsonl: cannot be written \(No space left on device\); --resume goes on"
    with Journal(tmp_path) as journal, pytest.raises(BadJournal, match=reason):
        journal.accident("x")
    with pytest.raises(BadJournal, match="cannot be written"), Journal(tmp_path / "missing"):
        pass


# While it starts


class Service:
    """Not ready; `ended`: it will never be."""

    def __init__(self, *, ended=False):
        self.is_running, self.asked = not ended, 0

    async def get(self, path):
        self.asked += 1
        return 503, b'{"status": "loading"}'

    def last_words(self):
        return ""


async def test_who_is_told_to_stop_waits_for_no_model():
    stop, service = asyncio.Event(), Service()
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stage._until_ready(service, stop))
        while not service.asked:  # noqa: ASYNC110 — a fake has no event
            await asyncio.sleep(0)
        assert not waiting.done()
        stop.set()


async def test_a_service_that_ended_while_it_started_is_not_waited_for():
    async with asyncio.timeout(GUARD_S):
        with pytest.raises(NotReady, match="has ended before it was ready"):
            await stage._until_ready(Service(ended=True), asyncio.Event())


async def test_a_service_that_does_not_get_ready_is_quoted(monkeypatch):
    monkeypatch.setattr(stage, "READY_S", 0.05)
    with pytest.raises(NotReady, match="loading"):
        await stage._until_ready(Service(), asyncio.Event())


async def test_a_run_that_was_stopped_before_it_began_still_has_a_report(tmp_path):
    stop, options = asyncio.Event(), Options(profile=replace(SMOKE, rooms=1, speakers=1), command="")
    stop.set()
    async with asyncio.timeout(60.0):
        report = await soak(options, tmp_path, os.environ, stop)
    assert (report["interrupted"], report["status"], report["counts"]["crashed"]) == (True, UNKNOWN, 0)
    assert report == result(options, read(tmp_path))
