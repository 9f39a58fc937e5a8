"""What is measured, and what may grow by how much."""

from __future__ import annotations

import pytest

from soak.verdict.sample import METRICS


@pytest.mark.parametrize("name", METRICS)
def test_what_may_grow_is_more_than_can_be_measured_and_less_than_would_matter(name):
    metric = METRICS[name]
    assert 0 < metric.resolution < metric.tolerance
    assert 0 < metric.per_join < metric.tolerance
    assert (metric.unit == "kB") == (metric.kind == "memory")


def test_a_thousand_joins_may_not_cost_a_megabyte():
    assert METRICS["rss_kb"].per_join * 1000 <= 1000


def test_what_belongs_to_people_must_be_gone_with_them():
    gone = {name for name, metric in METRICS.items() if metric.must_return}
    assert gone == {"open_files", "sockets", "threads", "tasks", "peer_connections", "ring_kb"}
