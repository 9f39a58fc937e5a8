"""Finals in order and never lost, partials latest only, and no partial after its final."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outbox import MAX_FINALS, MAX_PARTIALS, Outbox
from pipeline import FinalTranscript, PartialTranscript

PATIENCE_S = 5.0  # only a broken outbox waits this long


def final(speaker, text=""):
    return FinalTranscript(speaker=speaker, utterance=1, text=text, language_id="en", start=0, end=1, heard_at=0.0)


def partial(speaker, text="", *, revision=1):
    return PartialTranscript(
        speaker=speaker, utterance=1, revision=revision, text=text, language_id="en", start=0, end=1, heard_at=0.0
    )


async def holding(*transcripts):
    outbox = Outbox()
    for transcript in transcripts:
        await outbox.put(transcript)
    return outbox


async def read_all(outbox):
    """Everything that waits, in the order in which it is delivered."""
    read = []
    async with asyncio.timeout(PATIENCE_S):
        while outbox.finals.depth or outbox.partials.depth:
            read.append(await outbox.next())
    return read


async def until_blocked(task):
    """Let everybody run until nothing but waiting is left for `task`."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()


async def test_finals_come_out_in_the_order_they_went_in():
    finals = [final("ada", "one"), final("will", "two"), final("ada", "three")]

    assert await read_all(await holding(*finals)) == finals


async def test_only_the_latest_partial_of_a_speaker_comes_out():
    latest = partial("ada", "hello world", revision=2)

    assert await read_all(await holding(partial("ada", "hello"), latest)) == [latest]


async def test_a_final_takes_the_waiting_partial_of_its_speaker_with_it():
    last_words = final("ada", "hello")
    of_another = partial("will")

    outbox = await holding(partial("ada", "hel"), of_another, last_words)

    assert await read_all(outbox) == [last_words, of_another]


async def test_a_partial_of_the_next_utterance_comes_after_the_final_of_the_last():
    last, new = final("ada", "one"), partial("ada", "two")

    assert await read_all(await holding(last, new)) == [last, new]


async def test_finals_go_before_partials():
    early, late = partial("ada"), final("will")

    assert await read_all(await holding(early, late)) == [late, early]


async def test_the_partial_of_whoever_has_waited_longest_goes_first():
    outbox = await holding(partial("ada"), partial("will"), partial("ada", revision=2))

    assert [each.speaker for each in await read_all(outbox)] == ["ada", "will"]


@pytest.mark.parametrize("transcript", [partial("ada"), final("ada")])
async def test_a_reader_that_waits_gets_what_is_put(transcript):
    outbox = Outbox()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(outbox.next())
        await until_blocked(reader)
        await outbox.put(transcript)

    assert reader.result() == transcript


async def test_an_empty_outbox_is_drained():
    async with asyncio.timeout(PATIENCE_S):
        await Outbox().drained()


@pytest.mark.parametrize("transcript", [partial("ada"), final("ada")])
async def test_drained_means_delivered_not_taken(transcript):
    outbox = await holding(transcript)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        drained = tasks.create_task(outbox.drained())
        await outbox.next()
        await until_blocked(drained)  # taken, and still being sent

        asking_again = tasks.create_task(outbox.next())
        await drained
        asking_again.cancel()


async def test_a_full_outbox_makes_the_producer_wait_and_loses_nothing():
    finals = [final("ada", str(number)) for number in range(MAX_FINALS + 2)]
    outbox = await holding(*finals[:MAX_FINALS])
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        putting = tasks.create_task(outbox.put(finals[MAX_FINALS]))
        await until_blocked(putting)

        assert await outbox.next() == finals[0]
        await putting
        await outbox.next()
        await outbox.put(finals[MAX_FINALS + 1])

    assert await read_all(outbox) == finals[2:]
    assert outbox.finals.peak == MAX_FINALS
    assert outbox.finals.dropped == 0


async def test_a_full_outbox_still_takes_partials():
    outbox = await holding(*(final("ada", str(number)) for number in range(MAX_FINALS)))

    async with asyncio.timeout(PATIENCE_S):
        await outbox.put(partial("will"))

    assert outbox.partials.depth == 1


async def test_partials_have_a_bound_and_those_beyond_it_are_counted():
    outbox = await holding(*(partial(f"speaker {number}") for number in range(MAX_PARTIALS + 1)))

    assert (outbox.partials.depth, outbox.partials.dropped) == (MAX_PARTIALS, 1)


async def test_an_outbox_whose_only_content_was_superseded_can_be_drained():
    outbox = await holding(partial("ada"), final("ada"))
    await outbox.next()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(outbox.next())
        await outbox.drained()
        reader.cancel()


SPEAKERS = st.sampled_from(["ada", "will", "cleo"])
STEPS = st.lists(st.tuples(st.sampled_from(["partial", "final", "read"]), SPEAKERS), max_size=60)


@given(steps=STEPS)
def test_no_order_of_events_loses_a_final_or_lets_a_partial_overtake_it(steps):
    asyncio.run(play(steps))


async def play(steps):
    outbox, put, read = Outbox(), [], []
    for number, (what, speaker) in enumerate(steps):
        if what == "read":
            if outbox.finals.depth or outbox.partials.depth:
                read.append(await outbox.next())
            continue
        transcript = (partial if what == "partial" else final)(speaker, str(number))
        await outbox.put(transcript)
        put.append(transcript)
    read += await read_all(outbox)

    assert [each for each in read if isinstance(each, FinalTranscript)] == [
        each for each in put if isinstance(each, FinalTranscript)
    ]
    for speaker in ("ada", "will", "cleo"):
        numbers = [int(each.text) for each in read if each.speaker == speaker]
        assert numbers == sorted(numbers), "something older was read after something newer"
