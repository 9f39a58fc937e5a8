"""The queues of the process, by name: how full they are now, ever were, and what did not fit."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client.core import Metric

from pipeline import ChannelStats, QueueTotals
from pipeline.receiver import MAX_PENDING

from .families import counters, gauges
from .receipts import MAX_UNCONFIRMED
from .room import RoomBot
from .speakers import Speaker

if TYPE_CHECKING:
    from .supervisor import Supervisor


DEPTH: Final = operator.attrgetter("depth")
NO_QUEUE: Final = ChannelStats(depth=0, peak=0, dropped=0, capacity=0)


class Queue(NamedTuple):
    """All queues of one name; those that are gone with their speaker or room live on in `totals`."""

    depth: int
    capacity: int
    totals: QueueTotals


def queueing(
    supervisor: Supervisor, rooms: Sequence[RoomBot], speakers: Sequence[Speaker], tallies: Mapping[str, int]
) -> Iterable[Metric]:
    """Their metrics. `speakers` are all whose words may still be on their way; `tallies` are those of the media."""
    queues = _queues(supervisor, rooms, speakers, tallies)
    yield gauges(
        "roomscribe_queue_depth",
        "Items in the fullest queue of its name now",
        "queue",
        {name: queue.depth for name, queue in queues.items()},
    )
    yield gauges(
        "roomscribe_queue_capacity",
        "Items that a queue of this name holds at most; 0 while there is none",
        "queue",
        {name: queue.capacity for name, queue in queues.items()},
    )
    yield gauges(
        "roomscribe_queue_peak",
        "Items that any queue of this name has ever held",
        "queue",
        {name: queue.totals.peak for name, queue in queues.items()},
    )
    yield counters(
        "roomscribe_queue_dropped",
        "Items that were given up, or not taken in, because a queue of this name was full",
        "queue",
        {name: queue.totals.dropped for name, queue in queues.items()},
    )
    yield gauges(
        "roomscribe_queue_fullness_ratio",
        "How full the fullest queue of its name is now; 1: nothing more fits",
        "queue",
        {name: queue.depth / queue.capacity if queue.capacity else 0.0 for name, queue in queues.items()},
    )


def _queues(
    supervisor: Supervisor, rooms: Sequence[RoomBot], speakers: Sequence[Speaker], tallies: Mapping[str, int]
) -> dict[str, Queue]:
    totals, scheduler = supervisor.metrics.totals, supervisor.engine.scheduler
    stats: dict[str, list[ChannelStats]] = {
        "speaker_intake": [speaker.pipeline.intake for speaker in speakers],
        "speaker_utterances": [speaker.pipeline.utterances for speaker in speakers],
        "speaker_translations": [speaker.pipeline.translations for speaker in speakers],
        "speaker_signaling": [speaker.subscriber.mailbox for speaker in speakers],
        "room_finals": [room.outbox.finals for room in rooms],
        "room_partials": [room.outbox.partials for room in rooms],
    }
    queues = {}
    for name, of in stats.items():
        fullest = max(of, key=DEPTH, default=NO_QUEUE)
        queues[name] = Queue(fullest.depth, fullest.capacity, totals.queue(name))
    unconfirmed = max((room.delivery.unconfirmed for room in rooms), default=0)
    queues["room_unconfirmed"] = Queue(unconfirmed, MAX_UNCONFIRMED, totals.queue("room_unconfirmed"))
    queues["engine_finals"] = Queue(scheduler.waiting_finals, scheduler.max_finals, scheduler.finals)
    if (media := supervisor.media) is not None:
        packets = QueueTotals(peak=media.most_waiting, dropped=tallies["dropped"])
        queues["speaker_packets"] = Queue(media.waiting, MAX_PENDING, packets)
    return queues
