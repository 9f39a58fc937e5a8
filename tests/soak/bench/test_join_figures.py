"""What a process holds is counted, and what is left of those who went is told."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from bot.sweep import Sweeper
from pipeline import Media
from pipeline.judge import FrameJudge
from soak.bench.join_figures import COUNTED, MOST_GROWTH_MB, Sample, figures, left, look, table
from soak.bench.media_ours import Deaf
from soak.crew import Crew
from tests.pipeline.microphone import Listener

GUARD_S = 30.0


def sample(joins=0, rss_mb=100.0, **more):
    return Sample(**({"joins": joins, "rss_mb": rss_mb, "threads": 5, "sockets": 16, "tasks": 3} | more))


def told(*samples):
    return figures(samples, seconds=1.0)


@pytest.fixture
async def held():
    """What is held now, as often as it is asked for, and what holds it."""
    media, sweeper = Media(), Sweeper()
    yield lambda: look(0, media, sweeper), media, sweeper
    sweeper.close()
    media.pool.close()


async def test_a_receiver_that_nobody_closed_is_found_with_its_ring(held):
    look_again, media, _ = held
    before = look_again()

    listener = Listener()
    media.receiver(judge=FrameJudge(Deaf()), listener=listener)
    after = look_again()

    assert after.receivers == before.receivers + 1
    counts = dict(zip((each.__name__ for each in COUNTED), after.objects, strict=True))
    assert counts["RtpReceiver"] == dict(zip(counts, before.objects, strict=True))["RtpReceiver"] + 1
    assert counts["JitterRing"] >= 1


async def test_a_decoder_that_is_not_given_back_is_found(held):
    look_again, media, _ = held
    decoder = media.pool.take()
    assert look_again().decoders == 1
    media.pool.give_back(decoder)
    assert look_again().decoders == 0


async def test_a_socket_that_stays_open_is_found_and_so_is_one_that_stays_watched(held):
    look_again, _, sweeper = held
    before = look_again()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sweeper.watch(sock, lambda length, address, now: None, lambda error: None)
        after = look_again()
        sweeper.unwatch(sock)
    assert (after.sockets - before.sockets, after.watched - before.watched) == (1, 1)


async def test_workers_are_counted_apart_from_other_threads(held):
    look_again, _, _ = held
    before = look_again()
    with ThreadPoolExecutor(1, thread_name_prefix="opus") as worker, ThreadPoolExecutor(1) as another:
        worker.submit(int).result()
        another.submit(int).result()
        after = look_again()
    assert (after.workers - before.workers, after.threads - before.threads) == (1, 1)


async def test_the_workers_of_media_are_known_by_their_names(held):
    look_again, media, _ = held
    listener = Listener()
    async with Crew() as crew:
        crew.start(media.run())
        receiver = media.receiver(judge=FrameJudge(Deaf()), listener=listener)
        receiver.negotiated(payload_types=[111], level_id=0)
        receiver.packet(b"\x80\x6f" + bytes(9) + b"\x01\xf8\xff\xfe", now=0.0)
        receiver.close(now=0.0)
        async with asyncio.timeout(GUARD_S):
            await listener.finished.wait()
        assert 1 <= look_again().workers <= media.workers


async def test_a_task_that_does_not_end_is_found(held):
    look_again, _, _ = held
    before = look_again()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(asyncio.Event().wait())
        assert look_again().tasks == before.tasks + 1
        waiting.cancel()


def test_what_is_as_before_is_clean():
    assert told(sample(), sample(100), sample(200))["clean"]


@pytest.mark.parametrize("name", ["threads", "sockets", "tasks"])
def test_one_more_of_anything_than_before_is_left(name):
    base = sample()
    told_of = told(base, sample(100, **{name: getattr(base, name) + 1}))
    assert told_of[f"{name}_left"] == 1
    assert not told_of["clean"]


def test_workers_may_be_started_late_but_no_more_than_there_may_be():
    base = sample(workers=1, most_workers=2)
    assert told(base, sample(100, workers=2, most_workers=2))["clean"]
    assert told(base, sample(100, workers=3, most_workers=2))["threads_left"] == 1


@pytest.mark.parametrize("name", ["receivers", "listed", "decoders", "watched"])
def test_of_what_belongs_to_speakers_nothing_is_left_even_if_it_was_there_before(name):
    told_of = told(sample(**{name: 1}), sample(100, **{name: 1}))
    assert told_of[f"{name}_left"] == 1
    assert not told_of["clean"]


def test_objects_that_are_left_are_told_by_class():
    told_of = told(sample(), sample(100, objects=(2, 0, 0, 3)))
    assert told_of["objects_left"] == 5
    assert told_of["objects"] == {"RTCPeerConnection": 2, "RtpReceiver": 0, "JitterRing": 0, "AudioRing": 3}
    assert not told_of["clean"]


def test_less_than_before_is_not_left():
    assert not any(left(sample(threads=4, sockets=15), sample()).values())


@pytest.mark.parametrize(("growth_mb", "clean"), [(MOST_GROWTH_MB, True), (MOST_GROWTH_MB + 0.01, False), (-1, True)])
def test_memory_may_grow_by_a_little(growth_mb, clean):
    assert told(sample(), sample(1000, 100 + growth_mb))["clean"] is clean


def test_the_slope_is_that_of_a_hundred_joins_and_the_late_one_leaves_out_what_was_taken_once():
    grown = [sample(), *(sample(joins, 103 + joins / 1000) for joins in range(100, 1001, 100))]
    told_of = told(*grown)
    assert told_of["rss_growth_mb"] == 4.0
    assert told_of["rss_slope_mb_per_100"] > 0.1
    assert told_of["rss_late_slope_mb_per_100"] == pytest.approx(0.1)


def test_of_too_few_samples_there_is_no_late_slope():
    assert told(sample(), sample(100))["rss_late_slope_mb_per_100"] is None


def test_the_table_has_a_line_for_each_sample_and_says_how_it_ended():
    console = Console(width=80, file=io.StringIO())
    console.print(table(told(sample(rss_mb=164.33), sample(1000, 165.56, tasks=4))))
    title, headings, *lines = console.file.getvalue().splitlines()
    assert "something is left" in title
    assert headings.split()[:2] == ["joins", "MB"]
    assert [line.split()[:2] for line in lines] == [["0", "164.33"], ["1000", "165.56"]]


def test_figures_can_be_written_as_json():
    json.dumps(told(sample(), sample(100)))
