"""Real datagrams on the loopback."""

import asyncio
import socket

import pytest

from bot import sweep
from bot.sweep import AT_ONCE, DATAGRAMS_A_TURN, MOST_DRAINED, Sweeper

PATIENCE_S = 5.0


class Desk:
    """A socket that is watched, what it was given, and somebody who sends to it."""

    def __init__(self, sweeper):
        self.sweeper = sweeper
        self.got, self.errors = [], []
        self._news = asyncio.Event()
        self.sock, self.sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self.sock, self.sender):
            each.setblocking(False)
            each.bind(("127.0.0.1", 0))
        sweeper.watch(self.sock, self._datagram, self._error)

    def _datagram(self, length, address, now):
        self.got.append((bytes(self.sweeper.buffer[:length]), address))
        self._news.set()

    def _error(self, error):
        self.errors.append(error)
        self._news.set()

    def send(self, *datagrams):
        for each in datagrams:
            self.sender.sendto(each, self.sock.getsockname())

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def close(self):
        self.sweeper.unwatch(self.sock)
        self.sock.close()
        self.sender.close()


@pytest.fixture
async def sweeper():
    sweeper = Sweeper()
    yield sweeper
    sweeper.close()


@pytest.fixture
async def desks(sweeper):
    desks = [Desk(sweeper) for _ in range(3)]
    yield desks
    for desk in desks:
        desk.close()


async def test_what_comes_in_is_handed_over_in_order_and_with_its_sender(desks):
    desk, *others = desks

    desk.send(b"one", b"two", b"three")
    await desk.until(lambda: len(desk.got) == 3)

    assert desk.got == [(each, desk.sender.getsockname()) for each in (b"one", b"two", b"three")]
    assert not any(other.got for other in others)


async def test_it_goes_on_after_each_sweep(desks):
    for number in range(3):
        for desk in desks:
            desk.send(bytes([number]))
        for desk in desks:
            await desk.until(lambda desk=desk, number=number: len(desk.got) == number + 1)


async def test_a_flood_at_one_socket_does_not_keep_the_others_waiting(desks):
    flooded, quiet, _ = desks
    flooded.send(*[b"flood"] * 200)
    quiet.send(b"a word")
    read_before = []
    quiet.sweeper.unwatch(quiet.sock)
    quiet.sweeper.watch(quiet.sock, lambda *_: read_before.append(len(flooded.got)), quiet._error)

    await flooded.until(lambda: len(flooded.got) == 200)

    assert read_before[0] <= DATAGRAMS_A_TURN


async def test_everything_of_a_flood_is_read(desks):
    desks[0].send(*[b"flood"] * 200)
    await desks[0].until(lambda: len(desks[0].got) == 200)


async def test_a_socket_that_is_not_watched_any_more_is_left_alone(desks):
    left, other, _ = desks
    left.send(b"too late")
    left.sweeper.unwatch(left.sock)
    other.send(b"in time")

    await other.until(lambda: other.got)

    assert not left.got
    assert left.sock.recv(100) == b"too late"
    left.sweeper.unwatch(left.sock)  # a second time is fine


async def test_a_handler_may_unwatch_another_socket_in_the_middle_of_a_sweep(sweeper, desks):
    first, second, _ = desks
    seen = []

    def either(one):
        def got(length, address, now):
            seen.append(one)
            for each in (first, second):
                sweeper.unwatch(each.sock)

        return got

    for each in (first, second):
        sweeper.unwatch(each.sock)
        sweeper.watch(each.sock, either(each), lambda error: None)
        each.send(b"?")
    desks[2].send(b"done")
    await desks[2].until(lambda: desks[2].got)

    assert len(seen) == 1


async def test_a_port_that_is_closed_at_the_other_side_is_told_as_an_error(desks):
    desk = desks[0]
    desk.sock.connect(desk.sender.getsockname())
    desk.sender.close()

    desk.sock.send(b"is anybody there?")
    await desk.until(lambda: desk.errors)

    assert isinstance(desk.errors[0], ConnectionRefusedError)


async def test_a_handler_that_fails_costs_one_datagram_and_nobody_elses(sweeper, desks):
    first, second, _ = desks
    told, fails = [], []

    def take(length, address, now):
        if not fails:
            fails.append(length)
            raise RuntimeError("it broke")
        first._datagram(length, address, now)

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    sweeper.unwatch(first.sock)
    sweeper.watch(first.sock, take, first._error)
    first.send(b"one", b"two")
    second.send(b"three")
    await first.until(lambda: first.got)
    await second.until(lambda: second.got)

    assert [data for data, _ in first.got] == [b"two"]
    assert "it broke" in str(told[0])


