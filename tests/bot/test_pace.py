"""A reader is sent no more than it is worth: bursts pass, floods do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pace import Pace


def test_a_burst_passes_and_what_follows_goes_at_the_steady_rate():
    pace, now = Pace(rate=20, burst=3), 100.0
    waits = []
    for _ in range(5):
        waits.append(pace.wait_s(now=now))
        now += waits[-1]
        pace.went(now=now)

    assert waits == pytest.approx([0, 0, 0, 0.05, 0.05])


def test_after_a_rest_a_burst_passes_again():
    pace = Pace(rate=20, burst=3)
    for _ in range(3):
        pace.went(now=100.0)

    assert pace.wait_s(now=100.0) > 0
    assert pace.wait_s(now=101.0) == 0


@given(gaps=st.lists(st.floats(0, 0.2), min_size=1, max_size=200))
def test_no_second_ever_has_more_than_the_rate_and_one_burst(gaps):
    pace, now, sent = Pace(rate=20, burst=5), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_s(now=now)
        pace.went(now=now)
        sent.append(now)

    for first in sent:
        assert sum(first <= each < first + 1.0 for each in sent) <= 20 + 5 + 1
