from __future__ import annotations

from collections import Counter

import pytest

from pipeline.scheduler import SchedulerFull
from tests.pipeline.jobs import final, holding, order, partial, serve

# One room


def test_the_first_partial_of_an_utterance_goes_before_the_next_one_of_another():
    scheduler = holding(partial("ada"))
    serve(scheduler, now=1.0)
    again, first = partial("will"), partial("ada", fresh=True)
    for job in (again, first):
        scheduler.submit(job)
    assert order(scheduler) == [first, again]


def test_in_whatever_room_it_is():
    again, first = partial("ada", room="one"), partial("will", room="two", fresh=True)
    served = holding(partial("cleo", room="two"), again)  # it would not be its turn
    serve(served, now=1.0)
    served.submit(first)
    assert order(served) == [first, again]


def test_rooms_take_turns_with_their_first_partials_too():
    many = [partial(f"s{n}", room="many", fresh=True) for n in range(4)]
    few = [partial(f"f{n}", room="few", fresh=True) for n in range(2)]
    first = [job.room for job in order(holding(*many, *few))[:4]]
    assert sorted(first) == ["few", "few", "many", "many"]


def test_nothing_waiting_is_nothing_to_do():
    assert holding().take(now=0.0) == []


def test_finals_go_before_partials():
    early, late = partial("ada"), final("will", due=9.0)
    assert order(holding(early, late)) == [late, early]


def test_finals_go_in_the_order_in_which_they_are_due():
    second, first, third = final("ada", due=2.0), final("will", due=1.0), final("cleo", due=3.0)
    assert order(holding(second, first, third)) == [first, second, third]


def test_finals_that_are_due_together_go_in_the_order_they_came():
    jobs = [final(name, due=1.0) for name in ("ada", "will", "cleo")]
    assert order(holding(*jobs)) == jobs


def test_the_partial_of_who_has_waited_longest_goes_first():
    scheduler = holding(partial("ada"), partial("will"))
    for now in (1.0, 2.0):
        serve(scheduler, now=now)
    ada, will, new = partial("ada"), partial("will"), partial("cleo")
    for job in (will, ada, new):
        scheduler.submit(job)
    assert order(scheduler) == [new, ada, will]


def test_no_more_jobs_run_than_there_are_workers():
    one, two = final("ada"), final("will", due=1.0)
    scheduler = holding(one, two, slots=1)
    assert scheduler.take(now=0.0) == [one]
    assert scheduler.take(now=0.0) == []
    scheduler.done(one)
    assert scheduler.take(now=0.0) == [two]


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
    scheduler = holding(final("ada", room="one"), max_finals=1)
    with pytest.raises(SchedulerFull, match="1 finals are waiting"):
        scheduler.submit(final("will", room="two"))
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


def test_withdrawing_what_runs_or_is_done_changes_nothing():
    job, waiting = final("ada"), final("will", due=1.0)
    scheduler = holding(job, waiting)
    scheduler.take(now=0.0)
    scheduler.withdraw(job)
    assert scheduler.running == 1
    scheduler.done(job)
    scheduler.withdraw(job)
    assert (scheduler.running, scheduler.waiting_finals) == (0, 1)


def test_a_forgotten_speaker_leaves_no_partial_and_its_turn_starts_afresh():
    waiting = partial("ada")
    scheduler = holding(partial("ada"))
    serve(scheduler, now=5.0)
    scheduler.submit(waiting)
    assert scheduler.forget("ada") is waiting
    assert scheduler.forget("ada") is None
    assert scheduler.waiting_partials == 0
    will, ada = partial("will"), partial("ada")
    scheduler.submit(will)
    serve(scheduler, now=1.0)
    for job in (will, ada):
        scheduler.submit(job)
    assert order(scheduler)[0] is ada


# Translations


def test_a_translation_goes_after_every_transcript_whenever_that_is_due_and_wherever_it_waits():
    early = final("ada", due=1.0, translate=True)
    here, elsewhere = final("will", due=9.0), final("cleo", due=9.0, room="two")
    served = holding(final("cleo", room="two"))
    serve(served)  # it would not be its turn
    for job in (early, here, elsewhere):
        served.submit(job)
    assert order(served) == [here, elsewhere, early]


