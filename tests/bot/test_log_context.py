"""Each line says of what room, speaker and request it is, without saying who they are."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import get_contextvars

from bot import RoomFailed, log_context
from bot.log_context import about_nothing, about_request, about_room, about_speaker, room_id, set_key, text_of, told


@pytest.fixture(autouse=True)
def own_context(monkeypatch):
    monkeypatch.setattr(log_context._Key, "value", b"the key of this test")
    about_nothing()
    yield
    about_nothing()


@given(token=st.text())
def test_any_token_has_an_id_of_twelve_hex_digits_that_stays_the_same(token):
    assert room_id(token) == room_id(token)
    assert len(room_id(token)) == 12
    assert set(room_id(token)) <= set("0123456789abcdef")


def test_two_tokens_have_two_ids():
    assert room_id("abc123") != room_id("abc124")


def test_a_token_cannot_be_found_by_trying_without_the_key():
    before = room_id("abc123")
    set_key(b"another secret")
    assert room_id("abc123") != before


def test_with_the_same_secret_a_room_keeps_its_id_across_restarts():
    set_key(b"the internal secret")
    before = room_id("abc123")
    set_key(b"something else")
    set_key(b"the internal secret")
    assert room_id("abc123") == before


def test_a_secret_of_any_length_will_do():
    set_key(b"")
    set_key(b"x" * 10_000)


async def test_tasks_inherit_what_their_line_is_about_and_rooms_do_not_mix():
    seen = {}

    async def speaker(name, key):
        about_speaker(key)
        await asyncio.sleep(0)
        seen[name] = get_contextvars()

    async def room(token, key):
        about_room(token)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(speaker(token, key))
        seen[f"{token} itself"] = get_contextvars()

    about_request("r-1")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(room("one", "1.1"))
        tasks.create_task(room("two", "2.1"))

    assert seen["one"] == {"request": "r-1", "room": room_id("one"), "speaker": "1.1"}
    assert seen["two"] == {"request": "r-1", "room": room_id("two"), "speaker": "2.1"}
    assert seen["one itself"] == {"request": "r-1", "room": room_id("one")}
    assert get_contextvars() == {"request": "r-1"}


def test_a_request_is_about_nothing_of_the_one_before():
    about_request("r-1")
    about_room("one")
    about_request("r-2")
    assert get_contextvars() == {"request": "r-2"}


def test_an_error_of_ours_says_what_happened_and_no_id():
    error = RoomFailed("it broke", room="token-7", speaker="session-9")
    assert text_of(error) == "it broke"
    assert told(error) == "RoomFailed: it broke"


@pytest.mark.parametrize("error", [ValueError("198.51.100.7"), OSError(111, "refused", "/path"), RoomFailed("")])
def test_of_anything_else_only_the_type_is_told(error):
    assert text_of(error) == told(error) == type(error).__name__
