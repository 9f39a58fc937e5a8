"""What the engine gives up when finals are late; what the steps are: tests/pipeline/test_overload.py."""

from __future__ import annotations

import asyncio
import time

import pytest

from pipeline import Engine, Kind, Step
from pipeline.engine import CATCH_UP, CATCH_UP_S, EXPIRED_S, LOOK_S, NARROW_BEAM, WIDE_BEAM
from pipeline.errors import DecodeFailed, Shed
from pipeline.overload import Ladder, LadderSettings
from pipeline.request import Hypothesis
from tests.pipeline.backend import GUARD_S, FakeBackend, ask, outcome, running, until


def overdue(engine, crew, by, *, speaker="ada", **details):
    """A final that was wanted `by` seconds ago; who asks is told its outcome."""
    due = asyncio.get_running_loop().time() - by
    return crew.start(outcome(ask(engine, speaker=speaker, due=due, **details)))


async def busy(backend, engine, crew, *, patience_s=0.2):
    """Its only worker is busy for as long as the backend is held. What is late by `patience_s` is given up."""
    climb_s = engine.ladder.settings.climb_s
    engine.ladder = Ladder(LadderSettings(climb_s=tuple(late_s * patience_s / climb_s[-1] for late_s in climb_s)))
    backend.hold()
    decoding = crew.start(outcome(ask(engine, speaker="busy")))
    await until(lambda: backend.decoding)
    return decoding


async def looks(count=3):
    """So much time goes by that the engine has looked for what is late more than once."""
    clock = asyncio.get_running_loop().time
    over = clock() + count * LOOK_S
    await until(lambda: clock() > over)


@pytest.mark.parametrize("step", list(Step)[1:-1], ids=lambda step: step.name)
async def test_late_finals_lead_up_the_ladder(step):
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        overdue(engine, crew, 0.0)
        await until(lambda: engine.ladder.step >= step)
        backend.let_go()
    assert engine.ladder.climbed[step] == 1


@pytest.mark.parametrize("step", Step, ids=lambda step: step.name)
async def test_the_fourth_step_narrows_the_search_for_finals(step):
    backend = FakeBackend()
    async with running(backend) as (engine, _):
        await engine.wait_ready()
        engine.ladder.step = step
        await ask(engine)
    (request,) = backend.requests
    assert request.beam == (NARROW_BEAM if step >= Step.NARROW else WIDE_BEAM)


async def test_the_fourth_step_gives_up_the_translations_that_wait_and_no_transcript():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        translation = overdue(engine, crew, -GUARD_S, speaker="will", translate=True)
        in_time = overdue(engine, crew, -GUARD_S, speaker="cleo")
        await looks(2)
        assert not translation.done()
        overdue(engine, crew, 0.0)
        assert isinstance(await translation, Shed)
        assert engine.ladder.step >= Step.NARROW
        backend.let_go()
        assert isinstance(await in_time, Hypothesis)


async def test_the_last_step_gives_up_what_is_overdue_and_no_more():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        late, in_time = overdue(engine, crew, 0.0), overdue(engine, crew, -GUARD_S, speaker="will")
        await until(lambda: engine.ladder.step is Step.SHED)
        await looks(2)
        backend.let_go()
        assert isinstance(await late, Shed)
        assert isinstance(await in_time, Hypothesis)


async def test_while_nobody_is_free_for_anything_newer_nothing_is_given_up():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        late = overdue(engine, crew, 0.0)
        await until(lambda: engine.ladder.step is Step.SHED)
        await looks()
        assert not late.done()


async def test_what_can_be_decoded_at_once_is_not_given_up_however_late_it_is():
    backend = FakeBackend(slots=2)
    async with running(backend) as (engine, _):
        await engine.wait_ready()
        engine.ladder.step = Step.SHED
        engine._up_since = engine._shed_since = float("-inf")
        late = asyncio.get_running_loop().time() - GUARD_S
        for _ in range(3):  # as the utterances of one speaker come, one after another
            assert isinstance(await outcome(ask(engine, due=late)), Hypothesis)


