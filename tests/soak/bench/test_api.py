"""The benchmark of the control API, from end to end and small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soak.bench.api import service_paths
from soak.bench.hostile_tally import FINDINGS

ROOT = Path(__file__).parents[3]
MAIN = "import api.cli; api.cli.main()"
ROOMS = 2
HOSTILE = 300


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "api", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ended():
    sizes = {"rooms": ROOMS, "rate": 20, "seconds": 2, "warm-up": 60, "hostile": HOSTILE, "settle": 2}
    return bench(*(word for name, size in sizes.items() for word in (f"--{name}", str(size))), "--json")


@pytest.fixture(scope="module")
def parts(ended):
    assert ended.stdout, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.model
def test_every_part_has_its_line_and_the_last_one_is_the_summary(parts):
    assert [each["type"] for each in parts] == ["limits", "load", "hostile", "hostile", "summary"]


@pytest.mark.model
def test_rooms_are_captioned_under_load_and_after_the_attack(parts):
    total = parts[-1]
    assert total["rooms"] == total["rooms_captioned"] == total["rooms_captioned_after"] == ROOMS
    assert 0 < total["transcribe_ms_p50"] <= total["transcribe_ms_p99"]
    assert total["transcribe_failed"] == 0
    assert 50 < total["first_answer_ms"] < 30_000


@pytest.mark.model
def test_the_attack_finds_nothing(parts):
    total = parts[-1]
    assert total["hostile_requests"] == HOSTILE
    assert {name: total[name] for name in ("crashes", "files_left", "rooms_left", *FINDINGS) if total[name]} == {}
    assert total["log_secrets"] == total["log_tracebacks"] == 0


@pytest.mark.model
def test_whoever_asks_too_often_is_turned_away(parts):
    assert parts[0]["limited_429"] > 0
    assert parts[0]["limited_unexpected"] == parts[0]["limited_without_retry_after"] == 0
    assert parts[0]["connections_kept"] < parts[0]["connected"]
    assert parts[0]["alive_after"]


@pytest.mark.model
def test_the_status_tells_whether_something_was_missed(ended, parts):
    assert ended.returncode == (1 if parts[-1]["missed"] else 0)


def test_a_manifest_that_cannot_be_read_is_told_in_a_sentence(tmp_path):
    told = bench("--manifest", str(tmp_path / "none.jsonl"))
    assert told.returncode == 2
    assert "none.jsonl: cannot be read" in " ".join(told.stderr.split())


def test_the_paths_that_no_answer_may_hold_are_those_of_our_files():
    ours, *others = service_paths()
    assert (Path(ours) / "__init__.py").is_file()
    assert all(Path(each).is_absolute() and each.count("/") > 1 for each in others)
