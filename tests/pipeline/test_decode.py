from __future__ import annotations

import fractions
import itertools

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio import WIRE_RATE
from pipeline.decode import FILL_LIMIT, MAX_DELAY, RATIO, Downsampler, UnsupportedAudio, mono

PTIME = WIRE_RATE // 50  # 20 ms at 48 kHz


def frame(pcm, *, pts=0, fmt="s16", layout="mono", rate=WIRE_RATE):
    made = av.AudioFrame.from_ndarray(pcm, format=fmt, layout=layout)
    made.sample_rate, made.pts, made.time_base = rate, pts, fractions.Fraction(1, rate)
    return made


def voice(pts, count=PTIME):
    """A tone whose phase is fixed to the RTP time, so that samples lost or doubled are audible."""
    tone = 10_000 * np.sin(2 * np.pi * 440 * np.arange(pts, pts + count) / WIRE_RATE)
    return frame(tone.astype(np.int16).reshape(1, -1), pts=pts)


def silent(pts, count=PTIME):
    return frame(np.zeros((1, count), dtype=np.int16), pts=pts)


def feed(downsampler, *frames):
    return [chunk for each in frames for chunk in downsampler.feed(each)]


def joined(chunks):
    """The audio of chunks that follow one another."""
    for one, next_one in itertools.pairwise(chunks):
        assert one.end == next_one.start
    return np.concatenate([chunk.pcm for chunk in chunks])


def same(one, other):
    """But for the dither: random noise of the last bit, as the resampler rounds to 16 bits."""
    return len(one) == len(other) and bool(np.all(np.abs(one.astype(int) - other) <= 4))


def stretches(chunks):
    """(start, end) of what is contiguous in media time."""
    found = []
    for chunk in chunks:
        if found and found[-1][1] == chunk.start:
            found[-1][1] = chunk.end
        else:
            found.append([chunk.start, chunk.end])
    return [tuple(each) for each in found]


# A frame as mono samples


LEFT, RIGHT = np.array([[100, 200, 300]], dtype=np.int16), np.array([[300, 400, -300]], dtype=np.int16)


@pytest.mark.parametrize(
    "made",
    [
        frame(np.array([[100, 300, 200, 400, 300, -300]], dtype=np.int16), layout="stereo"),
        frame(np.concatenate((LEFT, RIGHT)), fmt="s16p", layout="stereo"),
        frame(np.array([[200, 300, 0]], dtype=np.int16)),
        frame(np.array([[200, 300, 0]], dtype=np.int16), fmt="s16p"),
    ],
    ids=["interleaved stereo", "planar stereo", "mono", "planar mono"],
)
def test_any_layout_becomes_the_mean_of_its_channels(made):
    assert mono(made).tolist() == [200, 300, 0]


def test_two_loud_channels_do_not_overflow():
    assert mono(frame(np.full((1, 4), 32767, dtype=np.int16), layout="stereo")).tolist() == [32767, 32767]


@pytest.mark.parametrize(("rate", "fmt"), [(44_100, "s16"), (WIRE_RATE, "flt")])
def test_other_audio_is_refused_with_what_was_expected(rate, fmt):
    pcm = np.zeros((1, 960), dtype=np.float32 if fmt == "flt" else np.int16)
    with pytest.raises(UnsupportedAudio, match=f"expected 48000 Hz s16, got {rate} Hz {fmt}"):
        Downsampler().feed(frame(pcm, rate=rate, fmt=fmt))


# The stream


def test_a_second_at_48_khz_is_a_second_at_16_khz():
    downsampler = Downsampler()
    chunks = feed(downsampler, *(voice(i * PTIME) for i in range(50)))
    heard = joined(chunks + downsampler.restart())
    assert len(heard) == 16_000
    tone = 10_000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(heard - tone)[100:-100].max() < 100


def test_audio_is_held_back_for_a_moment_only():
    chunks = feed(Downsampler(), *(voice(i * PTIME) for i in range(50)))
    assert 16_000 - chunks[-1].end <= MAX_DELAY


@settings(deadline=None)
@given(st.lists(st.integers(2, 3000), min_size=1, max_size=20))
def test_the_cut_into_frames_is_not_audible(sizes):
    pieces, whole, at = Downsampler(), Downsampler(), 0
    chunks = []
    for size in sizes:
        chunks += pieces.feed(voice(at, size))
        at += size
    reference = joined(whole.feed(voice(0, at)) + whole.restart())
    assert same(joined(chunks + pieces.restart()), reference)
    assert len(reference) == round(at / RATIO)


