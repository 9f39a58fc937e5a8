"""Answers are read without trust: whatever came, something is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.bench.hostile_answers import MOST_ANSWERS, Forbidden, answers

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = Forbidden(secrets=(b"a-secret",), paths=(b"/a/place",))


def statuses(received, **more):
    return [answer.status for answer in answers(received, **more)]


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", []),
        (OK, [200]),
        (OK + REFUSED + OK, [200, 404, 200]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, [200]),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + OK, [204, 200]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + REFUSED, [200, 404]),
        (b"HTTP/1.0 400 Bad\r\n\r\nto the end of the connection", [400]),
        (b"HTTP/0.9 404 Not Found\r\nContent-Length: 0\r\n\r\n", [404]),
        (b"<html>", [0]),
        (OK + b"garbage", [200, 0]),
        (b"HTTP/1.1 200 OK\r\nnever ends", [0]),
    ],
)
def test_answers_are_told_apart(received, expected):
    assert statuses(received) == expected


def test_an_answer_to_head_has_no_body_whatever_its_length_says():
    received = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    assert statuses(received + received, bodiless=True) == [200, 200]


def test_an_answer_has_its_body():
    assert answers(OK + OK)[1].body == b"{}"


@given(st.binary(max_size=300))
def test_any_bytes_are_read(received):
    assert len(answers(received)) <= MOST_ANSWERS


@given(st.lists(st.sampled_from([OK, REFUSED]), max_size=20), st.integers(0, 5))
def test_an_answer_that_is_cut_short_hides_none_before_it(several, cut):
    whole = statuses(b"".join(several))
    assert statuses(b"".join([*several, OK[:cut]]))[: len(whole)] == whole


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b'{"error": "no"}', ()),
        (b"Traceback (most recent call last):", ("traceback",)),
        (b'  File "/a/place/app.py", line 3, in f', ("traceback", "path")),
        (b"root:x:0:0:root", ("file",)),
        (b"the secret is a-secret", ("secret",)),
    ],
)
def test_what_must_not_be_told_is_found(text, names):
    assert FORBIDDEN.found(OK + text) == names
