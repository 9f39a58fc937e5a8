"""Request bodies: what Talk sends is taken; anything else is refused with the field's name."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schemas import InvalidBody, TranscribeRequest, parse_transcribe

TALK = {"roomToken": "abc123", "ncSessionId": "nc-1", "enable": True}


def refused(body):
    with pytest.raises(InvalidBody) as raised:
        parse_transcribe(body if isinstance(body, bytes) else json.dumps(body).encode())
    return [(problem.field, problem.kind) for problem in raised.value.problems]


def test_what_talk_sends_is_taken_with_its_defaults():
    request = parse_transcribe(json.dumps({"roomToken": "abc123", "ncSessionId": "nc-1"}).encode())

    assert request == TranscribeRequest(
        room_token="abc123", nc_session_id="nc-1", enable=True, lang_id="en", translation_target=None
    )


def test_null_means_no_translation():
    assert parse_transcribe(json.dumps({**TALK, "translationTargetLangId": None}).encode()).translation_target is None


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


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
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
        assert parse_transcribe(json.dumps(value).encode()).room_token
