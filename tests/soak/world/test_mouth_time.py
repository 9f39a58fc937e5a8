"""Time goes on for all mouths alike, however bad the network is and however late the beat."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soak.world.mouth
from soak.bench.rtp_stream import TICK, TICK_S
from soak.crew import Crew
from soak.world.mouth import MAX_BEHIND_S, REST_BEATS, CannotSpeak, Conductor, Mouth
from soak.world.network import GOOD, Conditions, Network
from tests.soak.world.stage import LENGTH, WORDS, Clock, Receiver, Stage

GUARD_S = 10.0
DEEP_S = 5.0


@pytest.fixture
async def stage():
    """Makes one."""
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        yield lambda **options: Stage(crew, **options)


# Networks


async def test_in_a_blackout_nothing_is_delivered_and_the_sequence_shows_it(stage):
    one = stage()
    await one.beats(1)
    one.network.conditions = Conditions(blackout=True)
    said = await one.says()
    one.network.conditions = GOOD
    again = await one.says()
    before, after = one.packets[:2]
    assert one.words == list(WORDS)
    assert (said.delivered, again.delivered) == (0.0, 1.0)
    assert (after.sequence - before.sequence) % 2**16 == one.network.dropped + 1 == LENGTH + 1


async def test_what_is_lost_was_not_delivered(stage):
    one = stage(conditions=Conditions(loss=0.5))
    said = await one.says()
    await one.beats(1)
    assert said.sent == len(one.words) < LENGTH


async def test_what_one_of_two_receivers_was_sent_was_delivered(stage):
    one = stage(receivers=2, conditions=Conditions(loss=0.5))
    said = await one.says()
    await one.beats(1)
    assert said.sent == len(set(one.receivers[0].words) | set(one.receivers[1].words)) < LENGTH


async def test_with_jitter_words_come_late_but_all_of_them(stage):
    one = stage(conditions=Conditions(jitter_s=0.3))
    await one.says()
    assert len(one.words) < LENGTH
    await one.beats(16)
    assert sorted(one.words) == sorted(WORDS)
    assert one.words != list(WORDS)


async def test_what_was_on_its_way_to_a_connection_that_is_over_is_lost(stage):
    one = stage(conditions=Conditions(jitter_s=1.0))
    await one.says()
    sent = len(one.receivers[0].sent)
    one.receivers[0].closed = True
    await one.beats(60)
    assert len(one.receivers[0].sent) == sent


# The beat


async def until(condition):
    async with asyncio.timeout(GUARD_S):
        while not condition():  # noqa: ASYNC110 — a count has no event
            await asyncio.sleep(0)


async def test_whoever_is_late_catches_up():
    clock = Clock()
    conductor = Conductor(clock)
    async with Crew() as crew:
        crew.start(conductor.run())
        await until(lambda: conductor.number == 1)
        clock.now += 0.3 + TICK_S / 2
        await until(lambda: conductor.number == 16)
    assert conductor.held_up_s == 0.0


async def test_for_who_is_very_late_time_stood_still_and_no_word_is_left_out(stage):
    one = stage()
    async with Crew() as crew:
        crew.start(one.conductor.run())
        await until(lambda: one.conductor.number == 1)
        saying = await one.begins()
        one.clock.now += TICK_S
        await until(lambda: one.conductor.number == 2)
        one.clock.now += DEEP_S
        await saying
    assert one.words == list(WORDS)
    assert one.conductor.held_up_s == pytest.approx(DEEP_S - MAX_BEHIND_S, abs=2 * TICK_S)


async def test_when_nobody_beats_time_any_more_nobody_waits_for_it(stage):
    one = stage()
    async with Crew() as crew:
        beating = crew.start(one.conductor.run())
        saying = await one.begins()
        await until(lambda: one.conductor.number == 1)
        beating.cancel()
        assert (await saying).sent < LENGTH


async def test_between_many_mouths_the_event_loop_has_its_turn(stage, monkeypatch):
    monkeypatch.setattr(soak.world.mouth, "AT_ONCE", 2)
    one = stage(constant=True)
    seen = []

    async def look():
        while True:
            seen.append(one.conductor.packets)
            await asyncio.sleep(0)

    async with Crew() as crew:
        for _ in range(5):
            one.conductor.add(mouth := Mouth(one.conductor, one.network, constant=True))
            mouth.connected(Receiver())
        crew.start(look())
        await asyncio.sleep(0)
        await one.beats(1)
    assert {2, 4} <= set(seen)


async def test_there_are_not_too_many(monkeypatch):
    monkeypatch.setattr(soak.world.mouth, "MAX_MOUTHS", 1)
    conductor, network = Conductor(), Network()
    with conductor.mouth(network), pytest.raises(CannotSpeak, match="1 mouths"):
        conductor.add(Mouth(conductor, network))
    with conductor.mouth(network) as mouth:
        assert mouth in conductor


async def test_what_is_kept_ready_is_bounded(stage, monkeypatch):
    monkeypatch.setattr(soak.world.mouth, "MAX_READY", 1)
    one = stage()
    await one.says()
    await one.says()
    assert one.words == [*WORDS, *WORDS]


# Whatever happens

DOES = st.one_of(
    st.tuples(st.just("beats"), st.integers(1, 2 * REST_BEATS)),
    st.tuples(st.sampled_from(["says", "hushes", "mutes", "unmutes", "comes", "goes"]), st.just(0)),
)


@settings(deadline=None)
@given(does=st.lists(DOES, max_size=25), constant=st.booleans())
async def test_whatever_happens_timestamps_follow_time_and_no_number_is_missing(does, constant):
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        one = Stage(crew, constant=constant)
        everybody, present, sayings = list(one.receivers), list(one.receivers), []
        for what, count in does:
            match what:
                case "beats":
                    await one.beats(count)
                case "says" if not one.mouth.speaking:
                    sayings.append(await one.begins())
                case "hushes":
                    one.mouth.hush()
                case "mutes" | "unmutes":
                    one.mouth.muted = what == "mutes"
                case "comes":
                    present.append(one.receiver())
                    everybody.append(present[-1])
                    one.mouth.connected(present[-1])
                case "goes" if present:
                    one.mouth.gone(present.pop())
        one.leaves()
        said = [await saying for saying in sayings]

    for receiver in everybody:
        packets = receiver.packets
        for number, packet in enumerate(packets):
            assert (packet.sequence - packets[0].sequence) % 2**16 == number
            beats = receiver.beats[number] - receiver.beats[0]
            assert (packet.timestamp - packets[0].timestamp) % 2**32 == beats * TICK
    heard = {(beat, word) for each in everybody for beat, word in each.spoken()}
    assert sum(each.sent for each in said) == len(heard)
    assert all(0 <= each.sent <= each.of == LENGTH for each in said)
