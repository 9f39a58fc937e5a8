"""`roomscribe soak --profile smoke` as it is typed, for its five minutes: the product stays flat and loses nothing."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys

import pytest

from soak.run.journal import read
from tests.soak.report.test_page import Page

from .whole import finding

pytestmark = [pytest.mark.soak, pytest.mark.timeout(500)]

PROGRAM = "import sys; sys.argv[0] = 'roomscribe'; from api.cli import main; main()"
GUARD_S = 480


async def test_the_smoke_is_flat_and_ends_with_one_object(tmp_path):
    faulthandler.cancel_dump_traceback_later()  # it takes longer than a test that hangs
    folder = tmp_path / "smoke"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "soak", "--profile", "smoke", "--json", "--out", str(folder)),
        env={name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")},
        stdout=-1,
        stderr=-1,
    )
    try:
        async with asyncio.timeout(GUARD_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # a run that is told to stop ends its service
            await process.wait()

    report = json.loads(out.splitlines()[-1])
    assert (report["verdict"], process.returncode) == ("flat", 0), err.decode()
    assert report["command"] == f"roomscribe soak --profile smoke --json --out {folder}"
    slope = report["rss_slope_kb_per_subscription"]
    assert slope["low"] <= slope["slope"] <= slope["high"] < report["flat_below_kb_per_subscription"]
    assert report["silent_losses"] == 0
    assert report["repeats"] == report["repeats_after_cuts"] <= 3  # the connection is cut with the receipt on its way
    assert report["captions_received"] >= 200
    assert report["subscriptions"] >= 200
    assert report["reconnects"] >= 20
    assert all(each["kept"] for each in report["promises"]), report["promises"]
    assert "Traceback" not in err.decode()
    assert finding(report, "peer_connections")["left"] == 0
    assert json.loads((folder / "report.json").read_text()) == report
    assert report["reasons"][0] in Page((folder / "report.html").read_text()).text
    story = read(folder)
    assert {each.phase for each in story.samples} == {"warm_up", "load", "rest"}
    assert story.tallies[0]["received"] == report["captions_received"]
