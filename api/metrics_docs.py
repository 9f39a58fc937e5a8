"""`docs/metrics.md`, made of what `/metrics` of a running service answers: `python -m api.metrics_docs`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from typing import Final

import aiohttp
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bot import LOOPBACK, ChatServerSettings, RoomSettings, SignalingSettings
from bot.metrics import HTTP_LABELS
from pipeline import EngineSettings, ModelSettings
from signaling import InternalCredentials

from .service import running
from .settings.load import HttpSettings, Settings

NOBODY: Final = "127.0.0.1:9"  # nothing listens there, and nothing has to: all series exist before there is a room
HEAD: Final = """# Metrics

<!-- Made of what a running service answers by `make docs`: change the texts in bot/*metrics.py and bot/*gauges.py. -->

`GET /metrics` answers in Prometheus's text format; it asks for the secret like the API, if one is set. No label holds a
room, a person or an address, and each takes its values from a fixed set, so the number of series does not grow with
use. A histogram is read as `…_bucket{le}`, `…_sum` and `…_count`.

Under `python -X tracemalloc -m …` there is one more, the gauge `roomscribe_traced_heap_bytes`: memory that Python has
allocated since it began to trace it.

`deploy/prometheus/` has a configuration for Prometheus and alerts, `deploy/grafana/roomscribe.json` a dashboard; a test
holds both to this table.

| series | type | labels | meaning |
|---|---|---|---|"""


async def scrape() -> str:
    """What `/metrics` of a service without a model and without a room answers."""
    rooms = RoomSettings(
        signaling=SignalingSettings(
            url=f"ws://{NOBODY}", credentials=InternalCredentials(secret="unused", backend=f"http://{NOBODY}")
        ),
        addresses=LOOPBACK,
        chat_server=ChatServerSettings(),
    )
    engine = EngineSettings(model=ModelSettings(model="none", download=False))
    settings = Settings(http=HttpSettings(port=0), rooms=rooms, engine=engine)
    async with running(settings) as service, aiohttp.ClientSession(service.url) as http:
        async with http.get("/healthz") as answer:  # from then on, there is a request to tell of
            answer.raise_for_status()
        async with http.get("/metrics") as answer:
            answer.raise_for_status()
            return await answer.text()


def page(text: str) -> str:
    """The whole page, of what `/metrics` answered."""
    metrics = sorted(text_string_to_metric_families(text), key=lambda metric: metric.name)
    return "\n".join([HEAD, *map(_row, metrics), ""])


def _row(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return f"| `{name}` | {metric.type} | {', '.join(_labels(metric))} | {metric.documentation} |"


def _labels(metric: Metric) -> Iterator[str]:
    names = dict.fromkeys(name for sample in metric.samples for name in sample.labels if name != "le")
    for name in names:
        open_ended = name in HTTP_LABELS or metric.name.endswith("_info")
        values = () if open_ended else dict.fromkeys(sample.labels[name] for sample in metric.samples)
        yield f"`{name}`{_listed(values)}"


def _listed(values: Iterable[str]) -> str:
    return f": {', '.join(values)}" if values else ""


if __name__ == "__main__":
    sys.stdout.write(page(asyncio.run(scrape())))
