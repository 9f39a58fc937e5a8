"""What `/metrics` of a running service answers, as a table of its series. Asked once for all tests of a process."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from api.metrics_docs import scrape


@dataclass
class Series:
    """As it is written in queries; `type` is that of the metric that it belongs to."""

    type: str
    text: str
    labels: dict[str, set[str]] = field(default_factory=dict)  # and the values that it has


@functools.cache
def answer() -> str:
    return asyncio.run(scrape())


@functools.cache
def metrics():
    return list(text_string_to_metric_families(answer()))


@functools.cache
def series() -> dict[str, Series]:
    found: dict[str, Series] = {}
    for metric in metrics():
        for sample in metric.samples:
            each = found.setdefault(sample.name, Series(type=metric.type, text=metric.documentation))
            for label, value in sample.labels.items():
                each.labels.setdefault(label, set()).add(value)
    return found
