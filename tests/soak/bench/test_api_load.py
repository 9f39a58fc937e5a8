"""Requests leave when they are due, whatever becomes of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest

from soak.bench import api_load
from soak.bench.api_load import Options, Taken, arrivals, figures, load, requests
from soak.bench.hostile_connection import LOOPBACK

ROOMS = (("room-a", "reader-a"), ("room-b", "reader-b"))
GRANTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def options(port=1, **more):
    given = {"rate": 50.0, "seconds": 0.5} | more
    return Options(port=port, secret="a-secret", rooms=ROOMS, **given)


def asked(count):
    made = islice(requests(Random(2), options()), count)
    return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in made]


def test_as_many_requests_are_due_as_was_asked_for():
    due = list(arrivals(Random(1), 50.0, 100.0))
    assert len(due) == pytest.approx(5000, rel=0.05)
    assert due == sorted(due)
    assert due[-1] < 100.0


def test_requests_come_in_bunches_as_people_do():
    due = list(arrivals(Random(1), 50.0, 100.0))
    gaps = [b - a for a, b in pairwise(due)]
    assert sum(gap < 0.002 for gap in gaps) > 300


def test_they_are_of_readers_who_are_there_of_new_ones_and_of_such_as_go():
    counted = Counter((each["enable"], each["ncSessionId"].startswith("reader-")) for each in asked(1000))
    assert counted[True, True] == pytest.approx(400, abs=60)
    assert counted[True, False] == pytest.approx(350, abs=60)
    assert counted[False, False] == pytest.approx(250, abs=60)


def test_nobody_who_reads_in_a_room_loses_the_captions():
    assert counted_out(asked(2000)) & {session for _, session in ROOMS} == set()


def counted_out(bodies):
    return {each["ncSessionId"] for each in bodies if not each["enable"]}


def test_only_such_as_came_go():
    came = set()
    for each in asked(1000):
        if each["enable"]:
            came.add((each["roomToken"], each["ncSessionId"]))
        else:
            assert (each["roomToken"], each["ncSessionId"]) in came


def test_options_survive_the_way_to_the_other_process():
    assert Options.read(options().write().encode()) == options()
    assert "a-secret" not in repr(options())


def test_latency_and_lag_are_told_apart():
    told = figures([Taken(0.001, 0.010, 200), Taken(0.003, 0.030, 200)], seconds=1.0, left_out=0)
    assert (told["ms_p50"], told["ms_max"]) == (20.0, 30.0)
    assert (told["lag_ms_p50"], told["lag_ms_max"]) == (2.0, 3.0)
    assert (told["sent"], told["failed"]) == (2, 0)


def test_whatever_was_not_granted_has_failed():
    told = figures([Taken(0, 0.01, 200), Taken(0, 0.01, 429), Taken(0, 10.0, 0)], seconds=1.0, left_out=1)
    assert (told["failed"], told["left_out"]) == (2, 1)
    assert told["statuses"] == {"0": 1, "200": 1, "429": 1}


def test_nothing_sent_has_no_percentiles():
    assert figures([], seconds=1.0, left_out=0)["ms_p99"] is None


async def test_a_slow_answer_holds_up_no_other_request(monkeypatch):
    monkeypatch.setattr(api_load, "WARM_UP_S", 0.0)
    waiting = 0
    most = 0

    async def answer(reader, writer):
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        waiting -= 1
        writer.write(GRANTED)
        writer.close()

    async with await asyncio.start_server(answer, LOOPBACK, 0) as listening:
        told = await load(options(listening.sockets[0].getsockname()[1]))

    assert most > 3
    assert told["failed"] == 0
    assert told["ms_p50"] >= 200


async def test_a_service_that_is_gone_has_failed_each_time(monkeypatch):
    monkeypatch.setattr(api_load, "WARM_UP_S", 0.0)

    async def hang_up(reader, writer):
        writer.close()

    async with await asyncio.start_server(hang_up, LOOPBACK, 0) as listening:
        told = await load(options(listening.sockets[0].getsockname()[1]))
    assert told["failed"] == told["sent"] > 5
