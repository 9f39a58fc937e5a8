import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.channels import Bounded, ChannelClosed, DropOldest, Latest
from pipeline.totals import QueueTotals

GUARD_S = 5.0  # only a broken channel waits this long


async def read_all(channel):
    """Everything until the channel closes."""
    items = []
    async with asyncio.timeout(GUARD_S):
        while True:
            try:
                items.append(await channel.get())
            except ChannelClosed:
                return items


async def until_blocked(task):
    """Let everybody run until nothing but waiting is left for `task`."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()


@pytest.fixture(params=[DropOldest, Bounded], ids=lambda channel: channel.__name__)
def queue(request):
    return request.param(3)


async def put(channel, item):
    if isinstance(channel, Bounded):
        await channel.put(item)
    else:
        channel.put(item)


async def test_items_come_out_in_the_order_they_went_in(queue):
    for item in "abc":
        await put(queue, item)
    queue.close()
    assert await read_all(queue) == ["a", "b", "c"]


async def test_a_reader_gets_what_is_put_while_it_waits(queue):
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(queue.get())
        await until_blocked(reader)
        await put(queue, "news")
    assert reader.result() == "news"


async def test_closing_wakes_the_waiting_reader(queue):
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(read_all(queue))
        await until_blocked(reader)
        queue.close()
    assert reader.result() == []


async def test_a_reader_that_gave_up_takes_nothing_with_it(queue):
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(queue.get())
        await until_blocked(reader)
        await put(queue, "news")
        reader.cancel()
    queue.close()
    assert await read_all(queue) == ["news"]


async def test_the_peak_is_remembered_after_the_depth_has_fallen(queue):
    await put(queue, "a")
    await put(queue, "b")
    await queue.get()
    assert (queue.stats.depth, queue.stats.peak, queue.stats.capacity) == (1, 2, 3)


def test_drop_oldest_returns_what_it_dropped_and_counts_it():
    channel = DropOldest(2)
    assert [channel.put(item) for item in "abcd"] == [None, None, "a", "b"]
    assert (channel.stats.depth, channel.stats.peak, channel.stats.dropped) == (2, 2, 2)


async def test_nothing_enters_a_closed_drop_oldest():
    channel = DropOldest(2)
    channel.put("a")
    channel.close()
    assert channel.put("b") is None
    assert await read_all(channel) == ["a"]


@given(capacity=st.integers(1, 5), items=st.lists(st.integers()))
def test_drop_oldest_keeps_the_newest_and_never_more_than_its_bound(capacity, items):
    channel = DropOldest(capacity)
    dropped = []
    for item in items:
        lost = channel.put(item)
        dropped += [] if lost is None else [lost]
        assert channel.stats.depth <= capacity
    channel.close()
    kept = asyncio.run(read_all(channel))
    assert kept == items[-capacity:]
    assert dropped + kept == items
    assert channel.stats.dropped == len(dropped)


async def test_a_producer_waits_for_room_and_nothing_is_lost():
    channel = Bounded(1)
    await channel.put("a")
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        producer = tasks.create_task(channel.put("b"))
        await until_blocked(producer)
        assert await channel.get() == "a"
        await producer
        assert await channel.get() == "b"
    assert (channel.stats.peak, channel.stats.dropped) == (1, 0)


async def test_taking_without_waiting_makes_room_too():
    channel = Bounded(1)
    assert channel.take() is None
    await channel.put("a")
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        producer = tasks.create_task(channel.put("b"))
        await until_blocked(producer)
        assert channel.take() == "a"
    assert channel.take() == "b"


async def test_closing_wakes_the_waiting_producer_and_what_is_held_can_still_be_read():
    channel = Bounded(1)
    await channel.put("a")
    async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
        producer = tasks.create_task(_refused(channel, "b"))
        await until_blocked(producer)
        channel.close()
    assert producer.result()
    assert await read_all(channel) == ["a"]


async def _refused(channel, item):
    try:
        await channel.put(item)
    except ChannelClosed:
        return True
    return False


@given(capacity=st.integers(1, 4), items=st.lists(st.lists(st.integers(), max_size=6), max_size=4))
def test_bounded_delivers_every_item_of_every_producer_within_its_bound(capacity, items):
    async def produce_and_read():
        channel = Bounded(capacity)

        async def produce(own):
            for item in own:
                await channel.put(item)

        async with asyncio.timeout(GUARD_S), asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(read_all(channel))
            async with asyncio.TaskGroup() as producers:
                for own in items:
                    producers.create_task(produce(own))
            channel.close()
        return reader.result(), channel.stats.peak

    delivered, peak = asyncio.run(produce_and_read())
    assert sorted(delivered) == sorted(item for own in items for item in own)
    assert peak <= capacity


def test_latest_replaces_what_a_key_holds_and_keeps_its_turn():
    channel = Latest(3)
    for key, item in [("ada", 1), ("will", 1), ("ada", 2)]:
        assert channel.put(key, item)
    assert [channel.take(), channel.take(), channel.take()] == [2, 1, None]


def test_latest_refuses_a_key_too_many_but_never_a_known_one():
    channel = Latest(1)
    assert channel.put("ada", 1)
    assert not channel.put("will", 1)
    assert channel.put("ada", 2)
    assert (channel.stats.depth, channel.stats.peak, channel.stats.dropped) == (1, 1, 1)


def test_a_superseded_item_is_never_taken():
    channel = Latest(2)
    channel.put("ada", 1)
    channel.discard("ada")
    channel.discard("nobody")
    assert channel.take() is None
    assert len(channel) == 0


async def test_what_a_channel_went_through_outlives_it():
    totals = QueueTotals()
    for channel in (DropOldest(2, totals), Bounded(2, totals)):
        await put(channel, "a")
        await put(channel, "b")
    assert (totals.peak, totals.dropped) == (2, 0)

    first, second = DropOldest(1, totals), Latest(1, totals)
    for item in "abc":
        first.put(item)
        second.put(item, item)
    assert (totals.peak, totals.dropped) == (2, 4)
    assert first.stats.dropped == second.stats.dropped == 2
