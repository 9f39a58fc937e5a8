"""What holds of a scheduler for any sequence of calls."""

from __future__ import annotations

import weakref
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.request import Kind
from pipeline.scheduler import Scheduler, SchedulerFull
from tests.pipeline.jobs import final, holding, order, partial, serve

ROOMS = {"ada": "one", "will": "one", "cleo": "two", "dina": "three"}
speakers = st.sampled_from(sorted(ROOMS))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("final"), speakers, st.integers(0, 5)),
        st.tuples(st.just("final"), speakers, st.integers(0, 5)),  # twice: they are what the laws are about
        st.tuples(st.just("translation"), speakers, st.integers(0, 5)),
        st.tuples(st.just("partial"), speakers, st.just(0)),
        st.tuples(st.just("take"), st.none(), st.integers(1, 3)),
        st.tuples(st.just("take"), st.none(), st.integers(1, 3)),
        st.tuples(st.just("done"), st.none(), st.integers(0, 5)),
        st.tuples(st.just("withdraw"), st.none(), st.integers(0, 20)),
        st.tuples(st.just("shed"), st.none(), st.integers(0, 6)),
        st.tuples(st.just("forget"), speakers, st.just(0)),
    ),
    max_size=80,
)


class Ledger:
    """What a scheduler was given and gave back, checked at every step."""

    def __init__(self, slots, max_finals=8):
        self.scheduler = Scheduler(slots=slots, max_finals=max_finals)
        self.slots, self.max_finals = slots, max_finals
        self.waiting, self.running, self.last_partial = [], [], {}  # running: what each worker has not done yet
        self.overtaken = defaultdict(Counter)  # room whose finals wait → whose finals went before, how often
        self.translated = False  # of partials and translations, the last one taken was one of these
        self.now = 0.0

    def step(self, what, speaker, number):
        self.now += 1.0
        if what == "take":
            self.take(most=number)
        elif what == "done" and self.running:
            batch = self.running[number % len(self.running)]
            self.scheduler.done(batch.pop())
            self.running = [each for each in self.running if each]
        elif what == "withdraw" and self.waiting:
            self.scheduler.withdraw(self.waiting.pop(number % len(self.waiting)))
        elif what == "final":
            self.submit(final(speaker, due=number, room=ROOMS[speaker], backlog_s=len(speaker)))
        elif what == "translation":
            self.submit(final(speaker, due=number, room=ROOMS[speaker], backlog_s=len(speaker), translate=True))
        elif what == "partial":
            self.submit(partial(speaker, room=ROOMS[speaker]))
        elif what == "shed":
            self.shed(due_before=number)
        elif what == "forget":
            self.forget(speaker)
        finals = self.of(Kind.FINAL)
        transcripts = [job for job in finals if not job.translate]
        self.overtaken = defaultdict(Counter, {room: self.overtaken[room] for room in {job.room for job in finals}})
        assert self.scheduler.running == sum(map(len, self.running))
        assert len(self.running) <= self.slots
        assert self.scheduler.waiting_finals == len(finals) <= self.max_finals
        assert self.scheduler.waiting_partials == len(self.of(Kind.PARTIAL))
        assert self.scheduler.lateness(now=self.now) == max((self.now - job.due for job in transcripts), default=0.0)

    def of(self, kind, room=None):
        return [job for job in self.waiting if job.kind is kind and room in (None, job.room)]

    def submit(self, job):
        gives_way = self.scheduler.make_way(job)
        assert gives_way is None or (gives_way.translate and not job.translate)
        self.waiting = [other for other in self.waiting if other is not gives_way]
        if job.kind is Kind.FINAL and len(self.of(Kind.FINAL)) == self.max_finals:
            assert job.translate or not any(other.translate for other in self.waiting)
            with pytest.raises(SchedulerFull):
                self.scheduler.submit(job)
            return
        own = [other for other in self.of(Kind.PARTIAL) if other.speaker == job.speaker and not job.translate]
        superseded = self.scheduler.submit(job)
        assert own == ([] if superseded is None else [superseded])
        self.waiting = [other for other in self.waiting if other is not superseded] + [job]

    def take(self, *, most):
        jobs = self.scheduler.take(now=self.now, most=most)
        assert len(jobs) <= most
        if not jobs:
            assert not self.waiting or len(self.running) == self.slots
            return
        (kind,) = {job.kind for job in jobs}
        assert kind is Kind.FINAL or all(job.translate for job in self.of(Kind.FINAL))
        if kind is Kind.PARTIAL or jobs[0].translate:  # taking turns
            assert jobs[0].translate is not self.translated or not (self.of(Kind.PARTIAL) and self.of(Kind.FINAL))
        for job in jobs:
            own = self.of(kind, job.room)
            if kind is Kind.FINAL:
                assert job is min(own, key=lambda each: (each.translate, each.due))  # the first of them, if several
                assert not job.translate or all(each.translate for each in self.of(kind))
                if job.translate:
                    self.translated = True
                else:
                    self.overtake(job.room)
            else:
                self.translated = False
                turns = [self.last_partial.get(each.speaker, 0.0) for each in own]
                assert self.last_partial.get(job.speaker, 0.0) == min(turns)
                self.last_partial[job.speaker] = self.now
            self.waiting.remove(job)
        assert len(jobs) == most or not self.of(kind)
        self.running.append(jobs)

    def overtake(self, served):
        """Rooms that wait are served by turns: nobody goes three times while another waits."""
        self.overtaken[served].clear()
        for room in {job.room for job in self.of(Kind.FINAL) if not job.translate} - {served}:
            self.overtaken[room][served] += 1
            assert self.overtaken[room][served] <= 2

    def shed(self, *, due_before):
        overdue = [job for job in self.of(Kind.FINAL) if job.due < due_before]
        job = self.scheduler.shed(due_before=due_before)
        assert (job is None) == (not overdue)
        if job is not None:
            most = max(each.backlog_s() for each in overdue)
            assert job.backlog_s() == most
            assert job.due == min(each.due for each in overdue if each.backlog_s() == most)
            self.waiting.remove(job)

    def forget(self, speaker):
        own = [job for job in self.of(Kind.PARTIAL) if job.speaker == speaker]
        job = self.scheduler.forget(speaker)
        assert own == ([] if job is None else [job])
        self.waiting = [other for other in self.waiting if other is not job]
        self.last_partial.pop(speaker, None)


