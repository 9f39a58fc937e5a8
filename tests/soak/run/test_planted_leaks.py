"""A run of a few minutes finds each leak that was planted in the service, and says what it is that leaks.

What is counted is sure after five rests; the heap has its noise, and needs more utterances to see a kilobyte of each.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from soak.service.plant import EVERY

from .whole import STEADY, finding, options, run

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


async def leaking(plant, folder, **more):
    """Of a run that must have found it, the report."""
    report = await run(options(replace(STEADY, **more), plant=plant), folder)
    assert (report["verdict"], report["status"]) == ("leak", 1), report["reasons"]
    return report


async def test_forgotten_peer_connections_are_found(tmp_path):
    report = await leaking("peer", tmp_path, seconds=110.0)
    found = finding(report, "peer_connections")
    assert found["verdict"] == "leak"
    assert found["per_join"]["slope"] == pytest.approx(1 / EVERY, rel=0.25)
    assert found["left"] >= 8
    assert any("Peer connections" in reason for reason in report["reasons"])


async def test_a_kilobyte_of_each_utterance_is_found_and_measured(tmp_path):
    report = await leaking("utterance", tmp_path, seconds=170.0, speakers=8, load_s=8.0)
    found = finding(report, "heap_kb")
    assert found["verdict"] == "leak"
    assert 0.8 <= found["per_utterance"]["slope"] <= 1.4
    counts = {"peer_connections", "sockets", "threads", "tasks"}
    assert {finding(report, each)["left"] for each in counts} == {0}, "nothing else leaks"


async def test_a_label_with_ever_new_values_is_found(tmp_path):
    report = await leaking("labels", tmp_path, seconds=120.0)
    found = finding(report, "series")
    assert found["verdict"] == "leak"
    assert found["per_join"]["slope"] == pytest.approx(1.0, rel=0.1)