async def test_of_more_than_can_be_decoded_at_once_what_is_late_is_given_up():
    backend = FakeBackend(slots=2)
    async with running(backend) as (engine, crew):
        await engine.wait_ready()
        engine.ladder.step = Step.SHED
        engine._up_since = engine._shed_since = float("-inf")
        late = [overdue(engine, crew, GUARD_S, speaker=f"speaker {number}") for number in range(4)]
        assert [type(await each) for each in late].count(Shed) == 2


async def test_a_recogniser_that_hangs_until_it_is_ended_costs_nobody_a_final():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        hanging = await busy(backend, engine, crew)
        waiting = [overdue(engine, crew, 0.0, speaker=f"speaker {number}") for number in range(3)]
        await until(lambda: engine.ladder.step is Step.SHED)
        await looks(4)  # so long nobody notices
        backend.lose()
        backend.break_off()
        backend.come()
        assert engine.ladder.step is Step.NORMAL
        assert {type(await each) for each in [hanging, *waiting]} == {Hypothesis}


async def test_a_recogniser_that_stood_still_and_goes_on_costs_nobody_a_final(monkeypatch):
    monkeypatch.setattr("pipeline.engine.SILENT_S", 0.5)
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        waiting = [overdue(engine, crew, 0.0, speaker=f"speaker {number}") for number in range(3)]
        await until(lambda: engine.ladder.step is Step.SHED)
        await looks(4)
        backend.let_go()
        assert {type(await each) for each in waiting} == {Hypothesis}


async def test_a_failure_after_a_long_silence_is_no_reason_to_give_up_others(monkeypatch):
    monkeypatch.setattr("pipeline.engine.SILENT_S", 0.5)
    backend = FakeBackend(slots=1)
    answers = iter([RuntimeError("in vain"), "One", "Two", "Three"])
    backend.answer = lambda request: next(answers)
    async with running(backend) as (engine, crew):
        failing = await busy(backend, engine, crew)
        waiting = [overdue(engine, crew, 0.0, speaker=f"speaker {number}") for number in range(3)]
        await until(lambda: engine.ladder.step is Step.SHED)
        await looks(4)
        backend.let_go()
        assert isinstance(await failing, DecodeFailed)
        assert {type(await each) for each in waiting} == {Hypothesis}


async def test_the_time_to_catch_up_begins_when_the_recogniser_fell_silent():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        await looks(4)
        backend.lose()
        backend.come()
        spared_s = engine._shed_since - asyncio.get_running_loop().time()
        assert spared_s > CATCH_UP * 3 * LOOK_S
        backend.let_go()


async def test_what_was_answered_long_ago_does_not_make_an_outage_longer():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, _):
        await ask(engine)
        await looks(4)
        backend.lose()
        backend.come()
        assert engine._shed_since - asyncio.get_running_loop().time() < LOOK_S


async def test_what_is_given_up_first_is_the_speakers_of_whom_most_waits():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        told = []
        for speaker, waits_s in (("ada", 1.0), ("will", 30.0)):
            asking = overdue(engine, crew, 0.0, speaker=speaker, backlog_s=lambda waits_s=waits_s: waits_s)
            asking.add_done_callback(lambda _, speaker=speaker: told.append(speaker))
        await until(lambda: engine.ladder.step is Step.SHED)
        backend.let_go()
        await until(lambda: len(told) == 2)
    assert told == ["will", "ada"]


async def test_time_without_a_backend_is_no_lateness():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        backend.lose()
        waiting = overdue(engine, crew, GUARD_S)
        await looks()
        backend.come()
        backend.let_go()
        assert isinstance(await waiting, Hypothesis)
        assert engine.ladder.step is Step.NORMAL


async def test_time_before_the_backend_was_there_is_no_lateness_either():
    backend = FakeBackend(there=False)
    async with running(backend) as (engine, crew):
        waiting = overdue(engine, crew, GUARD_S)
        await looks()
        backend.come()
        assert isinstance(await waiting, Hypothesis)
        assert engine.ladder.step is Step.NORMAL


async def test_what_an_outage_delayed_is_not_given_up_before_there_was_time_to_catch_up():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        backend.lose()
        waiting = overdue(engine, crew, 1.0)
        await looks(4)
        backend.come()
        await until(lambda: engine.ladder.step is Step.SHED)
        backend.let_go()
        assert isinstance(await waiting, Hypothesis)