def test_translations_and_partials_take_turns():
    spoken = [partial(name, fresh=True) for name in ("ada", "will")]
    told = [final(name, due=due, translate=True) for due, name in enumerate(("cleo", "dina", "emil"))]
    transcript = final("fay", due=9.0)
    assert order(holding(*spoken, *told, transcript)) == [transcript, told[0], spoken[0], told[1], spoken[1], told[2]]


def test_a_batch_may_hold_a_transcript_and_a_translation():
    translation, transcript = final("ada", translate=True), final("will", due=1.0)
    assert holding(translation, transcript, partial("cleo")).take(now=0.0, most=3) == [transcript, translation]


def test_a_translation_is_never_late():
    scheduler = holding(final("ada", due=1.0, translate=True), final("will", due=3.0))
    assert scheduler.lateness(now=5.0) == 2.0


def test_where_nothing_more_fits_a_translation_makes_way_for_a_transcript_and_for_nothing_else():
    translation, transcript = final("ada", translate=True), final("will", room="two")
    scheduler = holding(translation, max_finals=1)
    assert scheduler.make_way(final("cleo", translate=True)) is None
    assert scheduler.make_way(partial("cleo")) is None
    assert scheduler.make_way(transcript) is translation
    assert scheduler.make_way(transcript) is None  # now it fits
    scheduler.submit(transcript)
    assert scheduler.make_way(final("cleo")) is None  # there is no other one
    assert scheduler.finals.dropped == 1


# Several jobs at once


def test_a_batch_is_what_waits_and_no_more_than_is_wanted():
    jobs = [final(name, due=due) for due, name in enumerate(("ada", "will", "cleo"))]
    scheduler = holding(*jobs)
    assert scheduler.take(now=0.0, most=2) == jobs[:2]
    assert scheduler.take(now=0.0, most=2) == jobs[2:]


def test_a_batch_is_of_one_kind():
    ada, will, cleo = final("ada"), partial("will"), partial("cleo")
    scheduler = holding(ada, will, cleo)
    assert scheduler.take(now=0.0, most=9) == [ada]
    assert scheduler.take(now=0.0, most=9) == [will, cleo]


def test_a_batch_is_one_workers_until_its_last_job_is_done():
    jobs = [final(name) for name in ("ada", "will", "cleo")]
    scheduler = holding(*jobs, slots=1)
    scheduler.take(now=0.0, most=2)
    scheduler.done(jobs[0])
    assert scheduler.take(now=0.0) == []
    scheduler.done(jobs[1])
    assert scheduler.take(now=0.0) == [jobs[2]]


def test_rooms_share_a_batch():
    jobs = [final(f"speaker {number}", room="large") for number in range(5)] + [final("ada", room="small")]
    assert Counter(job.room for job in holding(*jobs).take(now=0.0, most=2)) == {"large": 1, "small": 1}


# Many rooms


def crowd(room, size, **when):
    return [final(f"{room} {number}", room=room, **when) for number in range(size)]


def rooms(jobs):
    return [job.room for job in jobs]


def test_a_room_of_fifty_does_not_starve_a_room_of_two():
    taken = order(holding(*crowd("large", 50), *crowd("small", 2, due=9.0)))
    assert sorted(rooms(taken[:4])) == ["large", "large", "small", "small"]


def test_nor_does_a_room_of_fifty_that_came_first_and_was_served_long():
    scheduler = holding(*crowd("large", 50))
    for _ in range(20):
        serve(scheduler)
    for job in crowd("small", 2, due=9.0):
        scheduler.submit(job)
    assert rooms(order(scheduler)[:4]).count("small") == 2


def test_who_comes_late_has_no_claim_to_what_was_done_for_others_before():
    scheduler = holding(*crowd("first", 50))
    for _ in range(20):
        serve(scheduler)
    for job in crowd("second", 50):
        scheduler.submit(job)
    assert rooms(order(scheduler)[:10]).count("second") == 5


