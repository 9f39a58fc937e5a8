"""A backend that talks to a recognition server on loopback, with a clock of its own.

async with talking(slots=3) as stage:
    stage.server.then(asr.status(503))
    assert (await stage.hear()).text == WORDS
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from pipeline import EngineFatal, Kind
from pipeline.errors import EngineError
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import RemoteSettings
from pipeline.request import DecodeRequest
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness, serving

GUARD_S = 30.0
SECOND = np.arange(16_000, dtype=np.int16)
WORDS = "the parrot is dead"
KEY = "sk-hunter2"


class Stage:
    """A backend that runs, the server it talks to, and whom it tells."""

    def __init__(self, server, backend, crew, witness, time):
        self.server, self.backend, self.crew, self.witness, self.time = server, backend, crew, witness, time
        self.running = crew.start(ending(backend.run(witness)))

    async def hear(self, kind=Kind.FINAL, **fields):
        [hypothesis] = await self.backend.decode([asking(kind, **fields)])
        return hypothesis

    async def fails(self, kind=Kind.FINAL, **fields):
        """What `decode` raised."""
        with pytest.raises(EngineError) as raised:
            await self.hear(kind, **fields)
        return raised.value


def asking(kind=Kind.FINAL, *, language="en", pcm=SECOND, **fields):
    return DecodeRequest(kind=kind, language=language, pcm=pcm, **fields)


async def ending(work):
    """How it ended, when it did so by itself: it must not end the crew."""
    try:
        await work
    except EngineFatal as fatal:
        return fatal


@asynccontextmanager
async def talking(usually=None, *, suffix="", models=200, **settings):
    """A server and a backend that is ready, with a clock of its own."""
    async with serving(usually or asr.says(WORDS)) as server, asyncio.timeout(GUARD_S), Crew() as crew:
        server.models = models
        time = Time()
        backend = RemoteBackend(RemoteSettings(url=server.url + suffix, **settings), sleep=time.sleep, clock=time.clock)
        stage = Stage(server, backend, crew, Witness(), time)
        up = crew.start(stage.witness.up.wait())
        await asyncio.wait([up, stage.running], return_when=asyncio.FIRST_COMPLETED)
        yield stage


def segments(*each):
    return {"language": "english", "segments": list(each)}
