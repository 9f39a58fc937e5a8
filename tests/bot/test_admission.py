"""How much one process takes on: what is refused, who waits, and who is next. Laws are in `test_admission_laws`."""

from __future__ import annotations

import math

import pytest

from bot.admission import FREE_AGAIN, KEEP_S, MB, Admission, AdmissionSettings, Bound, Places


def admission(*, rooms=100, speakers=500, memory_mb=None):
    return Admission(AdmissionSettings(max_rooms=rooms, max_total_speakers=speakers, memory_limit_mb=memory_mb))


def admission_with_memory_used_up():
    full = admission(memory_mb=1000)
    full.observe(memory=1001 * MB)
    return full


def places(process, *, room="room", at_most=200):
    return Places(process, room=room, max_speakers=at_most)


def seat(room, *wanted, heard=(), now=0.0):
    return room.seat(frozenset(wanted), heard=frozenset(heard), now=now)


# Rooms


def test_a_process_with_nothing_to_do_takes_on_anything():
    assert not admission().no_room(rooms=0)


def test_as_many_rooms_are_served_as_the_setting_says_and_it_is_named():
    process = admission(rooms=2)

    assert not process.no_room(rooms=1)
    assert process.no_room(rooms=2) == {Bound.ROOMS: "2 rooms are being served, and ROOMSCRIBE_MAX_ROOMS is 2"}


def test_a_room_in_which_nobody_could_be_heard_is_not_served():
    process = admission(speakers=1)
    seat(places(process), "ada")

    reasons = process.no_room(rooms=1)

    assert reasons == {Bound.SPEAKERS: "1 speakers are heard, and ROOMSCRIBE_MAX_TOTAL_SPEAKERS is 1"}


def test_every_reason_is_told_at_once():
    process = admission(rooms=1, speakers=1, memory_mb=1000)
    seat(places(process), "ada")
    process.observe(memory=1200 * MB)

    assert list(process.no_room(rooms=1)) == [Bound.ROOMS, Bound.SPEAKERS, Bound.MEMORY]


# Memory


def test_memory_is_used_up_above_the_mark_and_free_again_only_below_nine_tenths_of_it():
    process, mark = admission(memory_mb=1000), 1000 * MB
    seen = []
    for memory in (0, mark, mark + 1, mark, int(mark * FREE_AGAIN), int(mark * FREE_AGAIN) - 1, mark, mark + 1):
        process.observe(memory=memory)
        seen.append(process.memory_full)

    assert seen == [False, False, True, True, True, False, False, True]


def test_who_runs_it_reads_how_much_is_used_and_which_setting_to_change():
    reasons = admission_with_memory_used_up().no_speaker()

    assert reasons == {
        Bound.MEMORY: "1001 MB of memory are in use, and ROOMSCRIBE_MEMORY_LIMIT_MB is 1000: there is room again below "
        "900 MB"
    }


def test_memory_without_a_limit_is_never_used_up():
    process = admission()
    process.observe(memory=2**62)

    assert process.memory_limit == math.inf
    assert not process.no_room(rooms=0)


# Speakers


def test_whoever_comes_is_heard_while_there_are_places():
    process = admission(speakers=3)

    assert seat(places(process), "ada", "will", "bert") == ["ada", "bert", "will"]
    assert (process.speakers, process.refused_speakers) == (3, 0)


def test_who_finds_no_place_in_the_process_waits_and_is_counted_once():
    process = admission(speakers=1)
    room = places(process)
    seat(room, "ada")

    for _ in range(3):
        assert seat(room, "ada", "will", heard=["ada"]) == []

    assert room.waiting == ("will",)
    assert list(room.full) == [Bound.SPEAKERS]
    assert process.refused_speakers == 1


def test_who_finds_no_place_in_the_room_waits_without_standing_in_the_way_of_other_rooms():
    process = admission(speakers=2)
    small, other = places(process, room="small", at_most=1), places(process, room="other")
    seat(small, "ada", "will")

    assert small.waiting == ("will",)
    assert small.full == {Bound.ROOM_SPEAKERS: "more than 1 speak in one room, and ROOMSCRIBE_MAX_SPEAKERS is 1"}
    assert seat(other, "bert") == ["bert"]
    assert seat(small, "ada", "will", heard=["ada"]) == []


def test_a_place_that_becomes_free_anywhere_goes_to_who_has_waited_longest():
    process = admission(speakers=1)
    first, second, third = (places(process, room=room) for room in ("1", "2", "3"))
    seat(first, "ada")
    seat(third, "will")
    seat(second, "bert")

    seat(first)

    assert seat(second, "bert") == []
    assert seat(third, "will") == ["will"]
    assert seat(second, "bert") == []


