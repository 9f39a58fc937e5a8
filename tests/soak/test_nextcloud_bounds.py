"""The stand-in for the chat server in a run of days: what it knows of those who have left does not grow for ever."""

from __future__ import annotations

import contextlib

import pytest

from soak.stack import nextcloud
from soak.stack.nextcloud import Nextcloud, NotTold

MOST = 5


@pytest.fixture
def chat(monkeypatch):
    """It is not running: nobody hears what it tells."""
    monkeypatch.setattr(nextcloud, "MAX_TICKETS", MOST)
    monkeypatch.setattr(nextcloud, "MAX_ROOMS", MOST)
    return Nextcloud(port=1, hpb_url="http://127.0.0.1:1", secret="shared")


def test_the_oldest_tickets_make_room(chat):
    tickets = [chat.issue_ticket(user_id=f"user{number}", display_name="Ada") for number in range(3 * MOST)]
    assert list(chat._tickets) == tickets[-MOST:]


async def test_so_do_the_oldest_rooms(chat):
    for number in range(3 * MOST):
        with contextlib.suppress(NotTold):
            await chat.set_in_call(f"room{number}", nextcloud_session_id="ada", flags=1)
        chat._room({"roomid": f"room{number}", "action": "join", "sessionid": "ada"})
    newest = [f"room{number}" for number in range(2 * MOST, 3 * MOST)]
    assert (list(chat._rooms), list(chat.joins)) == (newest, newest)
