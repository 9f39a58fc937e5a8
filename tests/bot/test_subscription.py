"""The subscription's table, as a whole product and as scripts. Time is a number; the jitter draws the longest wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.subscription import Answer, ClosePeer, Request, State, Subscription, SubscriptionSettings, Wake

OFFER_S, CONNECT_S, STALL_S, FIRST_S = 12, 8, 10, 0.5  # the defaults


def new():
    return Subscription(SubscriptionSettings(), lambda low, high: high)


def asked():
    subscription = new()
    subscription.start(now=0)
    return subscription


def waiting():
    subscription = asked()
    subscription.refused(now=0)
    return subscription


def connecting():
    subscription = asked()
    subscription.offered("sid 1", now=0)
    return subscription


def live():
    subscription = connecting()
    subscription.connected(now=0)
    return subscription


def flowing():
    subscription = live()
    subscription.media(now=95)
    return subscription


IN_STATE = {"idle": new, "asked": asked, "waiting": waiting, "connecting": connecting, "live": flowing}
INPUTS = (
    "start",
    "the same offer",
    "another offer",
    "connected",
    "media",
    "peer failed",
    "refused",
    "answer refused",
    "stale answer refused",
    "woke",
)


def feed(subscription, what, *, now):
    match what:
        case "start":
            return subscription.start(now=now)
        case "the same offer":
            return subscription.offered("sid 1", now=now)
        case "another offer":
            return subscription.offered("sid 2", now=now)
        case "connected":
            return subscription.connected(now=now)
        case "media":
            subscription.media(now=now)
            return []
        case "answer refused":
            return subscription.answer_refused("sid 1", now=now)
        case "stale answer refused":
            return subscription.answer_refused("sid 0", now=now)
        case "peer failed":
            return subscription.peer_failed(now=now)
        case "refused":
            return subscription.refused(now=now)
        case "woke":
            return subscription.woke(now=now)


AFRESH = ("connecting", [Answer(fresh=True), Wake(100 + CONNECT_S)])
ANY = {"the same offer": AFRESH, "another offer": AFRESH}
ASK = ("asked", [Request(), Wake(100 + OFFER_S)])
FAILED = ("waiting", [ClosePeer(), Wake(100 + FIRST_S)])
AGAIN = ("waiting", [Wake(100 + FIRST_S)])
TABLE = {
    "idle": ANY | {"start": ASK},
    "asked": ANY | {"refused": AGAIN, "woke": AGAIN},
    "waiting": ANY | {"woke": ASK},
    "connecting": ANY
    | {"the same offer": ("connecting", [Answer(fresh=False)]), "connected": ("live", [Wake(100 + STALL_S)])}
    | {"woke": FAILED, "peer failed": FAILED, "answer refused": FAILED},
    "live": ANY
    | {"the same offer": ("live", [Answer(fresh=False)]), "peer failed": FAILED, "answer refused": FAILED}
    | {"woke": ("live", [Wake(95 + STALL_S)])},
}


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("state", IN_STATE)
def test_every_input_in_every_state_does_what_the_table_says_or_nothing(state, what):
    subscription = IN_STATE[state]()

    commands = feed(subscription, what, now=100)

    assert (subscription.state.value, commands) == TABLE[state].get(what, (state, []))


def test_a_subscription_that_works_at_once():
    subscription = new()

    assert subscription.start(now=0) == [Request(), Wake(12)]
    assert subscription.offered("sid 1", now=1) == [Answer(fresh=True), Wake(9)]
    assert subscription.connected(now=2) == [Wake(12)]
    assert subscription.state is State.LIVE


def test_a_publisher_who_does_not_publish_yet_is_asked_again_ever_more_rarely():  # D9
    subscription, waits, now = asked(), [], 0.0
    for _ in range(6):
        [wake] = subscription.refused(now=now)
        waits.append(wake.at - now)
        now = wake.at
        assert Request() in subscription.woke(now=now)

    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]


def test_an_offer_that_never_comes_is_asked_for_again():  # D9
    subscription = asked()

    assert subscription.woke(now=12) == [Wake(12.5)]
    assert subscription.woke(now=13) == [Request(), Wake(25)]


def test_a_connection_that_does_not_come_about_is_closed_and_asked_for_again():  # D7
    subscription = connecting()

    assert subscription.woke(now=8) == [ClosePeer(), Wake(8.5)]
    assert subscription.woke(now=9) == [Request(), Wake(21)]


def test_a_connection_that_fails_is_closed_and_asked_for_again():  # D7
    subscription = live()

    assert subscription.peer_failed(now=50) == [ClosePeer(), Wake(50.5)]
    assert subscription.woke(now=51) == [Request(), Wake(63)]


def test_a_renegotiation_is_answered_on_the_same_connection():  # D6
    subscription = live()

    assert subscription.offered("sid 1", now=50) == [Answer(fresh=False)]
    assert subscription.state is State.LIVE


def test_a_fresh_handle_is_answered_on_a_fresh_connection():  # D6
    subscription = live()

    assert subscription.offered("sid 2", now=50) == [Answer(fresh=True), Wake(58)]
    assert subscription.connected(now=51) == [Wake(61)]


def test_a_stream_that_the_media_server_lost_without_a_word_is_asked_for_again():  # D7
    subscription = live()
    subscription.media(now=5)

    assert subscription.woke(now=10) == [Wake(15)]
    assert subscription.woke(now=15) == [ClosePeer(), Wake(15.5)]


def test_a_connection_on_which_nothing_ever_comes_is_asked_for_ever_more_rarely():
    subscription, waits = live(), []
    for number in range(4):
        waits.append(subscription.woke(now=100)[-1].at - 100)
        subscription.woke(now=100)
        subscription.offered(f"sid {number}", now=0)
        subscription.connected(now=0)

    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_a_late_offer_is_as_good_as_one_in_time():
    assert waiting().offered("sid 1", now=5)[0] == Answer(fresh=True)


def test_an_offer_that_comes_again_after_the_connection_failed_needs_a_fresh_connection():
    subscription = live()
    subscription.peer_failed(now=1)

    assert subscription.offered("sid 1", now=2)[0] == Answer(fresh=True)


def test_the_waits_begin_anew_once_something_was_heard():
    subscription = asked()
    for _ in range(4):
        subscription.refused(now=0)
        subscription.woke(now=0)
    subscription.offered("sid 1", now=0)
    subscription.connected(now=0)
    subscription.media(now=0)

    assert subscription.peer_failed(now=0)[-1] == Wake(FIRST_S)


def test_an_offer_alone_does_not_make_the_waits_begin_anew():
    subscription, waits = asked(), []
    for number in range(4):
        subscription.offered(f"sid {number}", now=0)
        waits.append(subscription.peer_failed(now=0)[-1].at)
        subscription.woke(now=0)

    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_only_candidates_of_the_offer_that_is_served_are_current():
    subscription = connecting()
    assert subscription.is_current("sid 1")
    assert not subscription.is_current("sid 2")

    subscription.offered("sid 2", now=0)

    assert subscription.is_current("sid 2")
    assert not subscription.is_current("sid 1")


@pytest.mark.parametrize("state", ["idle", "asked", "waiting"])
def test_without_an_offer_no_candidate_is_current(state):
    assert not IN_STATE[state]().is_current("sid 1")
    assert not IN_STATE[state]().is_current("")


def test_after_a_failure_the_old_offers_candidates_are_stale():
    subscription = live()
    subscription.peer_failed(now=0)

    assert not subscription.is_current("sid 1")


SAID = st.lists(st.tuples(st.sampled_from(INPUTS), st.floats(0, 30)), max_size=60)


@given(said=SAID)
def test_no_sequence_of_inputs_raises_or_leaves_a_peer_open_or_forgets_to_wake(said):
    subscription, now, alarm, peer = new(), 0.0, None, False
    for what, passed in [("start", 0), *said]:
        now += passed
        for command in feed(subscription, what, now=now):
            match command:
                case Wake(at):
                    assert at is None or at > now
                    alarm = at
                case Answer(fresh):
                    assert fresh or peer, "answered on a connection that is not there"
                    peer = True
                case ClosePeer():
                    assert peer, "closed nothing"
                    peer = False
                case Request():
                    assert not peer, "asked anew with a connection in the hand: the server would tear it down"
        assert peer == (subscription.state in (State.CONNECTING, State.LIVE))
        assert alarm is not None
