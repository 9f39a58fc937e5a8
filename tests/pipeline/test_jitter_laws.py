"""What holds of a jitter ring whatever the network does."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.encoded import EncodedFrame, Lost
from pipeline.jitter import CAPACITY, LONGEST_S, MAX_LOST, MISSED, SHORTEST_S, JitterRing
from pipeline.opus_packet import opus_duration
from pipeline.rtp import RtpPacket
from tests.pipeline.network import FRAME, TOC, number, packet

TOCS = (TOC, TOC, TOC, 14 << 3, 3 << 3, TOC | 1)  # 20 ms, 10, 60, two of 20
EPSILON = 1e-9

beginnings = st.fixed_dictionaries(
    {"first_sequence": st.sampled_from([0, 65_530, 65_500]), "first_timestamp": st.sampled_from([0, 2**32 - 5000])}
)
delays = st.one_of(st.just(0.0), st.just(0.0), st.floats(0.0, 0.03), st.floats(0.0, 0.3))
journeys = st.lists(
    st.fixed_dictionaries(
        {
            "toc": st.sampled_from(TOCS),
            "pause": st.sampled_from([0, 0, 0, 0, 480, FRAME, 20 * FRAME]),  # DTX before it, in samples
            "lost": st.sampled_from([False, False, False, True]),
            "delay": delays,
            "again": st.none() | st.none() | st.floats(0.0, 0.2),  # a second copy comes so much later
        }
    ),
    min_size=1,
    max_size=60,
)
tickers = st.sampled_from([0.005, 0.02, 0.04, 10.0])


class Journey:
    """A stream that went through a network into a ring, and what left it."""

    def __init__(self, steps, beginning, ticker):
        self.ring = JitterRing()
        self.sent = {}  # number → (timestamp, duration), unwrapped
        self.came = {}  # number → when its first copy came
        self.frames, self.left_at = [], []
        self.looks = []  # when the ticker looked, and the hold-back then
        clock, arrivals = beginning["first_timestamp"], []
        for each, step in enumerate(steps):
            clock += step["pause"]
            duration = opus_duration(bytes([step["toc"]]))
            self.sent[each] = clock, duration
            if not step["lost"]:
                start = clock - beginning["first_timestamp"]
                arrivals.append(
                    (start / 48_000 + step["delay"], each, packet(each, timestamp=start, toc=step["toc"], **beginning))
                )
                if step["again"] is not None:
                    arrivals.append((arrivals[-1][0] + step["again"], each, arrivals[-1][2]))
            clock += duration
        self.puts = len(arrivals)
        next_look = ticker
        for now, each, sent in sorted(arrivals, key=lambda arrival: arrival[0]):
            while next_look <= now:
                self._look(next_look)
                next_look += ticker
            self.came.setdefault(each, now)
            self._keep(self.ring.put(sent, now=now), now)
        self.end = now if arrivals else 0.0

    def _look(self, now):
        self._keep(self.ring.release(now=now), now)
        self.looks.append((now, self.ring.holdback_s))

    def _keep(self, frames, now):
        frames = [frame for frame in frames if isinstance(frame, EncodedFrame)]
        self.frames += frames
        self.left_at += [now] * len(frames)

    def flush(self):
        self._keep(self.ring.flush(now=self.end), self.end)
        return self

    @property
    def released(self):
        return [number(frame) for frame in self.frames if frame.payload is not None]

    @property
    def noticed(self):
        """When each number was known to be missing: when the first of those behind it came."""
        return {
            each: min((came for other, came in self.came.items() if other > each), default=float("inf"))
            for each in self.sent
        }


def in_order(frames):
    return all(earlier.end <= later.timestamp for earlier, later in itertools.pairwise(frames)) and all(
        frame.duration > 0 for frame in frames
    )


@given(journeys, beginnings, tickers)
def test_media_time_goes_on_and_is_that_of_the_sender(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker).flush()
    assert in_order(journey.frames)
    for frame in journey.frames:
        if frame.payload is not None:
            start, duration = journey.sent[number(frame)]
            assert (frame.timestamp - start) % 2**32 == 0
            assert frame.duration == duration
    whole = sum(duration for _, duration in journey.sent.values()) + sum(step["pause"] for step in steps)
    assert not journey.frames or journey.frames[-1].end - journey.frames[0].timestamp <= whole


@given(journeys, beginnings, tickers)
def test_what_came_is_released_once_at_most_and_in_order(steps, beginning, ticker):
    released = Journey(steps, beginning, ticker).flush().released
    assert released == sorted(set(released))


@given(journeys, beginnings, tickers)
def test_who_comes_within_the_hold_back_is_released(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker).flush()
    first = min(journey.came, key=journey.came.get, default=0)
    noticed = journey.noticed
    in_time = {
        each for each, came in journey.came.items() if each >= first and came - noticed[each] < SHORTEST_S - EPSILON
    }
    assert in_time <= set(journey.released)


@given(journeys, beginnings, tickers)
def test_nothing_waits_for_longer_than_the_hold_back_when_somebody_looks(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker)
    looks, frames = journey.looks, list(zip(journey.frames, journey.left_at, strict=True))
    for look, holdback_s in looks:
        assert holdback_s <= LONGEST_S
        for frame, left_at in frames:
            waited = look - frame.arrived_at
            assert waited < holdback_s + EPSILON or left_at <= look


@given(journeys, beginnings, tickers)
def test_nothing_waits_without_a_gap(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker)
    noticed = journey.noticed
    for frame, left_at in zip(journey.frames, journey.left_at, strict=True):
        if frame.payload is not None and left_at > frame.arrived_at:
            assert any(
                noticed[each] <= frame.arrived_at
                for each in range(number(frame))
                if each not in journey.came or journey.came[each] > frame.arrived_at
            )


@given(journeys, beginnings, tickers)
def test_each_missing_frame_is_marked_unless_there_is_no_time_for_it(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker).flush()
    lost, last = 0, None
    for frame in journey.frames:
        if frame.payload is None:
            lost += 1
        else:
            if last is not None:
                missing = number(frame) - last - 1
                assert lost == min(missing, MAX_LOST)
            last, lost = number(frame), 0
    assert lost == 0, "a lost frame is followed by the one after it"


@given(journeys, beginnings, tickers)
def test_everything_that_came_is_accounted_for(steps, beginning, ticker):
    journey = Journey(steps, beginning, ticker).flush()
    ring = journey.ring
    assert ring.received == journey.puts
    assert ring.received == len(journey.released) + ring.late + ring.duplicates
    assert (ring.malformed, ring.jumps) == (0, 0)
    spread = max(journey.came, default=0) - min(journey.came, key=journey.came.get, default=0) + 1
    assert len(journey.released) + ring.lost == (spread if journey.came else 0)


@given(
    st.lists(st.floats(0.0, SHORTEST_S - 0.001), min_size=1, max_size=80),
    st.sampled_from([0.001, 0.003, 0.02]),
    beginnings,
    tickers,
)
def test_without_loss_any_order_within_the_hold_back_is_put_right(delays, spacing, beginning, ticker):
    ring, frames, look = JitterRing(), [], ticker
    arrivals = [(at * spacing + delay, at) for at, delay in enumerate([0.0, *delays])]
    for now, each in sorted(arrivals):
        while look <= now:
            frames += ring.release(now=look)
            look += ticker
        frames += ring.put(packet(each, **beginning), now=now)
    assert not ring.waiting
    assert [number(frame) for frame in frames] == list(range(len(arrivals)))
    assert [frame.timestamp - frames[0].timestamp for frame in frames] == [at * FRAME for at in range(len(arrivals))]
    assert ring.lost == ring.late == 0


@given(st.lists(st.booleans(), max_size=120), beginnings)
def test_with_loss_alone_the_frames_and_the_lost_ones_make_up_all_of_media_time(losses, beginning):
    kept = [each for each, lost in enumerate([False, *losses, False]) if not lost]
    ring, frames = JitterRing(), []
    for each in kept:
        frames += ring.put(packet(each, **beginning), now=each * 0.02)
    frames += ring.flush(now=3.0)
    frames = [frame for frame in frames if isinstance(frame, EncodedFrame)]
    longest = max((later - earlier - 1 for earlier, later in itertools.pairwise(kept)), default=0)
    if longest <= MAX_LOST:
        assert len(frames) == len(losses) + 2
        assert all(earlier.end == later.timestamp for earlier, later in itertools.pairwise(frames))
    assert frames[-1].end - frames[0].timestamp == (len(losses) + 2) * FRAME


# Whatever a stranger sends

anything = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.one_of(st.integers(0, 40), st.integers(0, 300), st.integers(0, 2**16 - 1)),
            st.one_of(st.integers(0, 40).map(lambda each: each * FRAME), st.integers(0, 2**32 - 1)),
            st.sampled_from([b"", bytes([TOC]), bytes([TOC]), bytes([TOC | 3, 6]), bytes([TOC | 3, 0])]),
        ),
        st.tuples(st.just("next"), st.integers(1, 3), st.integers(-2, 3), st.just(bytes([TOC]))),
        st.tuples(st.sampled_from(["release", "flush"]), st.just(0), st.just(0), st.just(b"")),
    ),
    max_size=80,
)


@given(anything, st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.3, 30.0]), min_size=1, max_size=10))
def test_no_sequence_of_packets_breaks_the_order_or_the_bounds(steps, pauses):
    ring, frames, now, sequence, timestamp, puts = JitterRing(), [], 0.0, 0, 0, 0
    for (what, first, second, head), pause in zip(steps, itertools.cycle(pauses)):
        now += pause
        if what == "release":
            frames += ring.release(now=now)
        elif what == "flush":
            frames += ring.flush(now=now)
        else:
            if what == "next":
                sequence, timestamp = (sequence + first) % 2**16, (timestamp + second * FRAME) % 2**32
            else:
                sequence, timestamp = first, second
            puts += 1
            payload = head and head + puts.to_bytes(4, "big")
            frames += ring.put(RtpPacket(1, 111, sequence, timestamp, False, 0, False, payload), now=now)
        dropped = ring.late + ring.duplicates + ring.malformed
        released = [number(frame) for frame in frames if isinstance(frame, EncodedFrame) and frame.payload is not None]
        held = ring.received - dropped - len(released)
        assert ring.received == puts
        assert 0 <= held < CAPACITY
        assert ring.waiting == (held > 0)
        assert len(ring._given_up) <= CAPACITY
        assert SHORTEST_S <= ring.holdback_s <= LONGEST_S
    frames += ring.flush(now=now)
    assert not ring.waiting
    assert all(lost.duration >= MISSED for lost in frames if isinstance(lost, Lost))
    frames = [frame for frame in frames if isinstance(frame, EncodedFrame)]
    assert in_order(frames)
    released = [number(frame) for frame in frames if frame.payload is not None]
    assert len(set(released)) == len(released) == puts - ring.late - ring.duplicates - ring.malformed
    runs = [len(list(run)) for lost, run in itertools.groupby(frames, lambda frame: frame.payload is None) if lost]
    assert all(run <= MAX_LOST for run in runs)
