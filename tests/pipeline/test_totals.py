"""What outlives the speakers: the totals of queues, and a ratio that forgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.totals import RECENT, RecentRatio, Totals

LENGTHS = st.floats(0.1, 30.0)


def test_queues_of_one_name_share_their_totals():
    totals = Totals()
    totals.queue("finals").holds(3)
    totals.queue("finals").holds(2)
    totals.queue("partials").holds(7)
    assert {name: queue.peak for name, queue in totals.queues.items()} == {"finals": 3, "partials": 7}


def test_before_the_first_decode_there_is_no_ratio():
    assert RecentRatio().value == 0.0


@given(pairs=st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1))
def test_a_ratio_lies_between_those_that_it_is_made_of(pairs):
    ratio = RecentRatio()
    for much, each in pairs:
        ratio.add(much, each)
    least, most = (choose(much / each for much, each in pairs) for choose in (min, max))
    assert least * 0.999 <= ratio.value <= most * 1.001


def test_what_is_long_ago_is_forgotten():
    ratio = RecentRatio()
    for _ in range(100):
        ratio.add(5.0, 1.0)
    for _ in range(int(RECENT) * 5):
        ratio.add(0.5, 1.0)
    assert 0.5 < ratio.value < 0.55
