"""What whoever looks after the service sees of a room. All of it together: test_room_translation.py."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bot.status import MAX_LATENCIES, Latencies, Troubles

SECONDS = st.floats(0, 1000)


def noted(*latencies_s):
    latencies = Latencies()
    for each in latencies_s:
        latencies.note(each)
    return latencies


def test_before_the_first_final_there_is_no_latency():
    assert noted().quantile(0.5) is None


@given(seconds=st.lists(SECONDS, min_size=1), share=st.floats(0.01, 1.0))
def test_a_quantile_is_the_least_that_so_many_of_the_newest_do_not_exceed(seconds, share):
    newest = seconds[-MAX_LATENCIES:]
    value = noted(*seconds).quantile(share)
    enough = math.ceil(share * len(newest))
    assert value in newest
    assert sum(each <= value for each in newest) >= enough
    assert sum(each < value for each in newest) < enough


def test_a_clock_that_is_a_little_ahead_makes_no_negative_latency():
    assert noted(-0.01).quantile(0.5) == 0.0


def test_the_last_trouble_is_the_one_that_is_told():
    troubles = Troubles()
    assert troubles.last is None
    troubles.note("the signaling connection was lost")
    troubles.note("a speaker's captions broke off (PeerFailed)")
    assert troubles.last == "a speaker's captions broke off (PeerFailed)"
