"""Who gets captions: exactly those who asked, under whatever session they are here just now."""

import pytest

from bot import NotATarget, TooManyTargets
from bot.targets import MAX_MISSED, MAX_SESSIONS, MAX_TARGETS, Targets
from pipeline import NO_WISHES, FinalTranscript, Language
from signaling import Participant, Person

FORGET_S = 60.0
ENGLISH = Language(id="en_GB", code="en")


def person(session_id, nextcloud_session_id):
    return Person(session_id=session_id, nextcloud_session_id=nextcloud_session_id)


@pytest.fixture
def targets():
    return Targets(forget_after_s=FORGET_S)


def test_a_reader_who_is_here_gets_captions(targets):
    targets.joined((person("s1", "nc-rita"), person("s2", "nc-other")), now=0)

    targets.enable("nc-rita", now=0)

    assert targets.recipients() == ("s1",)
    assert len(targets) == 1


def test_a_reader_who_comes_after_the_request_gets_captions():
    targets = Targets(forget_after_s=FORGET_S)
    targets.enable("nc-rita", now=0)
    assert targets.recipients() == ()

    targets.joined((person("s1", "nc-rita"),), now=0)

    assert targets.recipients() == ("s1",)


def test_nobody_who_did_not_ask_gets_captions(targets):  # D18
    targets.joined((person("s1", "nc-1"), person("s2", "nc-2"), person("phone", "")), now=0)

    assert targets.recipients() == ()


def test_sessions_without_a_nextcloud_session_are_no_reader(targets):  # D5
    targets.joined((person("phone", ""), person("bot", "")), now=0)

    targets.enable("", now=0)

    assert targets.recipients() == ()


