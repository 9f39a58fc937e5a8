"""Captions are asked for until they are granted, and turned off whatever has become of the service."""

from __future__ import annotations

import asyncio

import pytest

from soak.world import captions as module
from soak.world.captions import FORGOTTEN, LATER, PATH, Captions, Refused


class Service:
    """Answers with these statuses, one after another, and then with the last of them."""

    def __init__(self, *statuses, off=200):
        self._statuses, self._off = list(statuses), off
        self.asked = []

    async def __call__(self, path, body):
        self.asked.append((path, dict(body)))
        if not body["enable"]:
            return self._off, {}
        return (self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]), {}

    @property
    def enabled(self):
        return [body["enable"] for _, body in self.asked]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.0)


async def test_they_are_on_for_the_time_of_the_block_and_asked_for_as_a_chat_server_asks():
    service = Service(200)
    async with Captions(service).on("attic", "ada"):
        body = {"roomToken": "attic", "ncSessionId": "ada", "enable": True, "langId": "en"}
        assert service.asked == [(PATH, body)]
    assert service.asked[1:] == [(PATH, {**body, "enable": False})]


@pytest.mark.parametrize("status", sorted(LATER))
async def test_who_is_put_off_asks_again(status):
    service = Service(status, status, 200)
    captions = Captions(service)
    async with captions.on("attic", "ada"):
        assert service.enabled == [True] * 3
    assert (captions.asked, captions.put_off) == (4, 2)


@pytest.mark.parametrize("statuses", [(400,), (503, 400)])
async def test_a_refusal_is_final_and_has_its_status_and_nothing_is_turned_off(statuses):
    service = Service(*statuses)
    with pytest.raises(Refused, match="not granted: status 400"):
        async with Captions(service).on("attic", "ada"):
            pytest.fail("the room is not captioned")
    assert service.enabled == [True] * len(statuses)


async def test_patience_has_an_end(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with pytest.raises(Refused, match="not granted within"):
        async with Captions(Service(503)).on("attic", "ada"):
            pytest.fail("the room is not captioned")


@pytest.mark.parametrize("status", sorted(FORGOTTEN))
async def test_what_the_service_has_forgotten_need_not_be_turned_off(status):
    async with Captions(Service(200, off=status)).on("attic", "ada"):
        pass


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_that_they_stay_on_is_an_error(status):
    with pytest.raises(Refused, match=f"turned off: status {status}"):
        async with Captions(Service(200, off=status)).on("attic", "ada"):
            pass


async def test_they_are_turned_off_when_the_block_is_broken_off():
    service = Service(200)
    async with asyncio.TaskGroup() as tasks:
        begun = asyncio.Event()

        async def reads():
            async with Captions(service).on("attic", "ada"):
                begun.set()
                await asyncio.Event().wait()

        reading = tasks.create_task(reads())
        await begun.wait()
        reading.cancel()
    assert service.enabled == [True, False]
