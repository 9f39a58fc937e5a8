"""A run ends with a report: when its time is over, when it is told to stop, when the service is gone; and it goes on
where it ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psutil
import pytest

from soak.verdict.sample import LOAD, REST

from .whole import STEADY, options, resumed, run

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

SHORT = replace(STEADY, seconds=30.0, rooms=2, speakers=2, warm_up_s=0.0)


def kept(report):
    return {each["fault"]: each["kept"] for each in report["promises"]}


def at_first(phase, act):
    """A watcher: acts in this phase, once somebody has spoken."""
    acted = []

    def watch(sample, counts):
        if sample.utterances and sample.phase == phase and not acted:
            acted.append(sample)
            act()

    return watch


def kill_the_service():
    [service] = [each for each in psutil.Process().children() if "soak.service.launch" in each.cmdline()]
    service.kill()


async def test_a_run_that_is_told_to_stop_has_a_report_and_goes_on_later(tmp_path):
    stop = asyncio.Event()
    first = await run(options(SHORT), tmp_path, stop=stop, watch=at_first(REST, stop.set))
    assert first["interrupted"] is True
    assert 0 < first["seconds"] < SHORT.seconds
    assert first["captions_received"] == first["utterances"] > 0
    assert first["subscriptions"] == SHORT.rooms * SHORT.speakers

    second = await resumed(tmp_path)
    assert second["legs"] == 2
    assert second["interrupted"] is False
    assert first["seconds"] + SHORT.load_s < second["seconds"] < SHORT.seconds + SHORT.load_s
    rounds = second["counts"]["rooms_opened"] // SHORT.rooms
    assert rounds >= 2
    assert second["subscriptions"] == second["counts"]["speakers_came"] == rounds * SHORT.rooms * SHORT.speakers
    assert second["captions_received"] == second["utterances"] > first["utterances"]
    assert (second["silent_losses"], second["repeats"]) == (0, 0)


@pytest.mark.parametrize("phase", [LOAD, REST])
async def test_a_service_that_dies_ends_the_run_and_breaks_its_promise(tmp_path, phase):
    report = await run(options(SHORT), tmp_path, watch=at_first(phase, kill_the_service))
    assert report["status"] == 1
    assert kept(report)["service"] is False
    assert report["interrupted"] is True
    assert report["seconds"] < SHORT.seconds
