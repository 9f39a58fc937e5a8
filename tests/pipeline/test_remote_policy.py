from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import Kind
from pipeline.languages import NAMES
from pipeline.remote_policy import (
    FALLBACK_AFTER_S,
    FIRST_WAIT_S,
    LEAST_TRY_S,
    LONGEST_WAIT_S,
    MAX_RETRY_AFTER_S,
    RETRY_FOR_S,
    THROTTLED_DELAYS_S,
    TRANSIENT_DELAYS_S,
    TRIP_AFTER,
    Circuit,
    CircuitBreaker,
    FailureKind,
    RemoteSettings,
    Retries,
    advice,
    classify,
    malformed,
    pause_s,
)

BUSY, BROKEN, WRONG_KEY, BAD_AUDIO = classify(429), classify(500), classify(401), classify(400)


def delays(kind, failures, *, spent_s=0.0, relief=False):
    """What is waited after each failure, and None where it is given up."""
    retries = Retries(kind, relief=relief)
    return [retries.after(failure, spent_s=spent_s) for failure in failures]


def opened(at=0.0):
    breaker = CircuitBreaker()
    for _ in range(TRIP_AFTER):
        breaker.failed(breaker.admit(at), at)
    return breaker


# Settings


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://box:8000", "http://box:8000/v1"),
        ("http://box:8000/", "http://box:8000/v1"),
        ("http://box:8000/v1", "http://box:8000/v1"),
        ("http://box:8000/v1/", "http://box:8000/v1"),
        ("http://box/speech/v1//", "http://box/speech/v1"),
        ("http://box/speech", "http://box/speech/v1"),
        ("http://box/v1/audio/transcriptions", "http://box/v1"),
    ],
)
def test_the_address_may_be_given_in_the_ways_people_write_it(url, base):
    assert RemoteSettings(url=url).base == base


def test_a_server_of_which_nothing_is_said_speaks_all_of_whispers_languages():
    assert RemoteSettings(url="http://box").spoken == tuple(NAMES)
    assert RemoteSettings(url="http://box", languages=("de",)).spoken == ("de",)


def test_the_key_is_not_in_the_repr():
    assert "hunter2" not in repr(RemoteSettings(url="http://box", api_key="hunter2"))


# Failures


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (301, FailureKind.FATAL),
        (302, FailureKind.TRANSIENT),
        (308, FailureKind.FATAL),
        (400, FailureKind.BAD_REQUEST),
        (401, FailureKind.FATAL),
        (403, FailureKind.FATAL),
        (404, FailureKind.FATAL),
        (405, FailureKind.FATAL),
        (408, FailureKind.TRANSIENT),
        (413, FailureKind.BAD_REQUEST),
        (415, FailureKind.BAD_REQUEST),
        (422, FailureKind.BAD_REQUEST),
        (429, FailureKind.THROTTLED),
        (204, FailureKind.TRANSIENT),
        (500, FailureKind.TRANSIENT),
        (502, FailureKind.TRANSIENT),
        (503, FailureKind.TRANSIENT),
        (ConnectionResetError("10.1.2.3"), FailureKind.TRANSIENT),
        (TimeoutError(), FailureKind.TRANSIENT),
        (asyncio.IncompleteReadError(b"words", 9), FailureKind.TRANSIENT),
    ],
)
def test_a_failure_is_of_one_of_four_kinds(cause, kind):
    assert classify(cause).kind is kind


def test_a_broken_answer_may_be_better_the_next_time():
    assert malformed("an answer that is not JSON").kind is FailureKind.TRANSIENT


def test_a_reason_has_neither_address_nor_words():
    assert classify(ConnectionResetError("Cannot connect to host 10.1.2.3:8000")).reason == (
        "no answer: ConnectionResetError"
    )
    assert classify(TimeoutError("10.1.2.3")).reason == "no answer in time"
    assert classify(503).reason == "status 503"


