"""Jobs for a scheduler, and a scheduler that holds them."""

from __future__ import annotations

import numpy as np

from pipeline.request import Kind
from pipeline.scheduler import Job, Scheduler

NOTHING = np.zeros(0, dtype=np.int16)


def final(speaker, *, due=0.0, room="", backlog_s=0.0, translate=False):
    return Job(
        kind=Kind.FINAL,
        speaker=speaker,
        room=room,
        language="en",
        due=due,
        cut=lambda: NOTHING,
        translate=translate,
        backlog_s=lambda: backlog_s,
    )


def partial(speaker, *, due=0.0, room="", fresh=False):
    return Job(kind=Kind.PARTIAL, speaker=speaker, room=room, language="en", due=due, cut=lambda: NOTHING, fresh=fresh)


def holding(*jobs, slots=9, **limits):
    scheduler = Scheduler(slots=slots, **limits)
    for job in jobs:
        scheduler.submit(job)
    return scheduler


def serve(scheduler, *, now=0.0):
    """One job, taken and done."""
    (job,) = scheduler.take(now=now)
    scheduler.done(job)
    return job


def order(scheduler):
    """Who is taken, one after another."""
    taken = []
    while scheduler.waiting_finals or scheduler.waiting_partials:
        taken.append(serve(scheduler))
    return taken
