import pytest

from signaling.embedded.throttle import MAX_ADDRESSES, MAX_FAILURES, WINDOW_S, Action, Throttle

INTERNAL, RESUME = Action.HELLO_INTERNAL, Action.HELLO_RESUME


def failing(address, times=MAX_FAILURES, *, every=1):
    throttle = Throttle()
    for i in range(times):
        throttle.failed(INTERNAL, address, now=i * every)
    return throttle


def test_nine_failures_do_not_lock_and_ten_do():
    assert not failing("192.0.2.1", 9).locked(INTERNAL, "192.0.2.1", now=10)
    assert failing("192.0.2.1", 10).locked(INTERNAL, "192.0.2.1", now=10)


def test_the_lock_opens_when_the_oldest_failure_is_thirty_minutes_old():
    throttle = failing("192.0.2.1")
    assert throttle.locked(INTERNAL, "192.0.2.1", now=WINDOW_S - 1)
    assert not throttle.locked(INTERNAL, "192.0.2.1", now=WINDOW_S)


def test_failures_far_apart_never_lock():
    assert not failing("192.0.2.1", 50, every=WINDOW_S / 9).locked(INTERNAL, "192.0.2.1", now=50 * WINDOW_S / 9)


def test_an_address_is_locked_for_one_action_only():
    assert not failing("192.0.2.1").locked(RESUME, "192.0.2.1", now=10)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("", "", True),
        ("not an address", "127.0.0.1", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one, other, together):
    assert failing(one).locked(INTERNAL, other, now=10) is together


def test_the_table_is_bounded_and_forgets_who_failed_longest_ago():
    throttle = failing("192.0.2.1")
    for i in range(MAX_ADDRESSES):
        throttle.failed(INTERNAL, f"name-{i}", now=20)
    assert len(throttle) == MAX_ADDRESSES
    assert not throttle.locked(INTERNAL, "192.0.2.1", now=20)
