from __future__ import annotations

from bot.names import MAX_NAME, MAX_NAMES, Names
from signaling import Person


def person(session, name):
    return Person(session_id=session, display_name=name)


def test_the_hints_are_the_names_of_those_who_are_in_the_room():
    names = Names()
    names.joined((person("s1", "Ada Lovelace"), person("s2", "Günther")))
    assert names.hints() == "Ada Lovelace, Günther"

    names.left(("s1", "unknown"))
    assert names.hints() == "Günther"


def test_an_empty_room_gives_no_hints():
    assert Names().hints() == ""


def test_a_name_that_two_devices_share_is_given_once():
    names = Names()
    names.joined((person("s1", "Ada"), person("s2", "Ada")))
    assert names.hints() == "Ada"


def test_what_is_no_name_is_left_out():
    names = Names()
    names.joined((person("s1", ""), person("s2", " \n "), person("s3", "x" * (MAX_NAME + 1)), person("s4", "A \t B")))
    assert names.hints() == "A B"


def test_there_are_never_more_than_the_bound_and_who_is_known_may_change_the_name():
    names = Names()
    names.joined(tuple(person(f"s{n}", f"N{n}") for n in range(MAX_NAMES + 5)))
    names.joined((person("s0", "New"),))
    assert names.hints().split(", ") == ["New", *(f"N{n}" for n in range(1, MAX_NAMES))]


def test_half_a_character_and_control_characters_are_no_part_of_a_name():
    names = Names()
    names.joined((person("s1", "Ev\ud83d"), person("s2", "Jo\x1b\x00e")))
    assert names.hints() == "Ev, Jo e"
    names.hints().encode()
