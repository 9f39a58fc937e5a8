"""A backend whose children do what was told in advance; with real ones: tests/pipeline/test_local.py."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from pipeline import EngineSettings, EngineState, make_backend
from pipeline.errors import EngineDied
from pipeline.local import MAX_FAILED_LOADS
from tests.pipeline import backend
from tests.pipeline.backend import ask, outcome, until


def running(settings):
    return backend.running(make_backend(settings))


class Life:
    """A child that says what it is told to. An exception is how it dies; None: it says nothing more."""

    pid, end = 1, "(was told to)"

    def __init__(self, *words):
        self._words = list(words)
        self.killed = asyncio.Event()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.killed.set()

    async def receive(self):
        word = self._words.pop(0) if self._words else None
        if isinstance(word, Exception):
            raise word
        if word is None:
            await self.killed.wait()
            raise EngineDied("killed")
        return word

    def kill(self):
        self.killed.set()


READY_NOW = {
    "ready": True,
    "source": "here",
    "languages": ["en"],
    "translations": [],
    "short_inputs": True,
    "warm_up_s": 0.0,
}


async def lived(monkeypatch, *lives, watchdog_s=60.0):
    """The engine after the last of these lives, which must be a good one, has begun."""
    told = iter(lives)
    monkeypatch.setattr("pipeline.local.ChildProcess", lambda *_: next(told))
    settings = EngineSettings(watchdog_s=watchdog_s, restart_first_s=0.001, restart_cap_s=0.001)
    async with running(settings) as (engine, _):
        await until(lambda: engine.state is EngineState.READY and engine.restarts == len(lives) - 1)


async def test_a_model_that_was_had_once_can_be_had_again(monkeypatch):
    """Memory that is not free yet is no reason to be silent for good."""
    died, no_memory = EngineDied("out of memory"), {"fatal": "cannot be loaded: out of memory"}
    await lived(monkeypatch, Life(READY_NOW, died), Life(no_memory), Life(no_memory), Life(READY_NOW))


async def test_but_not_for_ever(monkeypatch):
    gone = {"fatal": "no model"}
    lives = iter([Life(READY_NOW, EngineDied("x")), *(Life(gone) for _ in range(MAX_FAILED_LOADS))])
    monkeypatch.setattr("pipeline.local.ChildProcess", lambda *_: next(lives))
    async with running(EngineSettings(restart_first_s=0.001, restart_cap_s=0.001)) as (engine, _):
        await engine.failed.wait()
    assert engine.failure == "no model"


async def test_a_child_that_hangs_before_it_is_ready_again_is_ended(monkeypatch):
    hanging = Life()
    await lived(monkeypatch, Life(READY_NOW, EngineDied("x")), hanging, Life(READY_NOW), watchdog_s=0.05)
    assert hanging.killed.is_set()


class Decoder(Life):
    """A child that is ready and then decodes once it is let go, if ever."""

    def __init__(self):
        super().__init__(READY_NOW)
        self.asked = []
        self.answers = asyncio.Event()
        self._news = asyncio.Event()

    def let_go(self):
        self.answers.set()
        self._news.set()
        return self

    def kill(self):
        super().kill()
        self._news.set()

    async def send(self, header, _):
        self.asked.append(header["id"])
        self._news.set()

    async def receive(self):
        if self._words:
            return self._words.pop(0)
        while not self.killed.is_set():
            if self.asked and self.answers.is_set():
                return {"id": self.asked.pop(0), "hypotheses": [{"text": "Words", "language": "en", "decode_s": 0.1}]}
            self._news.clear()
            await self._news.wait()
        raise EngineDied("killed")


@asynccontextmanager
async def living(monkeypatch, *lives, watchdog_s):
    told = iter(lives)
    monkeypatch.setattr("pipeline.local.ChildProcess", lambda *_: next(told))
    monkeypatch.setattr("pipeline.local.WARM_UPS", 0.0)
    async with running(EngineSettings(watchdog_s=watchdog_s, restart_first_s=0.001)) as (engine, crew):
        await engine.wait_ready()
        yield engine, crew


async def test_all_finals_that_waited_for_a_child_that_hung_are_decoded_by_the_next_one(monkeypatch):
    hanging, healthy = Decoder(), Decoder().let_go()
    async with living(monkeypatch, hanging, healthy, watchdog_s=0.1) as (engine, crew):
        asked = [crew.start(outcome(ask(engine, speaker=str(number)))) for number in range(8)]
        assert [getattr(await each, "text", None) for each in asked] == ["Words"] * 8
        assert engine.restarts == 1


async def test_a_standstill_of_our_own_is_not_taken_for_a_decode_that_hangs(monkeypatch):
    monkeypatch.setattr("pipeline.standstill.STANDSTILL_S", 0.3)
    child = Decoder()
    async with living(monkeypatch, child, watchdog_s=1.6) as (engine, crew):
        final = crew.start(outcome(ask(engine)))
        await until(lambda: child.asked)
        time.sleep(2.5)  # noqa: ASYNC251 — nobody works meanwhile: that is the fault
        clock = asyncio.get_running_loop().time
        woken = clock()
        await until(lambda: clock() > woken + 0.1)  # the watchdog has looked: it should have long ago
        assert not child.killed.is_set()
        child.let_go()
        assert (await final).text == "Words"


async def test_but_a_decode_that_hangs_before_and_after_it_is_found(monkeypatch):
    monkeypatch.setattr("pipeline.standstill.STANDSTILL_S", 0.3)
    hanging, healthy = Decoder(), Decoder().let_go()
    async with living(monkeypatch, hanging, healthy, watchdog_s=0.5) as (engine, crew):
        final = crew.start(outcome(ask(engine)))
        await until(lambda: hanging.asked)
        time.sleep(1.0)  # noqa: ASYNC251
        assert (await final).text == "Words"
        assert hanging.killed.is_set()


@pytest.mark.parametrize(
    "nonsense", [{"id": 0}, {"id": [1]}, OSError("broken")], ids=["no answer", "no number", "a broken pipe"]
)
async def test_a_child_that_cannot_be_understood_is_ended(monkeypatch, nonsense):
    lives = [Life(READY_NOW, nonsense, EngineDied("x")), Life(READY_NOW)]
    await lived(monkeypatch, *lives)
