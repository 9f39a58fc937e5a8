"""The page about metrics is that of the code, and its names are those that Prometheus expects."""

from __future__ import annotations

import re
from pathlib import Path

from api.metrics_docs import page
from bot.metrics import HTTP_LABELS
from tests.support.scraped import answer, metrics, series

PAGE = Path(__file__).parent.parent.parent / "docs" / "metrics.md"
#: The labels whose values come from callers are bounded by the routes, the known methods and the statuses.
MOST_VALUES = 16
#: Of the design: dashboards elsewhere may rely on them.
PROMISED = {
    "rooms", "speakers", "join_duration_seconds_bucket", "first_caption_seconds_bucket",
    "caption_latency_seconds_bucket", "asr_rtf_ratio", "audio_seconds_total", "audio_dropped_seconds_total",
    "rtp_lost_total", "queue_seconds", "reconnects_total", "peer_state_total", "ice_selected_total",
    "hallucination_suppressed_total", "targets", "memory_rss_bytes", "threads", "build_info", "queue_depth",
    "queue_peak", "queue_dropped_total", "overload_step", "engine_restarts_total", "open_files", "open_files_limit",
    "tasks", "peer_connections", "ring_bytes", "heap_blocks",
}  # fmt: skip


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(answer()), "run: make docs"


def test_the_promised_series_are_shown_from_the_start():
    assert {f"roomscribe_{name}" for name in PROMISED} <= series().keys()


def test_metrics_are_named_as_prometheus_expects():
    for metric in metrics():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        assert re.fullmatch(r"roomscribe(_[a-z0-9]+)+", name)
        assert metric.type in ("counter", "gauge", "histogram"), name
        assert (metric.type == "counter") == name.endswith("_total"), name
        assert metric.type != "histogram" or name.endswith("_seconds"), name
        assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|percent|created)(_|$)", name)


def test_every_metric_is_explained_and_shown_once():
    assert len({metric.name for metric in metrics()}) == len(metrics())
    for metric in metrics():
        assert re.match(r"[A-Z1]", metric.documentation), metric.name
        assert not metric.documentation.endswith("."), metric.name


def test_labels_have_few_values():
    for name, each in series().items():
        for label, values in each.labels.items():
            assert label in HTTP_LABELS or len(values) <= MOST_VALUES, name
