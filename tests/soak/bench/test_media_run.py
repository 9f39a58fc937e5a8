"""One run: who runs where, who sends what, and what is made of a process that fails."""

from __future__ import annotations

import os
import sys

import pytest

from soak.bench.media_options import MediaOptions, Program
from soak.bench.media_run import Processors, RunFailed, confined, read_result, run, sender_options, sent_of

PION = "PION n=40 pk/s=2000 cpu=0.339 us/pk=169 rss=33MB per_stream=0.58MB samples=640000"


def account(**details):
    return {
        "sent": 1000, "left_out": 0, "late": 0, "sent_per_s": 50.0, "behind_ms_p99": 1.0, "behind_ms_max": 2.0,
        "cpu_s": 0.01, **details,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("available", "receiver", "senders"), [({0, 1}, {1}, {0}), ({2, 3, 5}, {5}, {2, 3}), ({4}, {4}, {4})]
)
def test_the_receiver_has_a_processor_of_its_own_where_there_are_two(available, receiver, senders):
    assert Processors.share(available) == Processors(frozenset(receiver), frozenset(senders))


def test_confinement_ends_with_its_block():
    before = os.sched_getaffinity(0)
    one = frozenset({min(before)})
    with confined(one):
        assert os.sched_getaffinity(0) == one
    assert os.sched_getaffinity(0) == before


def test_speakers_go_round_the_sending_processes_and_each_is_sent_once():
    options = MediaOptions(speakers=7, senders=3, talking=1.0, loss=0.02, seed=4)
    processes = [sender_options(options, number) for number in range(3)]
    assert [process.numbers for process in processes] == [(0, 3, 6), (1, 4), (2, 5)]
    assert {(process.speakers, process.talking, process.loss, process.seed) for process in processes} == {
        (7, 7, 0.02, 4)
    }


def test_a_result_of_the_go_receiver_is_read():
    result = read_result(PION + "\n")
    assert result is not None
    assert (result["us_per_packet"], result["mb_per_speaker"], result["rss_mb"]) == (169.0, 0.58, 33.0)
    assert result["decoded_s"] == 40.0


def test_a_result_of_ours_is_read():
    assert read_result('{"packets": 5}\n') == {"packets": 5}


@pytest.mark.parametrize("line", ["", "warning: {}", "{not json}", "[1]", "PION n=forty"])
def test_other_lines_are_no_results(line):
    assert read_result(line) is None


def test_what_all_senders_sent_is_added_up_and_the_latest_of_them_counts():
    told = sent_of([account(), account(behind_ms_p99=7.0, late=3)], received=1995)
    assert (told["sent"], told["sent_per_s"], told["packets_lost_inside"]) == (2000, 100.0, 5)
    assert (told["sender_behind_ms_p99"], told["sent_late"]) == (7.0, 3)
    assert told["sender_us_per_packet"] == 10.0


def test_what_the_network_lost_is_not_lost_inside():
    assert sent_of([account(sent=900, left_out=100)], received=900)["packets_lost_inside"] == 0


def test_where_nobody_counted_nothing_is_said_to_be_lost():
    assert sent_of([account()], received=None)["packets_lost_inside"] is None


@pytest.mark.parametrize(("behind_ms", "realtime"), [(19.9, True), (20.0, False)])
def test_senders_that_are_20_ms_late_are_not_in_time(behind_ms, realtime):
    assert sent_of([account(behind_ms_p99=behind_ms)], received=1000)["realtime"] is realtime


async def failing(*command):
    options = MediaOptions(speakers=1, seconds=1.0)
    with pytest.raises(RunFailed) as failure:
        await run(
            Program(name="broken", command=command),
            options,
            python=sys.executable,
            environment=os.environ,
            processors=Processors.share(os.sched_getaffinity(0)),
        )
    return str(failure.value)


async def test_a_receiver_that_ends_is_told_with_its_last_words():
    told = await failing(sys.executable, "-c", "raise SystemExit('nobody can hear you')")
    assert "the process of broken" in told
    assert "nobody can hear you" in told


async def test_a_receiver_that_is_not_there_is_told_by_its_path():
    assert "cannot be started (No such file or directory): /nowhere/receiver" in await failing("/nowhere/receiver")