def test_within_a_room_too_the_longest_waiting_is_next_whatever_its_name():
    room = places(admission(), at_most=1)
    seat(room, "zoe")
    seat(room, "zoe", "will", heard=["zoe"])
    seat(room, "zoe", "will", "ada", heard=["zoe"])

    assert seat(room, "will", "ada") == ["will"]
    assert room.waiting == ("ada",)


def test_who_gives_up_waiting_lets_the_next_one_pass():
    process = admission(speakers=1)
    first, second, third = (places(process, room=room) for room in ("1", "2", "3"))
    for room, name in ((first, "ada"), (second, "will"), (third, "bert")):
        seat(room, name)

    seat(second)
    seat(first)

    assert seat(third, "bert") == ["bert"]


def test_a_room_that_is_over_holds_nothing_and_wants_nothing():
    process = admission(speakers=1)
    first, second, third = (places(process, room=room) for room in ("1", "2", "3"))
    for room, name in ((first, "ada"), (second, "will"), (third, "bert")):
        seat(room, name)

    first.leave()
    second.leave()

    assert process.speakers == 0
    assert second.waiting == ()
    assert seat(third, "bert") == ["bert"]


def test_a_room_that_broke_is_cleared_away_by_its_owner_and_twice_does_no_harm():
    process = admission(speakers=1)
    first, second, third = (places(process, room=room) for room in ("1", "2", "3"))
    for room, name in ((first, "ada"), (second, "will"), (third, "bert")):
        seat(room, name)

    for room in ("1", "1", "2", "unknown"):
        process.gone(room)

    assert seat(third, "bert") == ["bert"]


def test_while_memory_is_used_up_nobody_new_is_heard_and_nobody_is_given_up():
    process = admission(memory_mb=1000)
    room = places(process)
    seat(room, "ada")
    process.observe(memory=2000 * MB)

    assert seat(room, "ada", "will", heard=["ada"]) == []
    assert list(room.full) == [Bound.MEMORY]
    assert process.speakers == 1

    process.observe(memory=500 * MB)
    assert seat(room, "ada", "will", heard=["ada"]) == ["will"]
    assert room.full == {}


# Places that are kept


@pytest.mark.parametrize("process", [admission(speakers=2), admission(memory_mb=1000)], ids=["speakers", "memory"])
def test_a_room_whose_session_is_made_anew_finds_its_places_kept(process):
    room, other = places(process, room="1"), places(process, room="2")
    seat(room, "ada", "will")
    process.observe(memory=2000 * MB)
    room.keep({"ada", "will"}, now=10.0)
    assert seat(room, now=10.0) == []

    assert seat(other, "bert", now=10.1) == []
    assert seat(room, "ada", now=11.0) == ["ada"]
    assert seat(other, "bert", now=11.1) == []
    assert seat(room, "ada", "will", heard=["ada"], now=12.0) == ["will"]


def test_its_people_may_come_back_under_other_names():
    process = admission(speakers=1)
    room = places(process)
    seat(room, "ada")
    room.keep({"ada"}, now=0.0)

    assert seat(room, "ada-again", now=1.0) == ["ada-again"]


def test_who_was_heard_before_goes_before_who_was_not():
    process = admission(speakers=1)
    room = places(process)
    seat(room, "will", "xaver")
    seat(room, "ada", "will", "xaver", heard=["will"])
    room.keep({"will"}, now=0.0)
    seat(room, now=0.0)

    assert seat(room, "ada", "will", "xaver", now=1.0) == ["will"]


def test_places_are_kept_no_longer_than_half_a_minute():
    process = admission(speakers=1)
    room, other = places(process, room="1"), places(process, room="2")
    seat(room, "ada")
    room.keep({"ada"}, now=0.0)
    seat(room, now=0.0)
    seat(other, "bert", now=1.0)

    seat(room, now=KEEP_S)

    assert seat(other, "bert", now=KEEP_S) == ["bert"]


def test_a_session_that_is_made_anew_twice_in_a_row_keeps_what_it_had_at_first():
    process = admission(speakers=2)
    room, other = places(process, room="1"), places(process, room="2")
    seat(room, "ada", "will")
    for now in (0.0, 5.0):
        room.keep({"ada", "will"} if not now else frozenset(), now=now)
        seat(room, now=now)

    assert seat(other, "bert", now=6.0) == []
    assert seat(room, "ada", "will", now=7.0) == ["ada", "will"]


def test_of_a_room_that_is_over_no_places_are_kept():
    process = admission(speakers=1)
    room = places(process)
    seat(room, "ada")
    room.keep({"ada"}, now=0.0)

    room.leave()

    assert not process.no_speaker()
