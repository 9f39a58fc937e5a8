"""What must be, and how it is told when it is not."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from soak.bench.api_figures import Attacked, summary, tables
from soak.bench.api_service import Footprint

LOAD = {
    "ms_p50": 2.0, "ms_p95": 9.0, "ms_p99": 12.0, "ms_max": 30.0, "sent": 1500, "failed": 0, "left_out": 0,
    "per_s": 50.0, "lag_ms_p99": 3.0, "lag_ms_max": 9.0,
}  # fmt: skip
LIMITS = {"limited_429": 300, "limited_unexpected": 0, "connected": 700, "connections_kept": 512, "alive_after": True}
FIRST = {"requests": 500}
MAIN = {"requests": 10_000, "seconds": 20.0, "kinds": {"HEAD": {"200": 3}}, "samples": ["granted by HEAD: …"]}
HELD = Footprint(rss_mb=150.0, files=40, threads=9)


def attacked(**more):
    given = {
        "warm_up": FIRST, "told": MAIN, "probed": [0.01], "before": HELD, "after": HELD, "captions": [5, 5],
        "afterwards": [1, 1], "alive": True, "running": True, "engine_restarts": 0, "rooms_left": 0,
    }  # fmt: skip
    return Attacked(**(given | more))


def told(load=LOAD, captioned=(4, 4), exit_status=0, limits=LIMITS, **more):
    return summary(load, captioned, attacked(**more), limits, exit_status, first_answer_s=0.7123)


def missed(**more):
    return told(**more)["missed"]


def test_where_all_is_well_nothing_is_missed():
    sums = told()
    assert (sums["passed"], sums["missed"]) == (True, [])
    assert sums["type"] == "summary"
    assert (sums["transcribe_ms_p99"], sums["hostile_requests"], sums["crashes"]) == (12.0, 10_000, 0)
    assert (sums["unexpected_5xx"], sums["rss_growth_mb"]) == (0, 0.0)
    assert sums["first_answer_ms"] == 712


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"load": LOAD | {"ms_p99": 50.1}}, "requests for captions took 50.1 ms (p99), 50 at most"),
        ({"load": LOAD | {"failed": 2}}, "2 requests for captions failed"),
        ({"load": LOAD | {"lag_ms_p99": 26.0}}, "the generator was 26.0 ms late (p99)"),
        ({"captioned": (4, 0)}, "1 rooms had no captions under load"),
        ({"after": Footprint(rss_mb=155.1, files=40, threads=9)}, "memory grew by 5.1 MB, 5 at most"),
        ({"after": Footprint(rss_mb=150.0, files=43, threads=9)}, "3 files are left open"),
        ({"rooms_left": 2}, "2 rooms are left"),
        ({"probed": [0.1, 1.5]}, "/healthz took 1500.0 ms under attack, 500 at most"),
        ({"told": MAIN | {"unexpected_5xx": 1}}, "1 times unexpected_5xx"),
        ({"warm_up": FIRST | {"granted": 1}}, "1 times granted"),
        ({"told": MAIN | {"leaked_secret": 1}}, "1 times leaked_secret"),
        ({"complaints": {"log_tracebacks": 3}}, "3 unforeseen errors in the log"),
        ({"complaints": {"log_secrets": 1}}, "1 secrets in the log"),
        ({"limits": LIMITS | {"limited_429": 0}}, "the rate limit turned nobody away"),
        ({"limits": LIMITS | {"connections_kept": 700}}, "all connections were kept"),
        ({"limits": LIMITS | {"alive_after": False}}, "no answer after too many connections"),
    ],
)
def test_what_is_missed_is_told_in_words(more, words):
    assert missed(**more) == [words]


@pytest.mark.parametrize(
    ("more", "crashes"),
    [
        ({"alive": False}, 1),
        ({"afterwards": [1, 0]}, 1),
        ({"engine_restarts": 2}, 2),
        ({"exit_status": -11}, 1),
    ],
)
def test_each_crash_counts(more, crashes):
    assert told(**more)["crashes"] == crashes
    assert f"{crashes} crashes" in missed(**more)


def test_a_process_that_is_gone_counts_once_and_its_rooms_each():
    gone = {"running": False, "alive": False, "after": None, "afterwards": [0, 0], "exit_status": -11}
    sums = told(**gone)
    assert sums["crashes"] == 3
    assert sums["rss_growth_mb"] is None


def test_less_memory_and_fewer_files_than_before_are_no_fault():
    assert missed(after=Footprint(rss_mb=140.0, files=30, threads=5)) == []


def test_the_table_has_the_kinds_the_findings_and_what_was_missed():
    console = Console(width=120, file=io.StringIO())
    console.print(tables(told(rooms_left=2), MAIN))
    shown = console.file.getvalue()
    for words in ("10000 hostile requests", "200 × 3", "granted by HEAD", "2 rooms are left", "transcribe_ms_p99"):
        assert words in shown


def test_figures_can_be_written_as_json():
    json.dumps(told())
