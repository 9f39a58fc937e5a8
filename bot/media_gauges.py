"""What the receive path does, read from it at each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from pipeline import Media

#: Packets by what became of them. `late` ones had been counted as `lost` before.
PACKETS: Final = (
    "received",
    "lost",
    "late",
    "duplicates",
    "reordered",
    "malformed",
    "other_payload",
    "undecipherable",
)


def receiving(media: Media | None) -> Iterable[Metric]:
    """All metrics of the receive path; without one of our own, only that it is missing."""
    path = InfoMetricFamily("roomscribe_receive_path", "How received audio becomes samples")
    if media is None:
        path.add_metric([], {"path": "track", "decoder": "aiortc"})
        yield path
        return
    path.add_metric([], {"path": "rtp", "decoder": media.decoder.name})
    yield path
    tallies = media.tallies()
    packets = CounterMetricFamily("roomscribe_rtp_packets", "RTP packets, by what became of them", labels=["kind"])
    for kind in PACKETS:
        packets.add_metric([kind], tallies[kind])
    yield packets
    audio = CounterMetricFamily("roomscribe_opus_seconds", "Audio by where its samples came from", labels=["kind"])
    audio.add_metric(["decoded"], media.totals.decoded_s)
    audio.add_metric(["recovered"], media.totals.recovered_s)
    audio.add_metric(["quiet"], media.totals.quiet_s)
    audio.add_metric(["concealed"], media.totals.concealed_s)
    audio.add_metric(["silence"], media.totals.filled_s)
    yield audio
    yield CounterMetricFamily(
        "roomscribe_opus_undecodable", "Packets that are no Opus, and were concealed", value=media.totals.undecodable
    )
    yield _gauge("roomscribe_gates_open", "Speakers whose packets are being decoded", media.open_gates)
    yield _gauge("roomscribe_jitter_holdback_seconds", "Longest wait for a missing packet", media.holdback_s)
    decoders = GaugeMetricFamily("roomscribe_opus_decoders", "Opus decoders", labels=["state"])
    decoders.add_metric(["in_use"], media.pool.in_use)
    decoders.add_metric(["idle"], media.pool.idle)
    yield decoders


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
