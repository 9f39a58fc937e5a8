"""How often one caller may ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import limits
from api.http.limits import RateLimiter, network


def test_a_burst_goes_through_and_then_the_rate_counts():
    limiter = RateLimiter(rate=10.0)

    waits = [limiter.take("a", now=0.0) for _ in range(25)]

    assert waits[:20] == [0.0] * 20
    assert all(wait > 0.0 for wait in waits[20:])
    assert limiter.take("a", now=0.1 + 1e-9) == 0.0
    assert limiter.take("a", now=0.1 + 1e-9) > 0.0


def test_one_caller_uses_up_nobody_elses():
    limiter = RateLimiter(rate=1.0)
    while not limiter.take("a", now=0.0):
        pass

    assert limiter.take("b", now=0.0) == 0.0


def test_the_wait_that_is_told_is_enough():
    limiter = RateLimiter(rate=3.0)
    while not (wait_s := limiter.take("a", now=5.0)):
        pass

    assert limiter.take("a", now=5.0 + wait_s + 1e-9) == 0.0


def test_a_caller_is_let_in_at_any_rate():
    assert RateLimiter(rate=0.1).take("a", now=0.0) == 0.0


def test_callers_are_forgotten_the_one_not_seen_for_longest_first(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CALLERS", 2)
    limiter = RateLimiter(rate=1.0)
    for caller in ("a", "a", "a", "b", "a", "c"):
        limiter.take(caller, now=0.0)

    assert len(limiter) == 2
    assert limiter.take("a", now=0.0) > 0.0  # still remembered: it was seen after b


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_of_ipv6_a_whole_network_is_one_caller(address, whose):
    assert network(address) == whose


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 0.5)), max_size=200))
def test_nobody_ever_gets_more_than_its_burst_and_its_rate(asked):
    limiter, now, taken = RateLimiter(rate=5.0), 0.0, {"a": 0, "b": 0, "c": 0}
    for caller, later in asked:
        now += later
        taken[caller] += limiter.take(caller, now=now) == 0.0
        assert taken[caller] <= limits.BURST_S * 5.0 + 5.0 * now + 1e-6
