"""Request bodies: what Talk sends is taken; anything else is refused with the field's name, and what came."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.bodies import MAX_FIELDS, MAX_PROBLEMS, InvalidBody, Problem, check, parse
from api.http.schemas import EnabledQuery, TranscribeRequest

TALK = {"roomToken": "abc123", "ncSessionId": "nc-1", "enable": True}


def refused(body):
    with pytest.raises(InvalidBody) as raised:
        parse(TranscribeRequest, body if isinstance(body, bytes) else json.dumps(body).encode())
    return [(problem.field, problem.kind) for problem in raised.value.problems]


def test_what_talk_sends_is_taken_with_its_defaults():
    request = parse(TranscribeRequest, json.dumps({"roomToken": "abc123", "ncSessionId": "nc-1"}).encode())

    assert (request.room_token, request.nc_session_id, request.enable) == ("abc123", "nc-1", True)
    assert (request.lang_id, request.translation_target) == ("", None)


def test_null_means_no_translation():
    assert (
        parse(TranscribeRequest, json.dumps({**TALK, "translationTargetLangId": None}).encode()).translation_target
        is None
    )


@pytest.mark.parametrize("field", ["roomToken", "ncSessionId"])
def test_a_missing_field_is_named(field):
    assert refused({name: value for name, value in TALK.items() if name != field}) == [(field, "missing")]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("roomToken", 5, "type"),
        ("roomToken", "", "value"),
        ("roomToken", "x" * 256, "value"),
        ("roomToken", None, "type"),
        ("ncSessionId", ["nc"], "type"),
        ("enable", "yes", "type"),
        ("enable", 1, "type"),
        ("enable", None, "type"),
        ("langId", {}, "type"),
        ("langId", None, "type"),
        ("translationTargetLangId", 1, "type"),
    ],
)
def test_a_wrong_field_is_named(field, value, kind):
    assert refused({**TALK, field: value}) == [(field, kind)]


def test_all_problems_are_told_at_once():
    assert refused({"enable": "yes"}) == [("roomToken", "missing"), ("ncSessionId", "missing"), ("enable", "type")]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_not_json_is_said_to_be_so(body):
    assert refused(body) == [("", "json")]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"3"])
def test_what_is_not_an_object_is_said_to_be_so(body):
    assert refused(body) == [("", "type")]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(JSON)
def test_no_json_does_anything_but_pass_or_be_refused(value):
    with contextlib.suppress(InvalidBody):
        assert parse(TranscribeRequest, json.dumps(value).encode()).room_token


@pytest.mark.parametrize("token", ["a\x00", "a\nb", "\x7f", "\x9b", "   ", "\u00a0"])
def test_a_token_that_no_terminal_could_show_is_refused(token):
    assert refused({**TALK, "roomToken": token}) == [("roomToken", "value")]


def test_half_of_a_surrogate_pair_is_no_text():
    assert refused(b'{"roomToken": "\\ud800", "ncSessionId": "nc"}') == [("roomToken", "value")]


@pytest.mark.parametrize("token", ["a b", "ünïcödé", "日本", "a\u2028b", "😀", "x" * 255])
def test_any_other_text_is_a_token(token):
    assert parse(TranscribeRequest, json.dumps({**TALK, "roomToken": token}).encode()).room_token == token


def test_a_field_that_is_there_twice_is_named():
    assert refused(b'{"roomToken": "a", "roomToken": "b", "ncSessionId": "c"}') == [("roomToken", "json")]
    assert refused(b'{"roomToken": {"x": 1, "x": 2}}') == [("x", "json")]


def test_an_unknown_field_is_named_with_the_one_that_was_meant():
    with pytest.raises(InvalidBody, match="langid: is not known: did you mean langId"):
        parse(TranscribeRequest, json.dumps({**TALK, "langid": "de"}).encode())
    with pytest.raises(InvalidBody, match="colour: is not known: known are roomToken, ncSessionId"):
        parse(TranscribeRequest, json.dumps({**TALK, "colour": "red"}).encode())


def test_for_those_who_may_be_newer_than_we_an_unknown_field_is_passed_over():
    body = json.dumps({**TALK, "colour": {"deep": ["er"]}}).encode()

    assert parse(TranscribeRequest, body, lenient=True).room_token == "abc123"


def test_what_came_is_not_told_back():
    with pytest.raises(InvalidBody) as raised:
        parse(
            TranscribeRequest, json.dumps({"roomToken": ["hush"], "ncSessionId": "hush\n", "enable": "hush"}).encode()
        )

    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_however_many_fields_are_wrong_the_answer_stays_short():
    with pytest.raises(InvalidBody) as raised:
        parse(TranscribeRequest, json.dumps({f"{n}{'x' * 100}\x1b[31m": n for n in range(MAX_FIELDS)}).encode())

    assert len(raised.value.problems) == MAX_PROBLEMS
    assert len(str(raised.value)) < 5000
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("pairs", ['"{n}": 0', '"same": 0'])
def test_thousands_of_fields_are_not_even_looked_at(pairs):
    body = "{" + ",".join(pairs.replace("{n}", str(n)) for n in range(MAX_FIELDS + 1)) + "}"

    assert refused(body.encode()) == [("", "json")]


def test_a_query_is_checked_alike():
    assert check(EnabledQuery, {"enabled": "1"}, place="query").enabled == 1
    with pytest.raises(InvalidBody) as raised:
        check(EnabledQuery, {"enabled": "2"}, place="query")
    assert raised.value.problems == [
        Problem(field="enabled", message="expected a number of at most 1", kind="value", place="query")
    ]


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_pass_or_be_refused(body):
    with contextlib.suppress(InvalidBody):
        parse(TranscribeRequest, body)
