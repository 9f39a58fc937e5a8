"""A bare connection keeps what came in, however it ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from soak.bench.hostile_connection import LOOPBACK, connect, exchange
from soak.service.process import free_port

GUARD_S = 10.0


@asynccontextmanager
async def server(answer):
    """Calls `answer` with reader and writer of each connection, and then closes it."""

    async def serve(reader, writer):
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, LOOPBACK, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_an_exchange_is_what_was_answered():
    async def answer(reader, writer):
        writer.write((await reader.read(100)).upper())

    async with server(answer) as port:
        assert await exchange(port, b"hello", GUARD_S) == b"HELLO"


async def test_what_came_before_the_connection_broke_is_kept():
    async def answer(reader, writer):
        writer.write(b"too much")
        await writer.drain()
        await reader.read(100)
        writer.transport.abort()

    async with server(answer) as port:
        connection = await connect(port)
        connection.write(b"x" * 1_000_000)
        assert await connection.ended(GUARD_S)
        assert connection.received == b"too much"
        await connection.close()


async def test_whoever_does_not_answer_is_not_waited_for_for_ever():
    done = asyncio.Event()

    async def answer(reader, writer):
        await done.wait()

    async with server(answer) as port:
        connection = await connect(port)
        assert not await connection.ended(0.05)
        await connection.close()
        done.set()


@pytest.mark.parametrize(("reset", "seen"), [(False, b""), (True, ConnectionResetError)])
async def test_a_reset_is_seen_as_one(reset, seen):
    result = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        try:
            result.set_result(await reader.read(100))
        except ConnectionResetError as error:
            result.set_result(type(error))

    async with server(answer) as port:
        connection = await connect(port)
        await connection.close(reset=reset)
        assert await asyncio.wait_for(result, GUARD_S) == seen


async def test_where_nobody_listens_there_is_no_connection():
    with pytest.raises(OSError):
        await connect(free_port())