def test_the_first_frame_may_bear_any_rtp_time():
    downsampler = Downsampler()
    chunks = feed(downsampler, voice(987_654_321), voice(987_654_321 + PTIME)) + downsampler.restart()
    assert stretches(chunks) == [(0, 640)]


def test_lost_packets_become_silence_of_the_same_length():
    downsampler = Downsampler()
    chunks = feed(downsampler, voice(0), voice(11 * PTIME)) + downsampler.restart()
    heard = joined(chunks)
    assert len(heard) == 12 * 320
    assert np.abs(heard[420 : 11 * 320 - 100]).max() <= 2
    assert downsampler.filled == 10 * 320


@pytest.mark.parametrize("pts", [0, PTIME, 2 * PTIME], ids=["late", "late too", "repeated"])
def test_a_late_or_repeated_frame_is_ignored(pts):
    downsampler, undisturbed = Downsampler(), Downsampler()
    before, after = [voice(i * PTIME) for i in range(3)], voice(3 * PTIME)
    chunks = feed(downsampler, *before, voice(pts), after) + downsampler.restart()
    expected = feed(undisturbed, *before, after) + undisturbed.restart()
    assert same(joined(chunks), joined(expected))


def test_a_long_gap_makes_media_time_jump_instead_of_filling_memory():
    downsampler = Downsampler()
    hour = 3600 * WIRE_RATE
    chunks = feed(downsampler, voice(0), voice(PTIME + hour)) + downsampler.restart()
    assert stretches(chunks) == [(0, 320), (320 + hour // RATIO, 640 + hour // RATIO)]
    assert downsampler.filled == 0


def test_the_longest_gap_that_is_filled_is_one_second():
    for gap, parts in [(FILL_LIMIT, 1), (FILL_LIMIT + PTIME, 2)]:
        downsampler = Downsampler()
        chunks = feed(downsampler, voice(0), voice(PTIME + gap)) + downsampler.restart()
        assert len(stretches(chunks)) == parts


def test_a_sender_that_starts_its_rtp_clock_afresh_is_heard_without_a_gap():
    downsampler = Downsampler()
    chunks = feed(downsampler, *(voice(90_000_000 + i * PTIME) for i in range(3)), voice(0), voice(PTIME))
    assert stretches(chunks + downsampler.restart()) == [(0, 5 * 320)]


def test_another_track_goes_on_where_the_one_before_ended():
    downsampler = Downsampler()
    chunks = feed(downsampler, voice(5_000_000)) + downsampler.restart()
    chunks += feed(downsampler, voice(77)) + downsampler.restart()
    assert stretches(chunks) == [(0, 640)]


def test_frames_without_a_time_follow_one_another():
    downsampler = Downsampler()
    chunks = feed(downsampler, voice(0), frame(np.zeros((1, PTIME), dtype=np.int16), pts=None), voice(2 * PTIME))
    assert stretches(chunks + downsampler.restart()) == [(0, 3 * 320)]


def test_a_track_that_ended_before_it_began_gives_nothing():
    downsampler = Downsampler()
    assert downsampler.restart() == downsampler.restart() == []


# Laws, for any gaps

gaps = st.one_of(
    st.just(0),
    st.just(0),
    st.integers(1, FILL_LIMIT),
    st.integers(FILL_LIMIT + 1, 10**9),
    st.just("late"),
    st.just("new"),
)


@settings(deadline=None)
@given(gaps=st.lists(gaps, max_size=25), count=st.sampled_from([480, PTIME, 2880]))
def test_media_time_follows_the_rtp_time_over_any_gaps(gaps, count):
    downsampler = Downsampler()
    chunks = downsampler.feed(voice(10**9, count))
    pts, media, filled, jumps = 10**9 + count, count, 0, 0  # `media`: where the 16 kHz clock should be, times 3
    for gap in gaps:
        if gap == "late":
            assert downsampler.feed(voice(pts - count, count)) == []
            continue
        if gap == "new":
            pts, gap = pts - 10**8, 0
            jumps += 1
        filled += gap if gap <= FILL_LIMIT else 0
        jumps += gap > FILL_LIMIT
        media += gap + count
        pts += gap
        chunks += downsampler.feed(voice(pts, count))
        pts += count
    chunks += downsampler.restart()
    assert abs(chunks[-1].end - media / RATIO) <= 1 + jumps  # a stream rounds to whole samples where it ends
    assert abs(downsampler.filled - filled / RATIO) <= len(gaps)
    assert len(stretches(chunks)) == 1 + sum(isinstance(gap, int) and gap > FILL_LIMIT for gap in gaps)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(stretches(chunks)))