async def test_while_nothing_comes_the_loop_sleeps(desks):
    assert desks[0].sweeper._timer is None


async def test_it_knows_up_to_when_everything_was_read(sweeper, desks):
    loop = asyncio.get_running_loop()
    assert sweeper.read_until() == pytest.approx(loop.time(), abs=0.01)

    desks[0].send(b"lies there")
    while sweeper._timer is None:  # noqa: ASYNC110 — nothing tells of it
        await asyncio.sleep(0)
    came = loop.time()
    assert sweeper.read_until() <= came

    await desks[0].until(lambda: desks[0].got)
    assert sweeper.read_until() > came


async def test_it_knows_how_many_it_watches(sweeper, desks):
    assert len(sweeper) == 3


async def test_what_lies_in_a_socket_can_be_read_before_its_turn(desks, sweeper):
    desk, other = desks[:2]
    desk.send(*(b"%d" % number for number in range(50)))
    other.send(b"later")

    sweeper.drain(desk.sock)

    assert [datagram for datagram, _ in desk.got] == [b"%d" % number for number in range(50)]
    assert other.got == []


async def test_there_is_a_bound_to_what_is_read_at_once(desks, sweeper):
    desk = desks[0]
    desk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)  # as far as the system allows
    desk.send(*(b"x" for _ in range(MOST_DRAINED + 50)))
    sweeper.drain(desk.sock)

    assert len(desk.got) == MOST_DRAINED


class Full:
    """Has room for so many more."""

    def __init__(self, desk, room):
        self.desk, self.room = desk, room
        desk.sweeper.unwatch(desk.sock)
        desk.sweeper.watch(desk.sock, self._datagram, desk._error, lambda: self.room > 0)

    def _datagram(self, length, address, now):
        self.room -= 1
        self.desk._datagram(length, address, now)


async def test_what_there_is_no_room_for_stays_in_the_socket_until_there_is(desks, sweeper):
    desk, other = desks[:2]
    full = Full(desk, room=DATAGRAMS_A_TURN)
    words = [b"%d" % number for number in range(4 * DATAGRAMS_A_TURN)]
    desk.send(*words)
    await desk.until(lambda: desk.got)
    for number in range(3):  # many times, nobody has room, and others are read
        other.send(b"word")
        await other.until(lambda number=number: len(other.got) == number + 1)
    assert len(desk.got) == DATAGRAMS_A_TURN

    full.room = len(words)
    await desk.until(lambda: len(desk.got) == len(words))
    assert [datagram for datagram, _ in desk.got] == words


async def test_what_is_left_in_the_socket_of_one_holds_up_nobody_else(desks, sweeper):
    desk, other = desks[:2]
    Full(desk, room=0)
    desk.send(b"lies there")
    other.send(b"read")
    await other.until(lambda: other.got)
    came = asyncio.get_running_loop().time()
    while sweeper.read_until() < came:  # noqa: ASYNC110 — nothing tells of it
        await asyncio.sleep(0.01)
    assert not desk.got


async def test_what_was_left_for_too_long_is_read_room_or_no_room(desks, monkeypatch):
    monkeypatch.setattr(sweep, "LONGEST_LEFT_S", 2 * sweep.SWEEP_S)
    Full(desks[0], room=0)
    desks[0].send(b"one")
    await desks[0].until(lambda: desks[0].got)


async def test_with_more_full_ones_than_are_told_of_at_once_the_others_are_read_all_the_same(desks, sweeper):
    crowd = [Desk(sweeper) for _ in range(AT_ONCE + 3)]
    try:
        for each in crowd:
            Full(each, room=0)
            each.send(b"lies there")
        desks[0].send(b"a word")
        await desks[0].until(lambda: desks[0].got)
        assert not any(each.got for each in crowd)
    finally:
        for each in crowd:
            each.close()


async def test_the_last_words_of_who_leaves_are_read_though_there_is_no_room(desks, sweeper):
    Full(desks[0], room=0)
    desks[0].send(b"good", b"bye")

    sweeper.drain(desks[0].sock)

    assert len(desks[0].got) == 2


async def test_a_socket_that_nobody_watches_is_left_alone(desks, sweeper):
    desk = desks[0]
    sweeper.unwatch(desk.sock)
    desk.send(b"one")

    sweeper.drain(desk.sock)

    assert desk.got == []