@pytest.mark.parametrize(
    ("status", "settings"),
    [
        (301, ["ROOMSCRIBE_ASR_URL"]),
        (401, ["ROOMSCRIBE_ASR_URL", "ROOMSCRIBE_ASR_API_KEY"]),
        (403, ["ROOMSCRIBE_ASR_URL", "ROOMSCRIBE_ASR_API_KEY"]),
        (404, ["ROOMSCRIBE_ASR_URL", "ROOMSCRIBE_ASR_MODEL", "'large'"]),
    ],
)
def test_a_fatal_failure_comes_with_what_to_do(status, settings):
    text = advice(classify(status), model="large")
    assert f"status {status}" in text
    assert all(each in text for each in settings)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("3600", MAX_RETRY_AFTER_S),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("soon", None),
    ],
)
def test_the_server_may_say_when_to_come_back_up_to_a_bound(header, expected):
    assert classify(429, retry_after=header).retry_after_s == expected


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(BUSY, THROTTLED_DELAYS_S[0]), (classify(429, retry_after="12"), 12.0), (BROKEN, 0.0), (BAD_AUDIO, 0.0)],
)
def test_only_a_busy_server_is_spared_what_can_be_spared(failure, expected):
    assert pause_s(failure) == expected


# Retries


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (BROKEN, [*TRANSIENT_DELAYS_S, None]),
        (BUSY, [*THROTTLED_DELAYS_S, None]),
        (WRONG_KEY, [None]),
        (BAD_AUDIO, [None]),
    ],
)
def test_a_final_is_tried_again_as_its_failure_allows(failure, expected):
    assert delays(Kind.FINAL, [failure] * len(expected)) == expected


@pytest.mark.parametrize("failure", [BROKEN, BUSY, WRONG_KEY, BAD_AUDIO])
def test_a_partial_is_never_tried_again(failure):
    assert delays(Kind.PARTIAL, [failure, failure]) == [None, None]


def test_what_the_server_asks_for_replaces_the_delay_and_not_the_number_of_tries():
    patient = classify(429, retry_after="2")
    assert delays(Kind.FINAL, [patient] * 4) == [2.0, 2.0, 2.0, None]


def test_each_kind_has_its_own_delays():
    assert delays(Kind.FINAL, [BROKEN, BUSY, BROKEN, BUSY]) == [0.0, 5.0, 0.1, 10.0]


def test_a_server_that_hangs_is_not_tried_for_minutes():
    assert delays(Kind.FINAL, [BROKEN], spent_s=RETRY_FOR_S) == [0.0]
    assert delays(Kind.FINAL, [BROKEN], spent_s=RETRY_FOR_S + 0.1) == [None]
    assert delays(Kind.FINAL, [BROKEN] * 5, spent_s=RETRY_FOR_S - 4.0) == [*TRANSIENT_DELAYS_S[:4], None]
    assert delays(Kind.FINAL, [BUSY], spent_s=RETRY_FOR_S + 0.1) == [5.0]


def test_where_somebody_else_can_decode_it_no_busy_server_is_waited_for():
    assert delays(Kind.FINAL, [BUSY], relief=True) == [None]
    assert delays(Kind.FINAL, [classify(429, retry_after="0")], relief=True) == [None]


def test_and_a_broken_one_only_for_as_long_as_the_next_try_can_still_end_in_time():
    latest_s = FALLBACK_AFTER_S - LEAST_TRY_S
    assert delays(Kind.FINAL, [BROKEN] * 5, relief=True) == [0.0, 0.1, 1.0, 3.0, None]
    assert delays(Kind.FINAL, [BROKEN] * 3, spent_s=latest_s - 0.1, relief=True) == [0.0, 0.1, None]
    assert delays(Kind.FINAL, [BROKEN], spent_s=latest_s + 0.1, relief=True) == [None]


def test_a_try_ends_when_the_time_for_the_server_is_up():
    alone, relieved = Retries(Kind.FINAL), Retries(Kind.FINAL, relief=True)
    assert [alone.limit_s(20.0, spent_s=each) for each in (0.0, 100.0)] == [20.0, 20.0]
    assert relieved.limit_s(20.0, spent_s=0.0) == FALLBACK_AFTER_S
    assert relieved.limit_s(20.0, spent_s=3.0) == FALLBACK_AFTER_S - 3.0
    assert relieved.limit_s(20.0, spent_s=100.0) == LEAST_TRY_S
    assert relieved.limit_s(0.5, spent_s=0.0) == 0.5


# The circuit


def test_it_opens_after_five_failures_in_a_row_and_says_so_once():
    breaker = CircuitBreaker()
    late = breaker.admit(0.0)
    assert [breaker.failed(breaker.admit(0.0), 0.0) for _ in range(TRIP_AFTER)] == [False] * 4 + [True]
    assert (breaker.state, breaker.wait_s(0.0)) == (Circuit.OPEN, FIRST_WAIT_S)
    assert not breaker.failed(late, 0.0)


