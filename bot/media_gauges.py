"""What the receive path does, read from it at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import InfoMetricFamily, Metric

from pipeline import Media

from .families import counter, counters, gauge, gauges

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


def receiving(media: Media | None, tallies: Mapping[str, int]) -> Iterable[Metric]:
    """All metrics of the receive path, and what it has counted; without one of our own, only that it is missing."""
    path = InfoMetricFamily("roomscribe_receive_path", "How received audio becomes samples")
    if media is None:
        path.add_metric([], {"path": "track", "decoder": "aiortc"})
        yield path
        return
    path.add_metric([], {"path": "rtp", "decoder": media.decoder.name})
    yield path
    totals = media.totals
    yield counters(
        "roomscribe_rtp_packets",
        "RTP packets, by what became of them; late ones count as lost too",
        "kind",
        {kind: tallies[kind] for kind in PACKETS},
    )
    yield counter("roomscribe_rtp_lost", "RTP packets that did not come in time", tallies["lost"])
    yield counters(
        "roomscribe_opus_seconds",
        "Audio by where its samples came from",
        "kind",
        {
            "decoded": totals.decoded_s,
            "recovered": totals.recovered_s,
            "quiet": totals.quiet_s,
            "concealed": totals.concealed_s,
            "silence": totals.filled_s,
        },
    )
    text = "Packets that are no Opus, and were concealed"
    yield counter("roomscribe_opus_undecodable", text, totals.undecodable)
    yield gauge("roomscribe_gates_open", "Speakers whose packets are being decoded", media.open_gates)
    yield gauge("roomscribe_jitter_holdback_seconds", "Longest wait for a missing packet", media.holdback_s)
    yield gauges(
        "roomscribe_opus_decoders",
        "Opus decoders",
        "state",
        {"in_use": media.pool.in_use, "idle": media.pool.idle},
    )
