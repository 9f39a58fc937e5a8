"""What is, read from the parts at each scrape: the parts know no Prometheus.

No label ever holds a room token or a session id: that would be a leak that looks like observability.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pipeline import Engine, EngineState, Kind, Rule, Totals

from .admission import PROCESS
from .families import counter, counters, gauge, gauges
from .media_gauges import receiving
from .metrics import FINAL, INTERIM
from .peer import connections
from .process_gauges import ProcessGauges
from .queue_gauges import queueing
from .room import RoomBot
from .speakers import Speaker
from .supervisor import Supervisor


class Gauges(Collector):
    """Register it once with the registry that `/metrics` renders."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._process = ProcessGauges()

    def collect(self) -> Iterable[Metric]:
        """Read the parts. Called by prometheus_client at each scrape, in the event loop."""
        supervisor = self._supervisor
        engine, rooms = supervisor.engine, list(supervisor.rooms.values())
        heard = [speaker for room in rooms for speaker in room.speakers.active]
        speakers = [*heard, *(speaker for room in rooms for speaker in room.speakers.finishing)]
        yield from _rooms(rooms, speakers=len(heard))
        yield gauge("roomscribe_ready", "1 when the model is loaded", engine.state is EngineState.READY)
        text = "1 when the signaling server can be reached"
        yield gauge("roomscribe_signaling_reachable", text, supervisor.signaling_problem is None)
        yield from _admission(supervisor)
        yield from self._process.collect(engine.pid)
        yield from _held(speakers)
        tallies = supervisor.media.tallies() if supervisor.media is not None else {}
        yield from queueing(supervisor, rooms, speakers, tallies)
        waiting_s = sum(speaker.pipeline.waiting_s for speaker in speakers)
        yield gauge("roomscribe_queue_seconds", "Audio of ended utterances that waits for its words", waiting_s)
        yield from _recognition(engine)
        yield from _ladder(engine)
        if supervisor.media is not None or engine.state is not EngineState.STARTING:  # else it is not known yet
            yield from receiving(supervisor.media, tallies)
        yield from _heard(supervisor.metrics.totals)


def _rooms(rooms: Sequence[RoomBot], *, speakers: int) -> Iterable[Metric]:
    yield gauge("roomscribe_rooms", "Rooms being served", len(rooms))
    away = sum(room.joined.is_set() and not room.is_connected for room in rooms)
    yield gauge("roomscribe_rooms_disconnected", "Rooms whose signaling connection is being made anew", away)
    yield gauge("roomscribe_speakers", "Speakers being listened to", speakers)
    unheard = sum(room.speakers.unheard for room in rooms)
    yield gauge("roomscribe_speakers_unheard", "Speakers who wait for a place", unheard)
    yield gauge("roomscribe_targets", "Readers who asked for captions", sum(room.targets for room in rooms))


def _held(speakers: Sequence[Speaker]) -> Iterable[Metric]:
    """What comes and goes with people, and must not stay."""
    yield gauge("roomscribe_tasks", "Tasks of the event loop", len(asyncio.all_tasks()))
    opened, closed = connections()
    text = "Receiving peer connections in memory; closed: their memory is not free yet"
    yield gauges("roomscribe_peer_connections", text, "state", {"open": opened, "closed": closed})
    text = "Received audio that is kept until its words are out, of all speakers"
    yield gauge("roomscribe_ring_bytes", text, sum(speaker.pipeline.ring_bytes for speaker in speakers))


def _admission(supervisor: Supervisor) -> Iterable[Metric]:
    """What the process has no more of, and the limits that are not told elsewhere."""
    used_up, admission = supervisor.full, supervisor.admission
    yield gauges(
        "roomscribe_full",
        "1 while nothing new is taken on for this reason",
        "reason",
        {bound.value: bound in used_up for bound in PROCESS},
    )
    limit = admission.settings.max_total_speakers
    yield gauge("roomscribe_speakers_limit", "Speakers listened to at once, in all rooms", limit)
    text = "Resident memory beyond which nothing new is taken on; +Inf: it is not looked at"
    yield gauge("roomscribe_memory_limit_bytes", text, admission.memory_limit)
    yield counters(
        "roomscribe_admission_refused",
        "Rooms refused, speakers let wait",
        "what",
        {"room": admission.refused_rooms, "speaker": admission.refused_speakers},
    )


def _recognition(engine: Engine) -> Iterable[Metric]:
    """What the recogniser and the guards did."""
    yield counter("roomscribe_engine_restarts", "Restarts of the recognition process", engine.restarts)
    yield counter("roomscribe_engine_busy_seconds", "Time spent in the recogniser", engine.busy_s)
    text = "Time that recent decodes took for each second of their audio; below 1 is faster than speech"
    yield gauge("roomscribe_asr_rtf_ratio", text, engine.rtf.value)
    yield counters(
        "roomscribe_decodes",
        "Stretches of audio decoded",
        "kind",
        {FINAL if kind is Kind.FINAL else INTERIM: engine.decodes[kind] for kind in Kind},
    )
    yield counters(
        "roomscribe_hallucination_suppressed",
        "Texts that a guard withheld as invented",
        "rule",
        {rule.value: engine.suppressed[rule.value] for rule in Rule},
    )
    yield counter("roomscribe_repeats_trimmed", "Texts whose repeated end was cut off", engine.trimmed)
    yield counter("roomscribe_full_windows", "Finals decoded again in the full 30 s window", engine.full_windows)
    yield counter("roomscribe_decoded_audio_seconds", "Audio that went through the recogniser", engine.decoded_s)


def _ladder(engine: Engine) -> Iterable[Metric]:
    """What is given up, and why."""
    late_s = engine.scheduler.lateness(now=asyncio.get_running_loop().time())
    yield gauge("roomscribe_finals_late_seconds", "How long the most overdue final is overdue", max(late_s, 0.0))
    text = "Step of the overload ladder: 0 nothing is given up, 1 and 2 partials, 3 all of them, 4 care, 5 audio"
    yield gauge("roomscribe_overload_step", text, engine.ladder.step)
    yield counters(
        "roomscribe_overload_climbed",
        "How often a step was reached",
        "step",
        {step.name.lower(): count for step, count in engine.ladder.climbed.items()},
    )


def _heard(totals: Totals) -> Iterable[Metric]:
    """What was heard, what became words, and what was lost between the two."""
    yield counters(
        "roomscribe_words",
        "Words of captions, by what became of them",
        "kind",
        {
            "final": totals.final_words,
            "committed": totals.committed_words,
            "committed_corrected": totals.committed_corrected,
            "tentative_changed": totals.tentative_changed,
        },
    )
    yield counter("roomscribe_audio_seconds", "Audio heard", totals.audio_s)
    yield counter("roomscribe_speech_seconds", "Audio heard that the voice detector took for speech", totals.speech_s)
    yield counters(
        "roomscribe_translations",
        "Utterances for readers of a translation; untranslated: they got what was said",
        "outcome",
        {"translated": totals.translated, "untranslated": totals.untranslated},
    )
    text = "Utterances heard but not transcribed, or given up before all readers had them"
    yield counter("roomscribe_gaps", text, totals.gaps)
    yield counters(
        "roomscribe_audio_dropped_seconds",
        "Audio lost inside",
        "reason",
        {"intake_full": totals.intake_dropped_s, "gap": totals.gap_s},
    )
    yield counter("roomscribe_audio_filled_seconds", "Silence put in for lost packets", totals.filled_s)
