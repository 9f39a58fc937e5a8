"""With a recognition server and a model on this machine, it is the model that translates."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pipeline import EngineFatal, Kind
from pipeline.errors import DecodeFailed, ServerAway
from pipeline.fallback import FallbackBackend
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import RemoteSettings
from pipeline.request import DecodeRequest
from soak.crew import Crew
from tests.pipeline import asr_server as asr
from tests.pipeline.asr_server import Time, Witness, serving
from tests.pipeline.backend import GUARD_S, FakeBackend, until

SECOND = np.arange(16_000, dtype=np.int16)
FAR = "said far away"


async def hear(backend, *, translate):
    request = DecodeRequest(kind=Kind.FINAL, language="de", pcm=SECOND, translate=translate)
    [hypothesis] = await backend.decode([request])
    return hypothesis.text


@pytest.fixture
async def both():
    """A server that is there, a model that translates, and who is told of them."""
    model, witness, time = FakeBackend(), Witness(), Time()
    model.translations = ("en",)
    async with serving(asr.says(FAR)) as far, asyncio.timeout(GUARD_S), Crew() as crew:
        remote = RemoteBackend(RemoteSettings(url=far.url), sleep=time.sleep, clock=time.clock)
        backend = FallbackBackend(remote, model)
        crew.start(backend.run(witness))
        await until(lambda: remote._up and witness.up.is_set())
        yield backend, model, witness


async def test_the_model_translates_though_the_server_is_there(both):
    backend, model, witness = both
    assert witness.translations == ("en",)
    assert await hear(backend, translate=False) == FAR
    assert await hear(backend, translate=True) == "Word 1"
    assert len(model.batches) == 1


async def test_while_the_model_is_away_nobody_translates(both):
    backend, model, _ = both
    model.lose()
    with pytest.raises(ServerAway):
        await hear(backend, translate=True)
    assert await hear(backend, translate=False) == FAR


async def test_who_wants_one_too_many_waits_for_no_turn_and_holds_up_nobody(both):
    """Whoever asks the backend is one of the engine's few workers."""
    backend, model, _ = both
    model.hold()
    async with Crew() as crew:
        translations = [crew.start(hear(backend, translate=True)) for _ in range(model.slots)]
        await until(lambda: model.decoding == model.slots)
        with pytest.raises(DecodeFailed):
            await hear(backend, translate=True)
        assert await hear(backend, translate=False) == FAR
        model.let_go()
        assert sorted([await each for each in translations]) == ["Word 2", "Word 2"]


async def test_a_model_that_can_never_come_back_translates_nothing_any_more():
    class Dying(FakeBackend):
        async def run(self, keeper):
            self._keeper = keeper
            self.come()
            await over.wait()
            raise EngineFatal("no model")

    over, witness, time, model = asyncio.Event(), Witness(), Time(), Dying()
    model.languages, model.translations = ("en",), ("en",)
    async with serving(asr.says(FAR)) as far, asyncio.timeout(GUARD_S), Crew() as crew:
        remote = RemoteBackend(RemoteSettings(url=far.url), sleep=time.sleep, clock=time.clock)
        crew.start(FallbackBackend(remote, model).run(witness))
        await until(lambda: remote._up and witness.up.is_set())
        assert (witness.languages, witness.translations) == (("en",), ("en",))
        over.set()
        await until(lambda: not witness.translations)
        assert "de" in witness.languages  # the server's
        assert witness.told == ["ready", "ready"]