def test_nor_has_a_room_that_waited_for_partials_meanwhile():
    scheduler = holding(*crowd("talks", 50), partial("ada", room="listens"))
    for _ in range(20):
        serve(scheduler)
    for job in crowd("listens", 20):
        scheduler.submit(job)
    assert rooms(order(scheduler)[:10]).count("listens") == 5


def test_nor_has_a_room_whose_decode_took_long():
    scheduler = holding(final("ada", room="slow"), slots=2)
    scheduler.take(now=0.0)
    for job in crowd("quick", 50):
        scheduler.submit(job)
    for _ in range(20):
        serve(scheduler)
    for job in crowd("slow", 20):
        scheduler.submit(job)
    assert rooms(order(scheduler)[:10]).count("slow") == 5


def test_rooms_that_come_and_go_do_not_starve_one_that_stays():
    scheduler = holding(*crowd("stays", 2))
    served = [serve(scheduler)]
    for number in range(20):
        scheduler.submit(final("ada", room=f"room {number}", due=number + 1.0))
        served.append(serve(scheduler))
    assert rooms(served).count("stays") == 2


def test_the_partials_of_rooms_take_turns_too():
    jobs = [partial(f"speaker {number}", room="large") for number in range(20)]
    taken = order(holding(*jobs, partial("ada", room="small"), partial("will", room="small")))
    assert sorted(rooms(taken[:4])) == ["large", "large", "small", "small"]


def test_among_rooms_that_had_as_much_the_earliest_due_goes_first():
    late, early = final("ada", room="one", due=2.0), final("will", room="two", due=1.0)
    assert order(holding(late, early)) == [early, late]


# What is late, and what is given up


def test_finals_are_as_late_as_the_one_that_is_overdue_longest():
    scheduler = holding(final("ada", room="one", due=3.0), final("will", room="two", due=1.0))
    assert scheduler.lateness(now=5.0) == 4.0


@pytest.mark.parametrize("jobs", [[], [partial("ada")]], ids=["nobody", "a partial"])
def test_where_no_final_waits_nothing_is_late(jobs):
    assert holding(*jobs).lateness(now=5.0) == 0.0


def test_a_final_that_is_not_due_yet_is_not_late():
    assert holding(final("ada", due=7.0)).lateness(now=5.0) <= 0.0


def test_time_before_since_does_not_count_as_lateness():
    scheduler = holding(final("ada", due=1.0))
    assert scheduler.lateness(now=5.0, since=4.5) == 0.5
    assert scheduler.lateness(now=5.0, since=0.5) == 4.0


def test_what_is_given_up_is_the_oldest_of_the_speaker_of_whom_most_waits():
    little = final("ada", room="one", due=0.0, backlog_s=3.0)
    older, newer = (final("will", room="two", due=due, backlog_s=9.0) for due in (1.0, 2.0))
    scheduler = holding(little, newer, older)
    assert [scheduler.shed(due_before=5.0) for _ in range(4)] == [older, newer, little, None]
    assert scheduler.waiting_finals == 0


def test_between_speakers_of_whom_as_much_waits_the_oldest_is_given_up():
    newer, older = final("ada", due=2.0, backlog_s=5.0), final("will", due=1.0, backlog_s=5.0)
    assert holding(newer, older).shed(due_before=5.0) is older


def test_translations_can_be_given_up_alone():
    transcript, translation = final("ada", due=1.0), final("will", due=2.0, room="two", translate=True)
    scheduler = holding(transcript, translation)
    assert [scheduler.shed_translation() for _ in range(2)] == [translation, None]
    assert order(scheduler) == [transcript]


def test_a_translation_does_not_take_the_place_of_the_partial_of_the_next_utterance():
    scheduler = holding(partial("ada"))
    assert scheduler.submit(final("ada", translate=True)) is None
    assert scheduler.waiting_partials == 1


def test_what_is_not_overdue_is_kept_however_much_waits():
    scheduler = holding(final("ada", due=5.0, backlog_s=99.0), partial("will"))
    assert scheduler.shed(due_before=5.0) is None
    assert (scheduler.waiting_finals, scheduler.waiting_partials) == (1, 1)
