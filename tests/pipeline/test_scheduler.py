from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scheduler import Job, Kind, Scheduler, SchedulerFull


def final(speaker, *, due=0.0):
    return Job(kind=Kind.FINAL, speaker=speaker, language="en", due=due, cut=lambda: np.zeros(0, dtype=np.int16))


def partial(speaker, *, due=0.0):
    return Job(kind=Kind.PARTIAL, speaker=speaker, language="en", due=due, cut=lambda: np.zeros(0, dtype=np.int16))


def holding(*jobs, slots=9, **limits):
    scheduler = Scheduler(slots=slots, **limits)
    for job in jobs:
        scheduler.submit(job)
    return scheduler


def order(scheduler):
    """Who is taken, one after another."""
    taken = []
    while (job := scheduler.take(now=0.0)) is not None:
        taken.append(job)
        scheduler.done(job)
    return taken


def test_nothing_waiting_is_nothing_to_do():
    assert holding().take(now=0.0) is None


def test_finals_go_before_partials():
    early, late = partial("ada"), final("will", due=9.0)
    assert order(holding(early, late)) == [late, early]


def test_finals_go_in_the_order_in_which_their_speech_ended():
    second, first, third = final("ada", due=2.0), final("will", due=1.0), final("cleo", due=3.0)
    assert order(holding(second, first, third)) == [first, second, third]


def test_finals_that_are_due_together_go_in_the_order_they_came():
    jobs = [final(name, due=1.0) for name in ("ada", "will", "cleo")]
    assert order(holding(*jobs)) == jobs


def test_the_partial_of_who_has_waited_longest_goes_first():
    scheduler = holding(partial("ada"), partial("will"))
    for now in (1.0, 2.0):
        scheduler.done(scheduler.take(now=now))
    ada, will, new = partial("ada"), partial("will"), partial("cleo")
    for job in (will, ada, new):
        scheduler.submit(job)
    assert order(scheduler) == [new, ada, will]


def test_no_more_jobs_run_than_there_are_workers():
    one, two = final("ada"), final("will", due=1.0)
    scheduler = holding(one, two, slots=1)
    assert scheduler.take(now=0.0) is one
    assert scheduler.take(now=0.0) is None
    scheduler.done(one)
    assert scheduler.take(now=0.0) is two


def test_a_newer_partial_takes_the_place_of_the_waiting_one():
    older, newer = partial("ada"), partial("ada")
    scheduler = holding(older)
    assert scheduler.submit(newer) is older
    assert order(scheduler) == [newer]


def test_a_final_takes_the_waiting_partial_of_its_speaker_with_it_and_no_other():
    ada, will, said = partial("ada"), partial("will"), final("ada")
    scheduler = holding(ada, will)
    assert scheduler.submit(said) is ada
    assert order(scheduler) == [said, will]


def test_a_final_too_many_is_refused_and_the_others_stay():
    scheduler = holding(final("ada"), max_finals=1)
    with pytest.raises(SchedulerFull, match="1 finals are waiting"):
        scheduler.submit(final("will"))
    assert scheduler.waiting_finals == 1


def test_a_refused_final_takes_no_partial_with_it():
    waiting = partial("ada")
    scheduler = holding(final("will"), waiting, max_finals=1)
    with pytest.raises(SchedulerFull):
        scheduler.submit(final("ada"))
    assert scheduler.waiting_partials == 1


def test_a_withdrawn_job_is_never_taken():
    jobs = [final("ada"), partial("will")]
    scheduler = holding(*jobs)
    for job in jobs:
        scheduler.withdraw(job)
    assert order(scheduler) == []


def test_withdrawing_what_was_superseded_does_not_touch_its_successor():
    older, newer = partial("ada"), partial("ada")
    scheduler = holding(older, newer)
    scheduler.withdraw(older)
    assert order(scheduler) == [newer]


def test_a_forgotten_speaker_leaves_no_partial_and_its_turn_starts_afresh():
    scheduler = holding(partial("ada"))
    scheduler.done(scheduler.take(now=5.0))
    scheduler.submit(partial("ada"))
    scheduler.forget("ada")
    assert scheduler.waiting_partials == 0
    will, ada = partial("will"), partial("ada")
    scheduler.submit(will)
    scheduler.done(scheduler.take(now=1.0))
    for job in (will, ada):
        scheduler.submit(job)
    assert order(scheduler)[0] is ada


# Laws, for any sequence of calls

speakers = st.sampled_from(["ada", "will", "cleo", "dina"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("final"), speakers, st.integers(0, 5)),
        st.tuples(st.just("partial"), speakers, st.just(0)),
        st.tuples(st.just("take"), st.none(), st.just(0)),
        st.tuples(st.just("done"), st.none(), st.integers(0, 5)),
        st.tuples(st.just("withdraw"), st.none(), st.integers(0, 20)),
    ),
    max_size=60,
)


class Ledger:
    """What a scheduler was given and gave back, checked at every step."""

    def __init__(self, slots, max_finals=8):
        self.scheduler = Scheduler(slots=slots, max_finals=max_finals)
        self.slots, self.max_finals = slots, max_finals
        self.waiting, self.running, self.last_partial = [], [], {}
        self.now = 0.0

    def step(self, what, speaker, number):
        self.now += 1.0
        if what == "take":
            self.take()
        elif what == "done" and self.running:
            self.scheduler.done(self.running.pop(number % len(self.running)))
        elif what == "withdraw" and self.waiting:
            self.scheduler.withdraw(self.waiting.pop(number % len(self.waiting)))
        elif what == "final":
            self.submit(final(speaker, due=number))
        elif what == "partial":
            self.submit(partial(speaker))
        assert self.scheduler.running == len(self.running) <= self.slots
        assert self.scheduler.waiting_finals == len(self.of(Kind.FINAL)) <= self.max_finals
        assert self.scheduler.waiting_partials == len(self.of(Kind.PARTIAL))

    def of(self, kind):
        return [job for job in self.waiting if job.kind is kind]

    def submit(self, job):
        if job.kind is Kind.FINAL and len(self.of(Kind.FINAL)) == self.max_finals:
            with pytest.raises(SchedulerFull):
                self.scheduler.submit(job)
            return
        own = [other for other in self.of(Kind.PARTIAL) if other.speaker == job.speaker]
        superseded = self.scheduler.submit(job)
        assert own == ([] if superseded is None else [superseded])
        self.waiting = [other for other in self.waiting if other is not superseded] + [job]

    def take(self):
        job = self.scheduler.take(now=self.now)
        if job is None:
            assert not self.waiting or len(self.running) == self.slots
            return
        if finals := self.of(Kind.FINAL):
            assert job is min(finals, key=lambda each: each.due)  # the first of them, when several are due
        else:
            turns = [self.last_partial.get(each.speaker, 0.0) for each in self.of(Kind.PARTIAL)]
            assert self.last_partial.get(job.speaker, 0.0) == min(turns)
            self.last_partial[job.speaker] = self.now
        self.waiting.remove(job)
        self.running.append(job)


@given(slots=st.integers(1, 3), steps=steps)
def test_the_order_is_kept_no_worker_is_overbooked_and_nothing_is_lost(slots, steps):
    ledger = Ledger(slots)
    for step in steps:
        ledger.step(*step)
    while ledger.running or ledger.waiting:
        ledger.step("take", None, 0)
        ledger.step("done", None, 0)
    assert order(ledger.scheduler) == []
