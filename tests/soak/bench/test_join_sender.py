"""Publishers come, speak and go as they are told."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from soak.bench.join_sender import BEFORE, Publisher, first_word, publish
from soak.bench.media_receiver import Options
from soak.bench.media_stock import Stock
from soak.bench.voices import SPEAKS, Voice
from soak.crew import Crew

GUARD_S = 30.0
VOICE = Voice((b"\xf8\xff\xfe",) * 20, bytes([127] * 10 + [SPEAKS | 20] * 10))


@asynccontextmanager
async def a_publisher(capsys):
    """One that came, and what it says."""
    said = []

    async def says(name):
        async with asyncio.timeout(GUARD_S):
            while not any(name in each for each in said):
                said.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
                await asyncio.sleep(0.01)
        return next(each[name] for each in said if name in each)

    async with Crew() as crew:
        publisher = Publisher(7)
        crew.start(publish(publisher, VOICE))
        yield publisher, says
        publisher.leaving.set()
        await says("left")


def test_a_voice_begins_with_its_first_word_and_a_little_before():
    assert first_word(VOICE) == 10 - BEFORE


def test_a_voice_that_begins_at_once_or_never_speaks_begins_at_its_begin():
    assert first_word(Voice((b"",) * 2, bytes([SPEAKS, SPEAKS]))) == 0
    assert first_word(Voice((b"",) * 2, bytes([127, 127]))) == 0


async def test_it_speaks_until_it_is_told_to_leave(capsys):
    async with Crew() as crew, a_publisher(capsys) as (publisher, says):
        receiver = Stock(crew, Options(speakers=1, seconds=1))
        publisher.answer.set_result(await receiver.answer(await says("offer")))
        async with asyncio.timeout(GUARD_S):
            while receiver.packets() < 10:  # noqa: ASYNC110 — a count has no event
                await asyncio.sleep(0.02)

        publisher.leaving.set()

        await says("left")
        assert not publisher.up
        await receiver.close()


async def test_it_leaves_although_it_was_never_answered(capsys):
    async with a_publisher(capsys) as (publisher, says):
        await says("offer")
        publisher.leaving.set()
        assert await says("left")


async def test_it_leaves_although_the_other_side_went_in_the_middle_of_the_handshake(capsys):
    async with Crew() as crew, a_publisher(capsys) as (publisher, says):
        receiver = Stock(crew, Options(speakers=1, seconds=1))
        answer = await receiver.answer(await says("offer"))
        await receiver.close()
        publisher.answer.set_result(answer)
        await asyncio.sleep(0)
        publisher.leaving.set()
        assert await says("left")