def test_asking_twice_changes_nothing(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.enable("nc-rita", now=1)

    assert targets.recipients() == ("s1",)


def test_who_wants_no_more_captions_gets_none(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.disable("nc-rita", now=1)

    assert targets.recipients() == ()
    assert len(targets) == 0


def test_a_reader_who_left_gets_nothing_and_is_known_when_coming_back(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.left(("s1",), now=10)
    assert targets.recipients() == ()
    targets.joined((person("s9", "nc-rita"),), now=0)

    assert targets.recipients() == ("s9",)


def test_a_reader_on_two_devices_gets_captions_on_both_until_one_leaves(targets):
    targets.joined((person("s1", "nc-rita"), person("s2", "nc-rita")), now=0)
    targets.enable("nc-rita", now=0)
    assert set(targets.recipients()) == {"s1", "s2"}

    targets.left(("s1",), now=1)

    assert targets.recipients() == ("s2",)


def test_a_session_that_comes_back_as_somebody_else_is_no_reader_any_more(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.joined((person("s1", "nc-new"),), now=0)

    assert targets.recipients() == ()


def test_an_absent_reader_is_forgotten_after_a_while(targets):  # D19
    targets.enable("nc-never-came", now=0)

    targets.expire(now=FORGET_S - 1)
    assert len(targets) == 1
    targets.expire(now=FORGET_S)

    assert len(targets) == 0
    targets.joined((person("s1", "nc-never-came"),), now=0)
    assert targets.recipients() == ()


def test_a_reader_who_is_here_is_never_forgotten(targets):
    targets.enable("nc-rita", now=0)
    targets.joined((person("s1", "nc-rita"),), now=0)

    targets.expire(now=1e9)

    assert targets.recipients() == ("s1",)


def test_absence_is_counted_from_the_leaving_not_from_the_request(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)
    targets.left(("s1",), now=1000)

    targets.expire(now=1000 + FORGET_S - 1)

    assert len(targets) == 1


def test_a_new_signaling_session_keeps_the_readers_and_has_to_see_them_again(targets):  # D3
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.started(now=100)
    assert targets.recipients() == ()
    targets.expire(now=100 + FORGET_S - 1)
    targets.joined((person("s2", "nc-rita"),), now=0)

    assert targets.recipients() == ("s2",)


def test_emptiness_is_counted_from_the_moment_the_last_reader_went(targets):
    targets.enable("nc-1", now=0)
    targets.enable("nc-2", now=0)
    targets.disable("nc-1", now=5)
    assert targets.idle_for(now=50) is None

    targets.disable("nc-2", now=10)
    targets.disable("nc-unknown", now=20)
    targets.expire(now=30)

    assert targets.idle_for(now=50) == 40


def test_a_new_reader_ends_the_emptiness_even_if_not_seen_yet(targets):  # D19
    targets.enable("nc-1", now=0)
    targets.disable("nc-1", now=1)

    targets.enable("nc-2", now=50)

    assert targets.idle_for(now=51) is None


def test_before_anybody_asked_nobody_is_missed(targets):
    assert targets.idle_for(now=1e9) is None


def test_a_reader_who_vanished_is_waited_for_once_not_twice(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)
    targets.left(("s1",), now=10)

    targets.expire(now=10 + FORGET_S)

    assert targets.idle_for(now=10 + FORGET_S) == FORGET_S


def test_an_absence_counts_from_when_the_connection_is_back(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)
    targets.started(now=500)

    targets.connected(now=510)
    targets.expire(now=510 + FORGET_S - 1)

    assert len(targets) == 1


def in_call(session_id, flags):
    return Participant(session_id=session_id, in_call=flags)


def test_a_reader_who_leaves_the_call_gets_nothing_until_back_in_it(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)

    targets.updated((in_call("s1", 0),), now=1)
    assert targets.recipients() == ()
    targets.updated((in_call("s1", 1),), now=2)

    assert targets.recipients() == ("s1",)


def test_a_reader_who_stays_out_of_the_call_is_forgotten(targets):
    targets.joined((person("s1", "nc-rita"),), now=0)
    targets.enable("nc-rita", now=0)
    targets.updated((in_call("s1", 0),), now=1)

    targets.expire(now=1 + FORGET_S)

    assert len(targets) == 0


def test_what_is_said_of_a_session_that_was_never_seen_counts_for_nothing(targets):
    targets.enable("nc-rita", now=0)

    targets.updated((in_call("s1", 0),), now=1)
    targets.joined((person("s1", "nc-rita"),), now=2)

    assert targets.recipients() == ("s1",)


def final(text):
    return FinalTranscript(speaker="1.1/ada", utterance=1, text=text, language_id="en", start=0, end=1, heard_at=0.0)


def test_what_a_reader_missed_waits_for_it_in_order(targets):
    targets.enable("nc-rita", now=0)
    targets.miss("nc-rita", final("one"))
    targets.miss("nc-rita", final("two"))
    assert targets.missed("nc-rita") is None  # nowhere to send it to

    targets.joined((person("s1", "nc-rita"),), now=1)

    assert targets.back() == ("nc-rita",)
    assert targets.missed("nc-rita") == final("one")
    targets.caught_up("nc-rita")
    assert targets.missed("nc-rita") == final("two")
    targets.caught_up("nc-rita")
    assert targets.missed("nc-rita") is None
    assert targets.back() == ()


def test_who_left_the_call_or_has_asked_no_more_misses_nothing(targets):
    targets.joined((person("s1", "nc-out"),), now=0)
    targets.enable("nc-out", now=0)
    targets.updated((in_call("s1", 0),), now=0)

    targets.miss("nc-out", final("one"))
    targets.miss("nc-never-asked", final("one"))
    targets.updated((in_call("s1", 1),), now=1)

    assert targets.back() == ()


def test_what_waits_for_a_reader_has_a_bound_and_the_oldest_goes(targets):
    targets.enable("nc-rita", now=0)

    dropped = [targets.miss("nc-rita", final(str(number))) for number in range(MAX_MISSED + 1)]
    targets.joined((person("s1", "nc-rita"),), now=1)

    assert dropped == [False] * MAX_MISSED + [True]
    assert targets.missed("nc-rita") == final("1")


def test_who_wishes_for_a_translation_is_known_by_it_and_gets_no_partials(targets):
    targets.joined((person("s1", "nc-rita"), person("s2", "nc-bert")), now=0)
    targets.enable("nc-bert", now=0)
    targets.enable("nc-rita", now=0, translation=ENGLISH)

    assert targets.wishes == {"nc-rita": ENGLISH}
    assert targets.recipients() == ("s2",)
    targets.translate("nc-rita", None)
    assert targets.wishes is NO_WISHES
    assert set(targets.recipients()) == {"s1", "s2"}


def test_asking_for_captions_again_leaves_the_wish_as_it_is(targets):
    targets.enable("nc-rita", now=0, translation=ENGLISH)

    targets.enable("nc-rita", now=1)

    assert targets.wishes == {"nc-rita": ENGLISH}


def test_only_a_reader_may_wish_for_a_translation(targets):  # D18
    targets.joined((person("s1", "nc-rita"),), now=0)

    for wish in (ENGLISH, None):
        with pytest.raises(NotATarget):
            targets.translate("nc-rita", wish)


def test_who_took_the_wishes_keeps_them_as_they_were(targets):  # D17
    targets.enable("nc-rita", now=0, translation=ENGLISH)
    before = targets.wishes

    targets.translate("nc-rita", Language(id="en_US", code="en"))

    assert before == {"nc-rita": ENGLISH}
    with pytest.raises(TypeError):
        before["nc-rita"] = None


def test_readers_have_a_bound_and_who_is_one_may_still_ask_again(targets):
    for number in range(MAX_TARGETS):
        targets.enable(f"nc-{number}", now=0)

    with pytest.raises(TooManyTargets):
        targets.enable("one too many", now=0)
    targets.enable("nc-0", now=0)
    targets.disable("nc-0", now=0)
    targets.enable("one too many", now=0)

    assert len(targets) == MAX_TARGETS


def test_sessions_have_a_bound_and_those_beyond_it_are_no_readers(targets):
    targets.joined(tuple(person(f"s{number}", f"nc-{number}") for number in range(MAX_SESSIONS + 1)), now=0)

    targets.enable(f"nc-{MAX_SESSIONS}", now=0)
    targets.enable("nc-0", now=0)

    assert targets.recipients() == ("s0",)
