"""What counts as a fault of the service, and what does not."""

from __future__ import annotations

import pytest

from soak.bench.hostile_answers import Forbidden
from soak.bench.hostile_attack import SHORT_S, Attack
from soak.bench.hostile_tally import FINDINGS, Tally


def answer(status, headers=b"", body=b""):
    return b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (status, headers, len(body), body)


def attack(**more):
    sent = b"POST /path HTTP/1.1\r\nAuthorization: Bearer a-secret\r\n\r\nbody"
    return Attack(parts=(sent,), kind="a kind", **more)


def told(received, *, closed=True, **more):
    tally = Tally(Forbidden(secrets=(b"a-secret",), paths=()))
    tally.note(attack(**more), received, closed=closed)
    return tally.told()


def findings(received, **more):
    sums = told(received, **more)
    return {name: sums[name] for name in FINDINGS if sums[name]}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 415, 417, 422, 431])
def test_a_refusal_is_what_is_wanted(status):
    assert findings(answer(status)) == {}


@pytest.mark.parametrize("status", [429, 503])
def test_whoever_is_to_come_again_is_told_when(status):
    assert findings(answer(status, b"Retry-After: 5\r\n")) == {}
    assert findings(answer(status)) == {"no_retry_after": 1}


@pytest.mark.parametrize("status", [500, 501, 502, 504, 505, 550])
def test_an_error_of_the_service_is_a_finding(status):
    assert findings(answer(status)) == {"unexpected_5xx": 1}


def test_to_whoever_asks_for_a_translation_550_is_the_answer():
    assert findings(answer(550), translates=True) == {}
    assert findings(answer(500), translates=True) == {"unexpected_5xx": 1}


def test_a_grant_is_a_finding_where_it_must_be_refused():
    assert findings(answer(200)) == {"granted": 1}
    assert findings(answer(200), refused=False) == {}


def test_what_was_granted_once_may_not_be_granted_again():
    refused = answer(401)
    assert findings(answer(200) + refused, refused=False, once=True) == {}
    assert findings(answer(200) + answer(200), refused=False, once=True) == {"granted": 1}


def test_silence_is_a_finding_where_an_answer_was_owed():
    assert findings(b"", closed=False) == {"unanswered": 1}
    assert findings(b"", closed=False, patience_s=SHORT_S) == {}
    assert findings(b"", closed=False, hangs_up=True) == {}


def test_a_connection_that_is_closed_without_a_word_is_counted_apart():
    assert findings(b"") == {}
    assert told(b"")["cut_off"] == 1


def test_no_connection_is_a_finding():
    assert findings(None) == {"not_connected": 1}


def test_secrets_in_an_answer_are_a_finding():
    assert findings(answer(400, body=b"a-secret is wrong")) == {"leaked_secret": 1}


def test_answers_are_counted_by_kind_and_in_sum():
    sums = told(answer(404) + answer(404) + answer(400))
    assert sums["statuses"] == {"400": 1, "404": 2}
    assert sums["kinds"] == {"a kind": {"400": 1, "404": 2}}
    assert sums["requests"] == 1


def test_the_first_of_each_finding_is_shown_without_its_headers():
    [sample] = told(answer(200))["samples"]
    assert sample.startswith("granted by a kind: ")
    assert "/path" in sample
    assert "body" in sample
    assert "secret" not in sample


def test_rooms_that_were_opened_are_remembered():
    tally = Tally(Forbidden(secrets=(), paths=()))
    tally.note(attack(opens=("room", "reader"), refused=False), answer(503, b"Retry-After: 1\r\n"))
    assert tally.opened == []
    tally.note(attack(opens=("room", "reader"), refused=False), answer(200))
    assert tally.opened == [("room", "reader")]
