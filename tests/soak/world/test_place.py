"""The embedded place as the service and its people find it. The real one is that of tests/realstack."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from bot import LOOPBACK
from signaling.messages import IN_CALL
from soak.participant import http_session
from soak.service.process import free_port
from soak.world.person import present
from soak.world.place import PortTaken, embedded_place

GUARD_S = 20.0


@pytest.fixture
async def http():
    async with http_session() as session:
        yield session


async def status(http, url):
    async with http.get(url) as answer:
        return answer.status


async def test_the_service_reaches_the_server_through_a_wire_of_its_own_and_people_without_it(http):
    port = free_port()
    async with embedded_place(port=port) as place, asyncio.timeout(GUARD_S):
        assert place.people_url.startswith(f"ws://127.0.0.1:{port}/")
        assert place.wire.url != f"http://127.0.0.1:{port}"
        assert await status(http, f"{place.wire.url}/nowhere") == 404
        async with present(place, http, room="attic", name="ada"):
            assert place.wire.connections == 1, "that of the question"
        assert place.addresses == LOOPBACK
        assert place.stack is None


async def test_what_else_a_chat_server_is_asked_is_not_found(http):
    async with embedded_place(port=free_port()) as place:
        assert await status(http, f"{place.backend}/ocs/v2.php/anything") == 404


async def test_a_wire_that_is_cut_resets_the_service_and_leaves_people_alone(http):
    async with embedded_place(port=free_port()) as place, asyncio.timeout(GUARD_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.wire.port)
        while not place.wire.connections:  # noqa: ASYNC110 — the relay's is no event of ours
            await asyncio.sleep(0.01)
        writer.write(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"404" in await reader.readline()
        async with present(place, http, room="attic", name="ada") as ada:
            place.wire.cut()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert ada.participant.entered.is_set()
        writer.close()


async def test_each_place_has_a_secret_of_its_own_unless_it_is_told_one():
    async with embedded_place(port=free_port()) as one, embedded_place(port=free_port()) as other:
        assert len({one.secret, other.secret}) == 2
    async with embedded_place(port=free_port(), secret="hunter2") as told:
        assert told.secret == "hunter2"


async def test_a_service_that_was_told_beforehand_finds_both_servers_at_one_port(http):
    at = free_port()
    async with embedded_place(port=free_port(), wire_port=at) as place:
        assert place.wire.url == place.backend == f"http://127.0.0.1:{at}"
        assert await status(http, f"{place.backend}/nowhere") == 404


async def test_a_port_that_somebody_else_has_is_named():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        at = busy.getsockname()[1]
        with pytest.raises(PortTaken, match=str(at)):
            async with embedded_place(port=free_port(), wire_port=at):
                pytest.fail("nobody would find it")


async def test_tickets_of_two_people_of_the_same_name_are_two_people_s(http):
    async with (
        asyncio.timeout(GUARD_S),
        embedded_place(port=free_port()) as place,
        present(place, http, room="attic", name="ada") as one,
        present(place, http, room="attic", name="ada") as other,
    ):
        assert one.participant.session_id != other.participant.session_id
        await place.set_in_call("attic", one.nextcloud_session_id, IN_CALL)


async def test_when_it_is_closed_nobody_listens_any_more(http):
    async with embedded_place(port=free_port()) as place:
        pass
    with pytest.raises(aiohttp.ClientConnectionError):
        await status(http, place.wire.url)
