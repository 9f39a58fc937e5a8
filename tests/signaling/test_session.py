"""The session's table, row by row and as a whole product, and its scripts. Its laws: test_session_laws.py."""

import pytest

from signaling import (
    MessageReceived,
    RoomClosed,
    RoomEntered,
    SessionLost,
    SessionRejected,
    SessionResumed,
    SessionStarted,
)
from signaling.messages import Bye, RoomReply, Welcome
from signaling.session import FATAL_HELLO, FATAL_JOIN, Dial, Emit, Hangup, Send, State, Wake
from tests.signaling.greetings import (
    BYE,
    FULL_HELLO,
    IN_CALL,
    IN_STATE,
    INPUTS,
    JOIN,
    NEWS,
    NONCE,
    PERSON,
    connecting,
    established,
    feed,
    greeting,
    joining,
    names,
    new,
    refused,
    resume,
    resuming,
    welcomed_as,
)

LOST = ("waiting", "Hangup SessionLost Wake")
REJECTED = ("closed", "Hangup Wake SessionRejected")
GREETING_FAILS = {
    **dict.fromkeys(("too many requests", "other error", "already joined", "no such room", "join failed"), LOST),
    **dict.fromkeys(("bye", "lost", "woke"), LOST),
    "invalid token": REJECTED,
    "hello of another": ("joining", "SessionStarted Send Send Wake"),
    "shutdown": ("closed", "Send Hangup Wake"),
    "opened": ("greeting", "Hangup"),
}
TALK = dict.fromkeys(
    ("no such session", "too many requests", "invalid token", "other error", "news"), "MessageReceived"
)
TABLE = {
    "idle": {
        "start": ("connecting", "Dial Wake"),
        "opened": ("idle", "Hangup"),
        "shutdown": ("closed", "Hangup Wake"),
    },
    "waiting": {
        "woke": ("connecting", "Dial Wake"),
        "opened": ("waiting", "Hangup"),
        "shutdown": ("closed", "Hangup Wake"),
    },
    "connecting": {
        "opened": ("greeting", "Send Wake"),
        "lost": LOST,
        "woke": LOST,
        "shutdown": ("closed", "Hangup Wake"),
    },
    "greeting": {
        **GREETING_FAILS,
        "hello": ("joining", "SessionStarted Send Send Wake"),
        "no such session": LOST,
    },
    "resuming": {
        **GREETING_FAILS,
        "hello": ("established", "Wake SessionResumed"),
        "no such session": ("greeting", "Send Wake"),
    },
    "joining": {
        **{what: ("joining", told) for what, told in {**TALK, "no room": "MessageReceived"}.items()},
        **dict.fromkeys(("room", "already joined"), ("established", "Wake RoomEntered")),
        **dict.fromkeys(("join failed", "bye", "lost", "woke"), LOST),
        "no such room": REJECTED,
        "shutdown": ("closed", "Send Hangup Wake"),
        "opened": ("joining", "Hangup"),
    },
    "established": {
        **{what: ("established", told) for what, told in {**TALK, "no room": "MessageReceived"}.items()},
        **dict.fromkeys(("already joined", "no such room", "join failed"), ("established", "MessageReceived")),
        **dict.fromkeys(("bye", "lost"), LOST),
        "woke": ("established", "Wake"),
        "shutdown": ("closed", "Send Hangup Wake"),
        "opened": ("established", "Hangup"),
    },
    "closed": {"opened": ("closed", "Hangup")},
}


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("state", IN_STATE)
def test_every_input_in_every_state_does_what_the_table_says_or_nothing(state, what):
    session = IN_STATE[state]()
    before = session.state

    commands = feed(session, what, now=5)

    after, expected = TABLE[state].get(what, (before.value, ""))
    assert (session.state.value, names(commands)) == (after, expected)


def test_the_first_day_of_a_bot():
    session = new()

    assert session.start(now=0) == [Dial(), Wake(10)]
    assert session.opened(now=1) == [FULL_HELLO, Wake(11)]
    assert session.received(Welcome(), now=1) == []
    assert session.received(welcomed_as("s1"), now=2) == [
        Emit(SessionStarted(session_id="s1")),
        IN_CALL,
        JOIN,
        Wake(12),
    ]
    assert session.received(RoomReply(room_id="attic"), now=3) == [Wake(33), Emit(RoomEntered(room_id="attic"))]
    assert session.received(NEWS, now=4) == [Emit(MessageReceived(message=NEWS))]
    assert session.shutdown() == [BYE, Hangup(), Wake(None)]


