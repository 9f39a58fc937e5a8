"""How gauges and counters that are read at a scrape are written down."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def counter(name: str, text: str, value: float) -> Metric:
    """`name` without its `_total`."""
    return CounterMetricFamily(name, text, value=float(value))


def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """One for each value of `label`."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], float(value))
    return family


def counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """The same; `name` without its `_total`."""
    family = CounterMetricFamily(name, text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], float(value))
    return family
