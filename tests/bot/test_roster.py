"""Facts about people in, the wanted microphones out. What was not said has not happened."""

from hypothesis import given
from hypothesis import strategies as st

from bot.roster import MAX_SESSIONS, Roster
from signaling import Participant, Person

BOTH, CALL, MICROPHONE, CAMERA, PHONE = 3, 1, 2, 4, 8


def entry(session_id, flags, *, internal=False):
    return Participant(session_id=session_id, in_call=flags, internal=internal)


def roster(own_session_id="own", /, **flags):
    """A roster that has heard these flags."""
    seen = Roster()
    seen.started(own_session_id)
    hears(seen, **flags)
    return seen


def hears(seen, **flags):
    seen.updated(tuple(entry(session_id, each) for session_id, each in flags.items()))


def joins(seen, *session_ids):
    seen.joined(tuple(Person(session_id=session_id) for session_id in session_ids))


def test_an_empty_room_wants_nothing_and_is_not_over():
    assert roster().wanted() == frozenset()
    assert not roster().call_is_over()


def test_whoever_is_in_the_call_with_a_microphone_is_wanted():
    everybody = {"ada": CALL | MICROPHONE, "will": CALL | MICROPHONE | CAMERA, "phone": CALL | MICROPHONE | PHONE}

    assert roster(**everybody).wanted() == set(everybody)


def test_a_listener_and_a_microphone_outside_the_call_are_not_wanted():
    assert roster(listener=CALL, camera=CALL | CAMERA, outside=MICROPHONE, nobody=0).wanted() == frozenset()


def test_a_microphone_that_is_switched_on_later_is_wanted_then():
    seen = roster(ada=CALL)

    hears(seen, ada=BOTH)

    assert seen.wanted() == {"ada"}


def test_the_bot_does_not_want_itself():
    assert roster("own", own=BOTH, ada=BOTH).wanted() == {"ada"}


def test_other_bots_are_not_wanted_even_if_a_later_list_forgets_that_they_are():
    seen = roster()
    seen.updated((entry("recorder", BOTH, internal=True),))
    hears(seen, recorder=BOTH)

    assert seen.wanted() == frozenset()


def test_absence_from_a_list_is_not_a_departure():
    seen = roster(ada=BOTH, will=BOTH)

    hears(seen, will=BOTH)
    seen.updated(())

    assert seen.wanted() == {"ada", "will"}


def test_somebody_who_leaves_the_room_is_not_wanted_any_more():
    seen = roster(ada=BOTH, will=BOTH)

    seen.left(("ada", "a stranger"))

    assert seen.wanted() == {"will"}


def test_somebody_who_leaves_the_call_is_not_wanted_any_more():
    seen = roster(ada=BOTH)

    hears(seen, ada=0)

    assert seen.wanted() == frozenset()


def test_somebody_who_leaves_and_comes_back_with_the_same_id_is_wanted_again():  # D6
    seen = roster(ada=BOTH)
    seen.left(("ada",))

    joins(seen, "ada")
    hears(seen, ada=BOTH)

    assert seen.wanted() == {"ada"}


def test_a_bot_that_left_makes_no_bot_of_who_comes_with_its_id():
    seen = roster()
    seen.updated((entry("x", BOTH, internal=True),))
    seen.left(("x",))

    joins(seen, "x")
    hears(seen, x=BOTH)

    assert seen.wanted() == {"x"}


def test_joining_the_room_is_not_joining_the_call():
    seen = roster()

    seen.joined((Person(session_id="ada"), Person(session_id="phone")))

    assert seen.wanted() == frozenset()


def test_the_end_of_the_call_for_everyone_ends_it_for_each():
    seen = roster(ada=BOTH, will=BOTH)

    seen.everyone(0)

    assert seen.wanted() == frozenset()
    assert seen.call_is_over()


def test_the_call_is_over_when_the_last_one_has_left_it():
    seen = roster(ada=BOTH, will=CALL)
    hears(seen, ada=0)
    assert not seen.call_is_over()

    seen.left(("will",))

    assert seen.call_is_over()


def test_a_call_that_has_not_begun_is_not_over():
    assert not roster(ada=0, will=MICROPHONE).call_is_over()


def test_a_call_that_began_for_everyone_at_once_can_be_over():
    seen = roster(ada=0)
    seen.everyone(BOTH)

    hears(seen, ada=0)

    assert seen.call_is_over()


def test_bots_alone_make_no_call():
    seen = roster(own=BOTH)
    seen.updated((entry("recorder", BOTH, internal=True),))
    assert not seen.call_is_over()

    hears(seen, ada=BOTH)
    seen.left(("ada",))

    assert seen.call_is_over()


def test_a_call_that_goes_on_again_is_not_over():
    seen = roster(ada=BOTH)
    hears(seen, ada=0)

    hears(seen, will=CALL)

    assert not seen.call_is_over()


def test_a_new_session_knows_nothing_of_what_the_old_one_saw():
    seen = roster("old", ada=BOTH)

    seen.started("new")
    hears(seen, old=BOTH, new=BOTH)

    assert seen.wanted() == {"old"}
    seen.left(("old",))
    assert seen.call_is_over()


def test_beyond_its_bound_the_roster_sees_no_newcomer_but_still_hears_of_those_it_knows():
    seen = roster(**{f"s{number}": BOTH for number in range(MAX_SESSIONS)})

    hears(seen, newcomer=BOTH, s0=0)
    assert len(seen.wanted()) == MAX_SESSIONS - 1

    seen.left(("s0",))
    hears(seen, newcomer=BOTH)
    assert "newcomer" in seen.wanted()


SESSIONS = st.sampled_from(["own", "ada", "will", "cleo"])
FACTS = st.one_of(
    st.tuples(st.just("updated"), SESSIONS, st.integers(0, 15)),
    st.tuples(st.just("left"), SESSIONS, st.none()),
    st.tuples(st.just("joined"), SESSIONS, st.none()),
)


@given(facts=st.lists(FACTS))
def test_what_was_last_said_of_each_one_is_what_counts(facts):
    seen, last, departed = roster(), {}, set()
    for fact, session_id, flags in facts:
        if fact == "left":
            seen.left((session_id,))
            last.pop(session_id, None)
            departed.add(session_id)
        elif fact == "joined":
            joins(seen, session_id)
            departed.discard(session_id)
        else:
            hears(seen, **{session_id: flags})
            last[session_id] = flags
    for absent in {"own", *departed}:
        last.pop(absent, None)

    assert seen.wanted() == {session_id for session_id, flags in last.items() if flags & BOTH == BOTH}
    assert not (seen.call_is_over() and any(flags & CALL for flags in last.values()))


@given(flags=st.integers())
def test_no_flags_are_too_odd(flags):
    assert roster(ada=flags).wanted() in (frozenset(), frozenset({"ada"}))


def test_a_list_that_is_older_than_a_departure_brings_nobody_back():
    seen = roster(ada=BOTH)
    seen.left(("ada",))

    hears(seen, ada=BOTH)  # sent before the leave event, received after it

    assert seen.wanted() == frozenset()
    assert seen.call_is_over()


def test_a_list_that_comes_before_the_join_it_follows_is_believed_after_it():
    seen = roster(ada=BOTH)
    seen.left(("ada",))

    hears(seen, ada=BOTH)
    joins(seen, "ada")

    assert seen.wanted() == {"ada"}
