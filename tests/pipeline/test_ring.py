import numpy as np
import psutil
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import AudioChunk, samples
from pipeline.ring import PAGE, AudioRing


def counting(start, count):
    """Audio in which each sample is its own media time."""
    return AudioChunk(start=start, pcm=np.arange(start, start + count, dtype=np.int64).astype(np.int16))


def read(ring, start, end):
    return ring.read(start, end).pcm.tolist()


def test_what_was_written_can_be_read_at_its_media_time():
    ring = AudioRing(100)
    ring.write(counting(0, 50))
    assert read(ring, 10, 13) == [10, 11, 12]


def test_what_has_gone_by_yields_what_is_left_of_it():
    ring = AudioRing(10)
    ring.write(counting(0, 15))
    assert (ring.start, ring.end) == (5, 15)
    assert read(ring, 0, 7) == [5, 6]
    assert read(ring, 13, 99) == [13, 14]


def test_a_read_beyond_both_ends_is_empty():
    ring = AudioRing(10)
    ring.write(counting(0, 15))
    assert read(ring, 0, 5) == []
    assert read(ring, 15, 20) == []
    assert read(ring, 9, 6) == []


def test_it_holds_two_bytes_for_each_sample_that_can_be_read():
    ring = AudioRing(samples(2.0))
    assert ring.held_bytes == 0
    ring.write(counting(0, samples(1.5)))
    assert ring.held_bytes == 2 * samples(1.5)
    ring.forget(samples(1.0))
    assert ring.held_bytes == 2 * samples(0.5)
    ring.write(counting(samples(1.5), samples(3.0)))
    assert ring.held_bytes == 2 * samples(2.0)


def test_a_jump_of_media_time_drops_what_was_kept():
    ring = AudioRing(10)
    ring.write(counting(0, 5))
    ring.write(counting(100, 3))
    assert read(ring, 0, 200) == [100, 101, 102]


def test_what_was_read_does_not_change_when_the_ring_goes_on():
    ring = AudioRing(4)
    ring.write(counting(0, 4))
    chunk = ring.read(0, 4)
    ring.write(counting(4, 4))
    assert chunk.pcm.tolist() == [0, 1, 2, 3]


writes = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 0, 0, 1, 7, 500])), max_size=30)


@given(capacity=st.integers(1, 32), writes=writes, start=st.integers(0, 2000), length=st.integers(0, 50))
def test_the_ring_is_a_list_that_forgets(capacity, writes, start, length):
    ring = AudioRing(capacity)
    kept, end = [], 0
    for count, jump in writes:
        at = end + jump
        ring.write(counting(at, count))
        fresh = list(range(at, at + count))
        kept = ((kept if not jump else []) + fresh)[-capacity:]
        end = at + count
    assert (ring.start, ring.end) == (end - len(kept), end)
    assert read(ring, 0, end + 10) == kept
    assert read(ring, start, start + length) == [each for each in kept if start <= each < start + length]
    chunk = ring.read(start, start + length)
    assert ring.start <= chunk.start <= chunk.end <= ring.end


@given(
    st.integers(1, 5 * PAGE),
    st.lists(st.tuples(st.integers(1, 3 * PAGE), st.integers(0, 4 * PAGE), st.integers(-2, 6 * PAGE)), max_size=12),
)
def test_forgetting_never_costs_a_sample_that_may_still_be_read(capacity, turns):
    ring, reference = AudioRing(capacity), {}
    for count, gap, keep in turns:
        start = ring.end + gap
        if gap:
            reference.clear()
        chunk = counting(start, count)
        ring.write(chunk)
        reference |= dict(zip(range(start, start + count), chunk.pcm.tolist(), strict=True))
        ring.forget(ring.end - keep)

        oldest = max(ring.end - keep, ring.end - capacity, start - 10 * PAGE)
        wanted = [reference[at] for at in range(max(oldest, min(reference)), ring.end)]
        assert read(ring, oldest, ring.end) == wanted


def resident_kb():
    return psutil.Process().memory_info().rss / 1024


def test_a_ring_holds_memory_only_for_what_may_still_be_read():
    """Forty speakers who have each talked for two minutes, in utterances of three seconds."""
    spoken = counting(0, samples(3.0)).pcm
    rings = [AudioRing(samples(30.0)) for _ in range(40)]
    before = resident_kb()
    for ring in rings:
        for _ in range(40):
            ring.write(AudioChunk(start=ring.end, pcm=spoken))
            ring.forget(ring.end - samples(0.5))

    assert resident_kb() - before < 40 * 150  # 960 each would be all of it