@given(slots=st.integers(1, 3), steps=steps)
def test_the_order_is_kept_no_worker_is_overbooked_and_nothing_is_lost(slots, steps):
    ledger = Ledger(slots)
    for step in steps:
        ledger.step(*step)
    while ledger.running or ledger.waiting:
        ledger.step("take", None, 1)
        ledger.step("done", None, 0)
    assert ledger.scheduler.take(now=ledger.now) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), min_size=1, max_size=30), st.integers(0, 30))
def test_two_rooms_that_both_wait_are_served_equally(submitted, takes):
    scheduler = holding(*(final(f"{room} speaker", room=room, due=due) for room, due in submitted))
    served = Counter()
    for _ in range(takes):
        if scheduler.waiting_finals:
            served[serve(scheduler).room] += 1
        left = Counter(room for room, _ in submitted) - served
        assert abs(served["a"] - served["b"]) <= 1 or not left["a"] or not left["b"]


class Key(str):
    """A name of which one can tell whether anybody still holds it."""

    __slots__ = ("__weakref__",)


@given(
    st.lists(st.sampled_from([final, partial]), min_size=1, max_size=6),
    st.sampled_from(["taken", "withdrawn", "given up"]),
)
def test_nothing_is_kept_of_a_room_without_jobs(kinds, way_out):
    room, speaker = Key("one"), Key("ada")
    traces = [weakref.ref(room), weakref.ref(speaker)]
    jobs = [kind(speaker, room=room) for kind in kinds]
    scheduler = holding(*jobs)
    while way_out == "withdrawn" and jobs:
        scheduler.withdraw(jobs.pop())
    while way_out == "given up" and scheduler.shed(due_before=1.0):
        pass
    order(scheduler)
    scheduler.forget(speaker)
    del room, speaker, jobs
    assert [trace() for trace in traces] == [None, None]