async def test_in_the_end_an_outage_is_no_excuse():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        backend.lose()
        overdue(engine, crew, 0.9, speaker="will")
        waiting = overdue(engine, crew, 1.0, backlog_s=lambda: 1.0)
        await looks(2)
        backend.come()
        clock = asyncio.get_running_loop().time
        await until(lambda: clock() > engine._shed_since + 1.0)
        backend.let_go()
        assert isinstance(await waiting, Shed)


# The process itself stands still: stopped, starved, or suspended with its machine

STOP_S = 1.5


@pytest.fixture
def short_standstills(monkeypatch):
    """A look that is 0.3 s late is one."""
    monkeypatch.setattr("pipeline.standstill.STANDSTILL_S", 0.3)


@pytest.mark.usefixtures("short_standstills")
async def test_our_own_standstill_is_no_overload():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew, patience_s=1.0)
        waiting = overdue(engine, crew, 0.0)
        await until(lambda: engine.scheduler.waiting_finals)
        time.sleep(STOP_S)  # noqa: ASYNC251 — nobody works meanwhile: that is the fault
        await looks(1)
        assert engine.ladder.step < Step.SHED
        backend.let_go()
        assert isinstance(await waiting, Hypothesis)


@pytest.mark.usefixtures("short_standstills")
async def test_what_was_late_before_a_standstill_is_no_later_after_it_and_no_earlier():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew, patience_s=10 * GUARD_S)
        overdue(engine, crew, GUARD_S)
        engine._up_since -= GUARD_S
        await looks(2)
        before_s = engine._late_s(asyncio.get_running_loop().time())
        time.sleep(STOP_S)  # noqa: ASYNC251
        await looks(1)
        after_s = engine._late_s(asyncio.get_running_loop().time())
        assert before_s - LOOK_S < after_s < before_s + STOP_S


@pytest.mark.usefixtures("short_standstills")
async def test_after_a_standstill_there_is_time_to_catch_up_before_anything_is_given_up():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        clock = asyncio.get_running_loop().time
        overdue(engine, crew, 0.0, speaker="will")
        waiting = overdue(engine, crew, 0.0, backlog_s=lambda: 1.0)
        await until(lambda: engine.scheduler.waiting_finals)
        time.sleep(STOP_S)  # noqa: ASYNC251
        woken = clock()
        await until(lambda: engine._shed_since > woken)
        assert engine._shed_since - woken > CATCH_UP * STOP_S / 2
        await until(lambda: clock() > engine._shed_since + 1.0)
        backend.let_go()
        assert isinstance(await waiting, Shed)  # in the end: nothing is spared for ever


async def test_the_time_to_catch_up_is_bounded_however_often_and_long_it_stands_still():
    engine = Engine(FakeBackend())
    for now, length_s in ((100.0, 20.0), (105.0, 3600.0), (106.0, 2.0)):
        engine._stood_still(length_s, late_s=0.0, now=now)
        assert now < engine._shed_since <= now + CATCH_UP_S


@pytest.mark.parametrize("there", [True, False], ids=["with a backend", "without"])
async def test_what_nobody_would_read_any_more_is_given_up(there):
    backend = FakeBackend(slots=1, there=there)
    backend.hold()
    async with running(backend) as (engine, crew):
        if there:
            crew.start(ask(engine, speaker="busy"))
            await until(lambda: backend.decoding)
        assert isinstance(await overdue(engine, crew, EXPIRED_S + 1.0), Shed)


async def test_partials_are_never_late():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        overdue(engine, crew, GUARD_S, kind=Kind.PARTIAL)
        await looks(2)
        assert engine.ladder.step is Step.NORMAL


async def test_translations_are_never_late_and_give_their_places_to_transcripts():
    backend = FakeBackend(slots=1)
    async with running(backend) as (engine, crew):
        await busy(backend, engine, crew)
        translations = [
            overdue(engine, crew, GUARD_S, speaker=f"speaker {number}", translate=True) for number in (1, 2)
        ]
        await looks()
        assert engine.ladder.step is Step.NORMAL
        engine.scheduler.max_finals = 2
        transcript = overdue(engine, crew, 0.0)
        assert isinstance(await translations[0], Shed)
        backend.let_go()
        assert isinstance(await transcript, Hypothesis)
        assert isinstance(await translations[1], Hypothesis)
    assert [request.translate for request in backend.requests] == [False, False, True]
