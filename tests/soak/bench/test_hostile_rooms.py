"""Rooms without number can be opened, and given back; what there is not is nowhere to be had."""

from __future__ import annotations

import json

import pytest

from soak.bench.hostile_rooms import (
    another_reader,
    another_room,
    strange_token,
    taken_back,
    traversal,
    unknown_method,
    unknown_path,
)

from .hostile_aim import body_of, drawing, drawn


@pytest.mark.parametrize("kind", [another_room, strange_token, another_reader])
def test_what_opens_a_room_says_which_and_for_whom(kind):
    for attack in drawn(kind):
        fields = json.loads(body_of(attack))
        assert attack.opens == (fields["roomToken"], fields["ncSessionId"])
        assert fields["enable"] is True
        assert not attack.refused


def test_tokens_and_sessions_are_no_longer_than_they_may_be():
    for attack in drawn(another_room) + drawn(strange_token) + drawn(another_reader):
        token, session = attack.opens
        assert 0 < len(token) <= 255
        assert 0 < len(session) <= 1024


def test_each_room_is_another_one():
    tokens = [attack.opens[0] for attack in drawn(another_room)]
    assert len(set(tokens)) > 0.98 * len(tokens)


def test_what_was_opened_can_be_given_back():
    body = taken_back(drawing(), "a-room", "a-reader").partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {"roomToken": "a-room", "ncSessionId": "a-reader", "enable": False}


@pytest.mark.parametrize("kind", [unknown_path, traversal, unknown_method])
def test_nothing_of_these_may_be_granted(kind):
    assert all(attack.refused for attack in drawn(kind))
