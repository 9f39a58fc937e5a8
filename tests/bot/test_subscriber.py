"""The shell around `Subscription`, alone: what it makes of time in which nobody here could listen."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from bot import LOOPBACK
from bot.metrics import Metrics
from bot.subscriber import Subscriber
from bot.subscription import State, SubscriptionSettings
from signaling import Offer, SendAnswer
from soak.crew import Crew

STANDSTILL_S, UNREAD_S, STALL_S = 0.3, 0.3, 0.5
PATIENCE_S = 5.0


class Connection:
    """Stands in for a peer connection that is up at once."""

    tapped, track, selected, problem = True, None, "host", ""

    def __init__(self, addresses, ice_servers, on_state, **_):
        self.on_state = on_state

    async def answer(self, sdp):
        return "answer"

    async def close(self):
        pass


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr("bot.subscriber.Peer", Connection)
    monkeypatch.setattr("bot.subscriber.STANDSTILL_S", STANDSTILL_S)
    monkeypatch.setattr("bot.subscriber.UNREAD_S", UNREAD_S)


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 — a state has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def live():
    """A subscription that has just heard something, and the receiver that notes it."""
    answered = asyncio.Event()

    async def send(message):
        if isinstance(message, SendAnswer):
            answered.set()
        return True

    async def servers():
        return ()

    receiver = SimpleNamespace(heard_at=None)
    subscriber = Subscriber(
        publisher="ada",
        send=send,
        feed=lambda frame: None,
        track_ended=lambda: None,
        addresses=LOOPBACK,
        settings=SubscriptionSettings(stall_s=STALL_S),
        ice_servers=SimpleNamespace(servers=servers),
        metrics=Metrics(),
        tap=SimpleNamespace(receiver=receiver),
    )
    async with Crew() as crew:
        crew.start(subscriber.run())
        subscriber.post(Offer(sender="ada", sid="1", sdp="offer"))
        await answered.wait()
        receiver.heard_at = asyncio.get_running_loop().time()
        subscriber.peer.on_state("connected")
        await until(lambda: subscriber.state is State.LIVE)
        yield subscriber, receiver


async def test_after_a_standstill_what_the_sockets_hold_is_read_before_a_connection_is_given_up():
    async with live() as (subscriber, receiver):
        peer = subscriber.peer
        time.sleep(STALL_S + 2 * STANDSTILL_S)  # noqa: ASYNC251 — nobody works meanwhile: that is the fault
        woken = asyncio.get_running_loop().time()
        await asyncio.sleep(UNREAD_S / 2)
        assert subscriber.peer is peer
        receiver.heard_at = asyncio.get_running_loop().time()  # now it was read
        await until(lambda: asyncio.get_running_loop().time() > woken + UNREAD_S + STALL_S / 4)
        assert subscriber.peer is peer
        assert subscriber.hears


async def test_if_they_hold_nothing_it_is():
    async with live() as (subscriber, _):
        time.sleep(STALL_S + 2 * STANDSTILL_S)  # noqa: ASYNC251
        await until(lambda: subscriber.peer is None)
        assert subscriber.state is State.WAITING


async def test_without_a_standstill_a_silent_connection_is_given_up_in_time():
    async with live() as (subscriber, receiver):
        await until(lambda: subscriber.peer is None)
        assert asyncio.get_running_loop().time() - receiver.heard_at < STALL_S + UNREAD_S