def test_what_fails_side_by_side_counts_once_however_many_they_are():
    breaker = CircuitBreaker()
    for _ in range(TRIP_AFTER - 1):
        side_by_side = [breaker.admit(0.0) for _ in range(TRIP_AFTER * 2)]
        assert not any(breaker.failed(ticket, 0.3) for ticket in side_by_side)
    assert breaker.state is Circuit.CLOSED
    assert breaker.failed(breaker.admit(0.3), 0.3)


def test_a_success_between_failures_starts_the_count_afresh():
    breaker = CircuitBreaker()
    for _ in range(3):
        for _ in range(TRIP_AFTER - 1):
            breaker.failed(breaker.admit(0.0), 0.0)
        breaker.succeeded(breaker.admit(0.0))
    assert breaker.state is Circuit.CLOSED


def test_one_request_may_try_when_the_wait_is_over():
    breaker = opened()
    assert breaker.admit(FIRST_WAIT_S - 0.1) is None
    assert breaker.admit(FIRST_WAIT_S) is not None
    assert breaker.state is Circuit.HALF_OPEN
    assert breaker.admit(FIRST_WAIT_S + 100) is None


def test_the_wait_doubles_up_to_a_minute_and_begins_afresh_after_a_success():
    breaker, now, waits = opened(), 0.0, []
    for _ in range(5):
        waits.append(breaker.wait_s(now))
        now += breaker.wait_s(now)
        breaker.failed(breaker.admit(now), now)
    assert waits == [10, 20, 40, 60, 60]

    now += breaker.wait_s(now)
    breaker.succeeded(breaker.admit(now))
    assert breaker.state is Circuit.CLOSED
    for _ in range(TRIP_AFTER):
        breaker.failed(breaker.admit(now), now)
    assert breaker.wait_s(now) == FIRST_WAIT_S


def test_old_news_neither_closes_nor_prolongs_an_open_circuit():
    breaker = CircuitBreaker()
    early = breaker.admit(0.0)
    for _ in range(TRIP_AFTER):
        breaker.failed(breaker.admit(0.0), 0.0)
    breaker.succeeded(early)
    assert breaker.state is Circuit.OPEN
    trial = breaker.admit(FIRST_WAIT_S)
    breaker.failed(early, FIRST_WAIT_S)
    assert breaker.state is Circuit.HALF_OPEN
    breaker.succeeded(trial)
    assert breaker.state is Circuit.CLOSED


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.floats(0.0, 30.0)),
            st.tuples(st.just("ask"), st.none()),
            st.tuples(st.sampled_from(["succeed", "fail"]), st.integers(0, 20)),
        ),
        max_size=80,
    )
)
def test_whatever_happens_it_keeps_its_promises(events):
    breaker, now, out, failures, counted, opened_at = CircuitBreaker(), 0.0, [], 0, 0, 0.0

    for what, detail in events:
        before = breaker.state
        if what == "wait":
            now += detail
        elif what == "ask":
            wait_s, ticket = breaker.wait_s(now), breaker.admit(now)
            assert (ticket is not None) == (before is Circuit.CLOSED or (before is Circuit.OPEN and wait_s == 0))
            if ticket is not None:
                out.append((ticket, breaker.state, counted))
        elif out:
            ticket, given_in, counted_then = out.pop(detail % len(out))
            current = given_in is before and breaker._era == ticket.era
            counts = current and what == "fail" and given_in is Circuit.CLOSED and counted_then == counted
            failures, counted = (0 if current and what == "succeed" else failures + counts), counted + counts
            if what == "succeed":
                breaker.succeeded(ticket)
                assert breaker.state is (Circuit.CLOSED if current else before)
            else:
                tripped = breaker.failed(ticket, now)
                assert tripped == (before is Circuit.CLOSED and breaker.state is Circuit.OPEN)
                assert tripped == (counts and failures == TRIP_AFTER)
                assert current or breaker.state is before
        if breaker.state is Circuit.OPEN and before is not Circuit.OPEN:
            opened_at, failures = now, 0
            assert FIRST_WAIT_S - 1e-6 <= breaker.wait_s(now) <= LONGEST_WAIT_S + 1e-6
        if breaker.state is Circuit.OPEN:
            assert breaker.wait_s(opened_at + LONGEST_WAIT_S) == 0  # it never stays shut for longer
        assert sum(given is Circuit.HALF_OPEN and ticket.era == breaker._era for ticket, given, _ in out) <= 1
