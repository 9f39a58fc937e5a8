"""A mouth sends what a browser's microphone would, to everybody who receives it, for as long as they do."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from soak.bench.rtp_stream import TICK
from soak.crew import Crew
from soak.world.mouth import LINGER_BEATS, REST_BEATS, CannotSpeak, Mouth
from tests.soak.world.stage import LENGTH, PHRASE, WORDS, Receiver, Stage

GUARD_S = 10.0


@pytest.fixture
async def stage():
    """Makes one."""
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        yield lambda **options: Stage(crew, **options)


def steps(packets):
    """By how many beats, and packets, each is later than the one before."""
    return [
        ((later.timestamp - one.timestamp) % 2**32 / TICK, (later.sequence - one.sequence) % 2**16)
        for one, later in pairwise(packets)
    ]


# At rest


async def test_at_rest_there_is_a_packet_of_a_quiet_room_each_400_ms(stage):
    one = stage()
    await one.beats(5 * REST_BEATS)
    assert steps(one.packets) == [(REST_BEATS, 1)] * 4
    assert all(75 <= packet.level <= 95 and not packet.voice for packet in one.packets)


async def test_without_dtx_there_is_a_packet_each_20_ms(stage):
    one = stage(constant=True)
    await one.beats(40)
    assert steps(one.packets) == [(1, 1)] * 39


@pytest.mark.parametrize("constant", [False, True])
async def test_a_muted_one_sends_silence_each_400_ms(stage, constant):
    one = stage(constant=constant)
    one.mouth.muted = True
    await one.beats(5 * REST_BEATS)
    assert steps(one.packets) == [(REST_BEATS, 1)] * 4
    assert [packet.level for packet in one.packets] == [127] * 5


async def test_whose_microphone_is_on_again_is_in_a_room_again(stage):
    one = stage(constant=True)
    one.mouth.muted = True
    one.mouth.muted = False
    await one.beats(3)
    assert [packet.level < 127 for packet in one.packets] == [True] * 3


async def test_those_at_rest_do_not_all_send_at_once(stage):
    one = stage()
    for _ in range(REST_BEATS):
        one.conductor.add(mouth := Mouth(one.conductor, one.network))
        mouth.connected(Receiver())
    before = one.conductor.packets
    for _ in range(REST_BEATS):
        await one.beats(1)
        assert one.conductor.packets - before <= 2
        before = one.conductor.packets


# Speech


async def test_a_phrase_goes_out_word_by_word_and_then_there_is_quiet_for_a_moment_before_dtx(stage):
    one = stage()
    said = await one.says()
    await one.beats(3 * REST_BEATS)

    assert one.words == list(WORDS)
    begin = next(number for number, packet in enumerate(one.packets) if packet.payload in WORDS)
    after = one.packets[begin:]
    assert [packet.voice for packet in after[:LENGTH]] == [True] * LENGTH
    assert steps(after)[: LENGTH + LINGER_BEATS - 1] == [(1, 1)] * (LENGTH + LINGER_BEATS - 1)
    assert [beats for beats, _ in steps(after)[LENGTH + LINGER_BEATS :]] == [REST_BEATS] * 2
    assert (said.sent, said.of, said.delivered) == (LENGTH, LENGTH, 1.0)


async def test_it_is_known_when_the_first_and_the_last_word_went_out(stage):
    one = stage()
    said = await one.says()
    assert said.phrase is PHRASE
    assert (said.first_at, said.last_at) == pytest.approx((50.0, 50.0 + (LENGTH - 1) * 0.02))


async def test_time_has_gone_on_in_a_rest_and_the_first_packet_after_it_is_marked(stage):
    one = stage()
    await one.beats(33)
    resting = len(one.packets)
    await one.says()
    first = one.packets[resting]
    assert [packet.marker for packet in one.packets] == [number == resting for number in range(len(one.packets))]
    assert (first.timestamp - one.packets[0].timestamp) % 2**32 == 33 * TICK
    assert (first.sequence - one.packets[0].sequence) % 2**16 == resting


async def test_one_phrase_at_a_time(stage):
    one = stage()
    await one.begins()
    with pytest.raises(CannotSpeak, match="one phrase"):
        await one.mouth.say(PHRASE)


async def test_whoever_is_muted_in_mid_phrase_is_not_heard_but_comes_to_its_end(stage):
    one = stage()
    saying = await one.begins()
    await one.beats(3)
    one.mouth.muted = True
    await one.beats(2)
    one.mouth.muted = False
    await one.beats(3)
    assert one.words == [*WORDS[:3], *WORDS[5:]]
    assert (await saying).delivered == 6 / 8


async def test_a_phrase_can_be_broken_off(stage):
    one = stage()
    saying = await one.begins()
    await one.beats(2)
    one.mouth.hush()
    await one.beats(5)
    assert one.words == list(WORDS[:2])
    assert (await saying).sent == 2


async def test_who_is_cancelled_falls_silent(stage):
    one = stage()
    saying = await one.begins()
    await one.beats(2)
    saying.cancel()
    await asyncio.wait([saying])
    await one.beats(5)
    assert one.words == list(WORDS[:2])
    assert not one.mouth.speaking


async def test_who_leaves_says_no_more(stage):
    one = stage()
    saying = await one.begins()
    await one.beats(2)
    one.leaves()
    sent = one.conductor.packets
    await one.beats(2 * REST_BEATS)
    assert (await saying).sent == 2
    assert one.conductor.packets == sent
    with pytest.raises(CannotSpeak, match="beats time"):
        await one.mouth.say(PHRASE)


# Those who receive


async def test_everybody_who_receives_hears_it(stage):
    one = stage(receivers=2)
    await one.says()
    assert [each.words for each in one.receivers] == [list(WORDS)] * 2
    assert [{packet.ssrc for packet in each.packets} for each in one.receivers] == [{0}, {1}]


async def test_who_comes_in_mid_phrase_gets_the_rest_of_it(stage):
    one, late = stage(receivers=0), Receiver()
    saying = await one.begins()
    await one.beats(3)
    one.mouth.connected(late)
    await one.beats(5)
    assert late.words == list(WORDS[3:])
    assert (await saying).delivered == 5 / 8


async def test_to_nobody_nothing_was_delivered(stage):
    one = stage(receivers=0)
    said = await one.says()
    assert (said.sent, said.of) == (0, LENGTH)


@pytest.mark.parametrize("how", ["told", "not yet told"])
async def test_into_a_connection_that_is_over_nothing_is_sent(stage, how):
    one = stage()
    saying = await one.begins()
    await one.beats(2)
    if how == "told":
        one.mouth.gone(one.receivers[0])
    else:
        one.receivers[0].closed = True
    assert not one.mouth.live
    await one.beats(LENGTH - 2)
    assert one.words == list(WORDS[:2])
    assert (await saying).sent == 2


async def test_one_may_wait_until_somebody_receives(stage):
    one, late = stage(receivers=0), Receiver()
    async with Crew() as crew:
        waiting = crew.start(one.mouth.received())
        await asyncio.sleep(0)
        assert not waiting.done()
        one.mouth.connected(late)
        await waiting
    assert one.mouth.live
    one.mouth.gone(late)
    one.mouth.gone(late)
    assert not one.mouth.live


async def test_who_cannot_take_opus_is_left_alone(stage):
    one = stage(receivers=0)
    one.mouth.connected(Receiver(answer="m=audio 9 RTP/AVP 0\r\n"))
    assert not one.mouth.live
