"""What is, read from the parts at each scrape: the parts know no Prometheus.

No label ever holds a room token or a session id: that would be a leak that looks like observability.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline import Engine, EngineState, Kind, Rule
from pipeline.receiver import MAX_PENDING

from .admission import PROCESS
from .media_gauges import receiving
from .metrics import INTERIM
from .receipts import MAX_UNCONFIRMED
from .supervisor import Supervisor, rss_of


class Gauges(Collector):
    """Register it once with the registry that `/metrics` renders."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._process = psutil.Process()

    def collect(self) -> Iterable[Metric]:
        """Read the parts. Called by prometheus_client at each scrape."""
        supervisor = self._supervisor
        engine, rooms = supervisor.engine, list(supervisor.rooms.values())
        speakers = [speaker for room in rooms for speaker in room.speakers.active]
        yield _gauge("roomscribe_rooms", "Rooms being served", len(rooms))
        yield _gauge("roomscribe_speakers", "Speakers being listened to", len(speakers))
        unheard = sum(room.speakers.unheard for room in rooms)
        yield _gauge("roomscribe_speakers_unheard", "Speakers who wait for a place", unheard)
        yield _gauge("roomscribe_targets", "Readers who asked for captions", sum(room.targets for room in rooms))
        yield _gauge("roomscribe_ready", "1 when the model is loaded", engine.state is EngineState.READY)
        memory = GaugeMetricFamily("roomscribe_memory_rss_bytes", "Resident memory", labels=["process"])
        memory.add_metric(["main"], self._process.memory_info().rss)
        memory.add_metric(["engine"], rss_of(engine.pid))
        yield memory
        yield from _admission(supervisor)
        yield _gauge("roomscribe_threads", "Threads of the process", self._process.num_threads())
        depth = GaugeMetricFamily("roomscribe_queue_depth", "Fullest queue of its name now", labels=["queue"])
        capacity = GaugeMetricFamily("roomscribe_queue_capacity", "Bound of a queue of this name", labels=["queue"])
        queues = {
            "speaker_intake": [speaker.pipeline.intake for speaker in speakers],
            "speaker_utterances": [speaker.pipeline.utterances for speaker in speakers],
            "room_finals": [room.outbox.finals for room in rooms],
            "room_partials": [room.outbox.partials for room in rooms],
        }
        for name, stats in queues.items():
            depth.add_metric([name], max((each.depth for each in stats), default=0))
            capacity.add_metric([name], max((each.capacity for each in stats), default=0))
        depth.add_metric(["room_unconfirmed"], max((room.delivery.unconfirmed for room in rooms), default=0))
        capacity.add_metric(["room_unconfirmed"], MAX_UNCONFIRMED)
        if supervisor.media is not None:
            depth.add_metric(["speaker_packets"], supervisor.media.waiting)
            capacity.add_metric(["speaker_packets"], MAX_PENDING)
        depth.add_metric(["engine_finals"], engine.scheduler.waiting_finals)
        capacity.add_metric(["engine_finals"], engine.scheduler.max_finals)
        yield depth
        yield capacity
        yield _counter_of("roomscribe_engine_restarts", "Restarts of the recognition process", engine.restarts)
        yield _counter_of("roomscribe_engine_busy_seconds", "Time spent in the recogniser", engine.busy_s)
        decodes = CounterMetricFamily("roomscribe_decodes", "Stretches of audio decoded", labels=["kind"])
        for kind in Kind:
            decodes.add_metric([INTERIM if kind is Kind.PARTIAL else kind.value], engine.decodes[kind])
        yield decodes
        yield from _recognition(engine)
        yield from receiving(supervisor.media)
        totals = supervisor.metrics.totals
        words = CounterMetricFamily("roomscribe_words", "Words of captions, by what became of them", labels=["kind"])
        words.add_metric(["final"], totals.final_words)
        words.add_metric(["committed"], totals.committed_words)
        words.add_metric(["committed_corrected"], totals.committed_corrected)
        words.add_metric(["tentative_changed"], totals.tentative_changed)
        yield words
        yield _counter_of("roomscribe_audio_seconds", "Audio heard", totals.audio_s)
        yield _counter_of("roomscribe_gaps", "Utterances that were heard but not transcribed", totals.gaps)
        dropped = CounterMetricFamily("roomscribe_audio_dropped_seconds", "Audio lost inside", labels=["reason"])
        dropped.add_metric(["intake_full"], totals.intake_dropped_s)
        dropped.add_metric(["gap"], totals.gap_s)
        yield dropped
        yield _counter_of("roomscribe_audio_filled_seconds", "Silence put in for lost packets", totals.filled_s)


def _admission(supervisor: Supervisor) -> Iterable[Metric]:
    """What the process has no more of, and the limits that are not told elsewhere."""
    used_up = supervisor.full
    full = GaugeMetricFamily("roomscribe_full", "1 while nothing new is taken on for this reason", labels=["reason"])
    for bound in PROCESS:
        full.add_metric([bound.value], float(bound in used_up))
    yield full
    admission = supervisor.admission
    limit = admission.settings.max_total_speakers
    yield _gauge("roomscribe_speakers_limit", "Speakers listened to at once, in all rooms", limit)
    text = "Resident memory beyond which nothing new is taken on; +Inf: it is not looked at"
    yield _gauge("roomscribe_memory_limit_bytes", text, admission.memory_limit)
    refused = CounterMetricFamily("roomscribe_admission_refused", "Rooms refused, speakers let wait", labels=["what"])
    refused.add_metric(["room"], admission.refused_rooms)
    refused.add_metric(["speaker"], admission.refused_speakers)
    yield refused


def _recognition(engine: Engine) -> Iterable[Metric]:
    """What the guards and the ladder did."""
    suppressed = CounterMetricFamily(
        "roomscribe_hallucination_suppressed", "Texts that a guard withheld as invented", labels=["rule"]
    )
    for rule in Rule:
        suppressed.add_metric([rule.value], engine.suppressed[rule.value])
    yield suppressed
    yield _counter_of("roomscribe_repeats_trimmed", "Texts whose repeated end was cut off", engine.trimmed)
    yield _counter_of("roomscribe_full_windows", "Finals decoded again in the full 30 s window", engine.full_windows)
    yield _counter_of("roomscribe_decoded_audio_seconds", "Audio that went through the recogniser", engine.decoded_s)
    late_s = engine.scheduler.lateness(now=asyncio.get_running_loop().time())
    yield _gauge("roomscribe_finals_late_seconds", "How long the most overdue final is overdue", max(late_s, 0.0))
    yield _gauge("roomscribe_overload_step", "Step of the overload ladder; 0: nothing is given up", engine.ladder.step)
    climbed = CounterMetricFamily("roomscribe_overload_climbed", "How often a step was reached", labels=["step"])
    for step, count in engine.ladder.climbed.items():
        climbed.add_metric([step.name.lower()], count)
    yield climbed


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter_of(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=float(value))
