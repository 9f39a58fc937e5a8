"""The benchmark of receiving: what it makes of several runs, and one run from end to end."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from soak.bench.media import allow_files, figures, measure, merged, table
from soak.bench.media_options import BadOption, MediaOptions, program

ROOT = Path(__file__).parents[3]
MAIN = "import api.cli; api.cli.main()"


def result(us_per_packet, **details):
    return {"us_per_packet": us_per_packet, "packets_lost_inside": 0, "realtime": True, "audio_lost_fraction": 0.0} | (
        details
    )


def of(ours, **others):
    runs = {"ours": [ours], **{name: [each] for name, each in others.items()}}
    return figures(MediaOptions(speakers=4, seconds=2.0, against=tuple(others)), runs)


def test_of_several_runs_the_median_counts():
    assert merged([result(90.0), result(300.0), result(80.0)])["us_per_packet"] == 90.0


def test_a_single_packet_that_was_lost_inside_shows_in_whatever_run_it_was():
    assert merged([result(90.0), result(90.0, packets_lost_inside=1), result(90.0)])["packets_lost_inside"] == 1


def test_senders_were_in_time_only_if_they_were_so_in_every_run():
    assert merged([result(90.0), result(90.0, realtime=False)])["realtime"] is False
    assert of(result(90.0), stock=result(300.0, realtime=False))["realtime"] is False


def test_each_run_of_several_can_be_read():
    runs = [result(90.0), result(80.0)]
    assert merged(runs)["runs"] == runs
    assert "runs" not in merged(runs[:1])


def test_what_a_run_does_not_tell_does_not_count():
    assert merged([result(90.0, holdback_ms=None), result(80.0, holdback_ms=60.0)])["holdback_ms"] == 60.0
    assert merged([result(90.0, holdback_ms=None)])["holdback_ms"] is None


def test_a_ratio_below_one_means_that_ours_is_cheaper():
    told = of(result(90.0), stock=result(360.0), pion=result(120.0))
    assert (told["us_per_packet"], told["ratio_stock"], told["ratio_pion"]) == (90.0, 0.25, 0.75)


def test_what_was_not_run_has_no_ratio():
    told = of(result(90.0))
    assert (told["ratio_stock"], told["ratio_pion"]) == (None, None)
    assert of(result(None), stock=result(360.0))["ratio_stock"] is None


def test_the_table_has_the_receivers_side_by_side():
    console = Console(width=120, file=io.StringIO())
    console.print(table(of(result(90.0), stock=result(360.0))))
    shown = console.file.getvalue()
    assert "4 speakers, 1 of them talk" in shown
    assert "360.0" in shown
    assert "0.25" in shown


async def test_two_speakers_are_received_to_the_last_packet():
    options = MediaOptions(speakers=2, seconds=2.0, talking=0.5)
    notes = []

    told = await measure(options, [program("stock", options, os.environ)], os.environ, notes.append)

    assert notes[0] == "stock: 2 speakers, 1 talk"
    assert told["packets_lost_inside"] == 0
    assert told["us_per_packet"] > 0
    assert told["sent_per_s"] == pytest.approx(100, abs=5)
    stock = told["receivers"]["stock"]
    assert stock["received"] == stock["sent"] > stock["packets"] > 0
    assert stock["decoded_s"] == pytest.approx(stock["sent"] * 0.02, abs=0.5)
    assert stock["holdback_ms"] == 80.0


def bench(*arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PIONRECV"}
    return subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "media", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--against", "pion"], "PIONRECV is not set"),
        (["--talking", "lots"], "--talking lots: expected a share"),
        (["--speakers", "2", "--rooms", "3"], "--rooms 3: there are 2 speakers"),
        (["--manifest", "none.jsonl"], "none.jsonl: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(arguments, words):
    ended = bench(*arguments)
    assert ended.returncode == 2
    assert words in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_more_open_files_than_are_allowed_are_told_before_anything_is_started():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("any number of files may be open here")
    with pytest.raises(BadOption, match=rf"{hard + 1} open files are needed, {hard} are allowed"):
        allow_files(hard + 1)


def test_figures_can_be_written_as_json():
    json.dumps(of(result(90.0), stock=result(360.0)))
