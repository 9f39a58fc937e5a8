"""A whole room is told of while it lives, and what its queues went through is not forgotten after it."""

from __future__ import annotations

import pytest

from bot import Gauges
from bot.outbox import Outbox
from pipeline import FinalTranscript, PartialTranscript
from tests.support.meeting import meeting

GO_FORWARD = "command-goforward"  # "go forward ten meters"
PATIENCE_S = 10.0


class Scraper:
    """`told` is what a scrape shows of one series just now."""

    def __init__(self, supervisor):
        self.registry = supervisor.metrics.registry
        self.registry.register(Gauges(supervisor))

    def told(self, name, **labels):
        return self.registry.get_sample_value(f"roomscribe_{name}", labels)


@pytest.mark.model
async def test_a_meeting_shows_in_every_part_of_the_figures(engine_settings):
    async with meeting(engine_settings) as room:
        scraper = Scraper(room.supervisor)
        rita, ada = await room.reader("Rita"), await room.speaker("Ada")
        room.enable(rita)
        await ada.heard()
        await ada.says(GO_FORWARD)
        await rita.final(of=ada)

        assert scraper.told("rooms") == scraper.told("speakers") == scraper.told("targets") == 1
        assert scraper.told("rooms_disconnected") == 0
        assert scraper.told("peer_connections", state="open") == 1
        assert scraper.told("tasks") > 10
        assert 0 < scraper.told("ring_bytes") < 30 * 32_000
        assert scraper.told("peer_state_total", state="connected") == 1
        assert scraper.told("ice_selected_total", type="host") == 1
        assert 0.3 < scraper.told("speech_seconds_total") <= scraper.told("audio_seconds_total")
        assert scraper.told("asr_rtf_ratio") > 0
        assert 0 < scraper.told("caption_latency_seconds_sum", kind="final") < PATIENCE_S
        assert scraper.told("queue_depth", queue="speaker_intake") <= scraper.told("queue_peak", queue="speaker_intake")
        for queue in ("speaker_packets", "speaker_utterances", "speaker_signaling", "engine_finals", "room_finals"):
            assert 1 <= scraper.told("queue_peak", queue=queue) <= scraper.told("queue_capacity", queue=queue)
            assert scraper.told("queue_dropped_total", queue=queue) == 0
        assert scraper.told("queue_seconds") == 0


def final(number):
    return FinalTranscript(
        speaker="1.1/ada", utterance=number, text="so", language_id="en", start=0, end=1, heard_at=0.0
    )


def partial(speaker):
    return PartialTranscript(
        speaker=speaker, utterance=1, revision=1, text="so", language_id="en", start=0, end=1, heard_at=0.0
    )


@pytest.mark.model
async def test_what_a_queue_went_through_is_told_when_it_is_gone(engine_settings, monkeypatch):
    monkeypatch.setattr("bot.outbox.MAX_PARTIALS", 2)
    async with meeting(engine_settings) as room:
        scraper = Scraper(room.supervisor)
        outbox = Outbox(room.supervisor.metrics.totals)
        for number in range(3):
            await outbox.put(final(number))
            await outbox.put(partial(f"1.{number}/somebody"))
        del outbox

        assert scraper.told("queue_depth", queue="room_finals") == 0
        assert scraper.told("queue_peak", queue="room_finals") == 3
        assert scraper.told("queue_peak", queue="room_partials") == 2
        assert scraper.told("queue_dropped_total", queue="room_partials") == 1