def test_a_lost_session_is_resumed_and_keeps_its_room():  # D2
    session = established()

    assert session.lost("a broken network", now=100) == [
        Hangup(),
        Emit(SessionLost(reason="a broken network")),
        Wake(100.5),
    ]
    assert session.woke(now=100.5) == [Dial(), Wake(110.5)]
    assert session.opened(now=101) == [resume("r1"), Wake(111)]
    assert session.received(welcomed_as("s1", "r2"), now=101) == [Wake(131), Emit(SessionResumed(session_id="s1"))]
    assert session.session_id == "s1"


def test_the_next_resume_uses_the_newest_resume_id():
    session = resuming()
    session.received(welcomed_as("s1", "r2"), now=1)

    session.lost("again", now=2)
    session.woke(now=3)

    assert session.opened(now=3)[0] == resume("r2")


def test_an_expired_session_greets_again_on_the_same_socket():  # D3
    session = resuming()

    assert session.received(refused("no_such_session"), now=2) == [FULL_HELLO, Wake(12)]
    assert names(session.received(welcomed_as("s2"), now=2)) == "SessionStarted Send Send Wake"
    assert session.session_id == "s2"


def test_a_server_that_answers_a_resume_with_a_new_session_is_joined_afresh():
    assert JOIN in resuming().received(welcomed_as("s2"), now=2)


def test_a_session_that_never_heard_of_its_join_joins_after_it_was_resumed():
    session = joining()
    session.lost("the join went down with the socket", now=0)
    session.woke(now=1)
    assert session.opened(now=1)[0] == resume("r1")

    assert JOIN in session.received(welcomed_as("s1"), now=1)
    assert names(session.received(refused("already_joined", "join"), now=1)) == "Wake RoomEntered"


def test_the_server_does_not_resume_what_it_said_bye_to():
    session = established()
    session.received(Bye(), now=5)
    session.woke(now=6)

    assert session.opened(now=6)[0] == FULL_HELLO


@pytest.mark.parametrize("code", FATAL_HELLO)
def test_a_refusal_that_trying_again_cannot_mend_is_final_at_once(code):
    session = greeting()

    rejected = session.received(refused(code), now=1)[-1].event

    assert isinstance(rejected, SessionRejected)
    assert rejected.code == code
    assert code in rejected.explanation
    assert [feed(session, what, now=9) for what in ("woke", "lost", "start")] == [[], [], []]


@pytest.mark.parametrize("code", FATAL_JOIN)
def test_a_room_that_will_never_let_us_in_is_not_asked_again(code):
    session = joining()

    assert names(session.received(refused(code, "join"), now=1)) == "Hangup Wake SessionRejected"
    assert session.woke(now=99) == []


def test_a_server_that_limits_our_tries_gets_a_long_rest():
    [*_, wake] = greeting().received(refused("too_many_requests"), now=100)

    assert wake == Wake(130)


def test_a_server_that_accepts_and_drops_is_dialled_ever_more_rarely():
    session, waits = connecting(), []
    for _ in range(6):
        session.opened(now=0)
        session.received(welcomed_as(), now=0)
        session.received(RoomReply(room_id="attic"), now=0)
        waits.append(session.lost("dropped", now=0)[-1].at)
        session.woke(now=0)

    assert waits == [0.5, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_the_waits_begin_anew_only_after_a_stable_time():
    session = resuming()
    [stable_at, _] = session.received(welcomed_as("s1"), now=1)
    assert stable_at == Wake(31)

    session.woke(now=31)

    assert session.lost("after a long while", now=50)[-1] == Wake(50.5)


def test_a_person_joins_with_the_room_session_that_the_chat_server_gave():
    session = greeting(credentials=PERSON, room_session="nc-1")

    assert session.received(welcomed_as(), now=0)[1:] == [
        Send({"id": "join", "type": "room", "room": {"roomid": "attic", "sessionid": "nc-1"}}),
        Wake(10),
    ]


def test_without_a_room_the_hello_is_all():
    session = greeting(room="")

    assert session.received(welcomed_as(), now=0) == [Wake(30), Emit(SessionStarted(session_id="s1"))]
    assert session.state is State.ESTABLISHED


def test_being_put_out_of_the_room_is_told():
    [told] = established().received(RoomReply(room_id=""), now=1)

    assert isinstance(told.event.message, RoomClosed)


def test_what_is_sent_does_not_show_in_what_is_printed():
    assert NONCE not in repr(greeting().shutdown() + connecting().opened(now=0))
