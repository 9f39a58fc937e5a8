"""Speakers send as many browsers would: in turns, in real time, through real connections."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.rtp import parse
from soak.bench.rtp_sender import Options, Speaker, send, wires
from soak.bench.rtp_stream import Losses, Negotiated
from soak.bench.voices import Voice
from soak.crew import Crew

GUARD_S = 30.0
TALKS, LISTENS = Voice((b"talks",), bytes((0x80 | 20,))), Voice((b"listens",), bytes((127,)))
KEPT, LOST = "kept", "lost"


class FakeWire:
    """Notes in a log that it was used."""

    def __init__(self, number, log):
        self._number, self._log = number, log

    def send(self):
        self._log.append((self._number, KEPT))

    def lose(self):
        self._log.append((self._number, LOST))


async def sent_by(speakers, *, packets, losses=None):
    """What went out until there were so many packets, and the sender's own account of it."""
    log = []
    stop = asyncio.Event()

    async def watch():
        while len(log) < packets:  # noqa: ASYNC110 — a log has no event
            await asyncio.sleep(0)
        stop.set()

    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(watch())
        sums = await send(
            [FakeWire(number, log) for number in range(speakers)], losses or Losses(0.0, lambda: 1.0), stop
        )
    return log, sums


def test_options_survive_the_way_into_the_process():
    options = Options(numbers=(1, 3), speakers=4, talking=1, loss=0.01, seed=5, manifest="clips.jsonl")
    assert Options.read(options.write()) == options


async def test_speakers_send_in_turns():
    log, sums = await sent_by(3, packets=30)
    assert [number for number, _ in log] == [at % 3 for at in range(len(log))]
    assert (sums["sent"], sums["left_out"]) == (len(log), 0)


async def test_each_speaker_sends_50_packets_a_second():
    _, sums = await sent_by(10, packets=200)
    assert sums["sent"] == pytest.approx(10 * 50 * sums["seconds"], abs=25)


async def test_lost_packets_are_not_sent_but_counted():
    draws = iter([0.9, 0.1] * 10_000)
    log, sums = await sent_by(1, packets=10, losses=Losses(0.5, lambda: next(draws)))
    assert [what for _, what in log] == [(KEPT, LOST)[at % 2] for at in range(len(log))]
    assert sums["left_out"] == sum(what == LOST for _, what in log)
    assert sums["sent"] + sums["left_out"] == len(log)


class LearningSpeaker(Speaker):
    """Keeps the stream that it would have sent."""

    def wire(self, stream):
        self.stream = stream
        return stream


async def streams(speakers, *, talking, seed=0):
    made = [LearningSpeaker(number) for number in range(speakers)]
    options = Options(numbers=tuple(range(speakers)), speakers=speakers, talking=talking, seed=seed)
    try:
        wires(options, [(speaker, Negotiated(96, 2)) for speaker in made], [TALKS], [LISTENS])
        return [parse(speaker.stream.packet(), level_id=2) for speaker in made]
    finally:
        for speaker in made:
            await speaker.close()


async def test_of_all_speakers_so_many_talk_and_the_others_send_quiet():
    packets = await streams(4, talking=2)
    assert [packet.payload for packet in packets].count(b"talks") == 2
    assert [packet.level for packet in packets if packet.payload == b"listens"] == [127, 127]


async def test_the_seed_decides_where_everybody_begins():
    first, again, other = [
        [(packet.sequence, packet.timestamp) for packet in await streams(2, talking=1, seed=seed)] for seed in (1, 1, 2)
    ]
    assert first == again != other
