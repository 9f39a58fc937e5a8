"""Bodies that must be refused are wrong, each in its own way."""

from __future__ import annotations

import json

import pytest

from soak.bench.hostile_bodies import (
    BODY_LIMIT,
    KINDS,
    LONGEST,
    control_character,
    deep_nesting,
    duplicate_key,
    lone_surrogate,
    long_value,
    malformed_json,
    packed,
    too_large,
    unknown_field,
    wrong_type,
)

from .hostile_aim import body_of, drawn, sent

WANTED = {"roomToken": str, "ncSessionId": str, "enable": bool}
KNOWN = {*WANTED, "langId", "translationTargetLangId"}


def right(text):
    """Is this what an endpoint takes?"""
    try:
        found = json.loads(text.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(type(found.get(name)) is kind for name, kind in WANTED.items())


@pytest.mark.parametrize("kind", [malformed_json, wrong_type, deep_nesting])
def test_what_is_said_to_be_wrong_is_wrong(kind):
    bodies = [body_of(attack) for attack in drawn(kind)]
    wrong = [body for body in bodies if not right(body) or set(json.loads(body)) - KNOWN or others(json.loads(body))]
    assert len(wrong) == len(bodies)
    assert len(set(bodies)) > 20


def others(fields):
    """Of those that may be left out, the ones with a wrong type."""
    return [
        name for name in ("langId", "translationTargetLangId") if name in fields and not isinstance(fields[name], str)
    ]


def test_a_duplicate_is_one_for_whoever_unescapes_the_names():
    for attack in drawn(duplicate_key):
        pairs = json.loads(body_of(attack), object_pairs_hook=list)
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names) - 1


def test_a_control_character_is_in_each():
    for attack in drawn(control_character):
        fields = json.loads(body_of(attack), strict=False)
        assert any(not 32 <= ord(sign) < 127 for value in fields.values() if isinstance(value, str) for sign in value)


def test_half_of_a_pair_is_in_each():
    for attack in drawn(lone_surrogate):
        fields = json.loads(body_of(attack).decode("utf-8", "surrogatepass"))
        assert any(
            0xD800 <= ord(sign) < 0xE000 for value in fields.values() if isinstance(value, str) for sign in value
        )


def test_unknown_fields_come_from_callers_who_are_held_to_the_letter():
    for attack in drawn(unknown_field):
        assert b"\r\nAuthorization: Bearer" in sent(attack)
        body = body_of(attack)
        assert not right(body) or set(json.loads(body)) - KNOWN


def test_a_value_is_too_long_or_says_nothing():
    for attack in drawn(long_value):
        body = body_of(attack)
        fields = json.loads(body) if len(body) < BODY_LIMIT else {}
        assert not fields or any(not fields[name].strip() or len(fields[name]) > LONGEST[name] for name in LONGEST)


def test_each_is_larger_than_the_limit_or_says_so():
    for attack in drawn(too_large, 50):
        assert len(sent(attack)) > BODY_LIMIT


def test_a_bomb_is_small_before_it_is_unpacked():
    assert max(len(body_of(attack)) for attack in drawn(packed, 50)) < BODY_LIMIT


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"too large"}))
def test_all_others_are_within_the_limit(kind):
    assert max(len(body_of(attack)) for attack in drawn(KINDS[kind], 100)) <= BODY_LIMIT
