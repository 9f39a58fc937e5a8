"""A planted leak keeps what it says, and the product does its work all the same."""

from __future__ import annotations

import asyncio
import gc

import pytest
from prometheus_client import CollectorRegistry

import bot.subscriber
from bot import LOOPBACK, close_connection
from bot.peer import Peer, connections
from bot.speakers import Speakers
from pipeline.finals import Finals
from soak.service import plant
from soak.service.plant import EVERY, KEPT_BYTES, PLANTS
from tests.bot.publishing import Publisher


@pytest.fixture(autouse=True)
def pulled_up(monkeypatch):
    """What a test plants is gone after it."""
    monkeypatch.setattr(plant, "kept", [])
    monkeypatch.setattr(bot.subscriber, "Peer", Peer)
    monkeypatch.setattr(Finals, "close", Finals.close)
    monkeypatch.setattr(Speakers, "_start", Speakers._start)


async def test_every_fifth_peer_connection_is_kept_and_never_closed():
    gc.collect()
    opened, _ = connections()
    PLANTS["peer"]()
    states = []
    peers = [bot.subscriber.Peer(LOOPBACK, (), states.append) for _ in range(2 * EVERY)]
    for peer in peers:
        await peer.close()
    assert plant.kept == [peers[EVERY - 1], peers[2 * EVERY - 1]]
    assert connections()[0] == opened + 2


async def test_a_peer_connection_that_is_kept_is_not_closed_by_the_other_side_either():
    PLANTS["peer"]()
    for _ in range(EVERY):
        peer = bot.subscriber.Peer(LOOPBACK, (), lambda _: None)
    [kept] = plant.kept
    publisher = Publisher()
    await publisher.speaks().connect(peer)
    async with asyncio.timeout(10):
        while kept._connection.connectionState != "connected":  # noqa: ASYNC110 — its event is the product's
            await asyncio.sleep(0.01)
    [microphone] = kept.transceivers
    await close_connection(publisher.connection)
    async with asyncio.timeout(10):
        while microphone.receiver.transport.state != "closed":  # noqa: ASYNC110 — as above
            await asyncio.sleep(0.01)
    assert kept._connection.signalingState != "closed"
    del kept._connection.close
    await close_connection(kept._connection)


def test_a_kilobyte_is_kept_of_each_utterance(monkeypatch):
    closed = []
    monkeypatch.setattr(Finals, "close", lambda self, *utterance: closed.append(utterance))
    PLANTS["utterance"]()
    finals = Finals.__new__(Finals)
    for number in range(3):
        finals.close(number, "heard")
    assert closed == [(0, "heard"), (1, "heard"), (2, "heard")]
    assert [len(each) for each in plant.kept] == [KEPT_BYTES] * 3
    assert len({id(each) for each in plant.kept}) == 3


def test_a_label_has_a_new_value_for_each_speaker(monkeypatch):
    started = []
    monkeypatch.setattr(Speakers, "_start", lambda self, *speaker: started.append(speaker))
    PLANTS["labels"]()
    speakers = Speakers.__new__(Speakers)
    speakers._metrics = type("Metrics", (), {"registry": CollectorRegistry()})()
    for name in ("ada", "bob"):
        speakers._start(name, "tasks")
    assert started == [("ada", "tasks"), ("bob", "tasks")]
    registry = speakers._metrics.registry
    assert [registry.get_sample_value("roomscribe_planted_total", {"number": each}) for each in "123"] == [1, 1, None]
