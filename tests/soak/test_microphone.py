from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pipeline import WIRE_RATE
from soak.clip import FRAME
from soak.microphone import FRAME_S, Microphone

GUARD_S = 5.0


def loud(frames):
    return np.full(round(frames * FRAME), 1000, dtype=np.int16)


def sign(pcm):
    """'#' for a frame of sound, '.' for silence, '/' for one that is both."""
    share = np.count_nonzero(pcm) / len(pcm)
    return "." if share == 0 else "#" if share == 1 else "/"


def drawn(microphone, begin, frames):
    """What the microphone hears from loop time `begin` on."""
    return "".join(sign(microphone.heard(begin + i * FRAME_S)) for i in range(frames))


async def listen(track, frames):
    async with asyncio.timeout(GUARD_S):
        return [await track.recv() for _ in range(frames)]


@pytest.fixture
def tracks():
    """Makes tracks of a microphone, and stops them in the end."""
    made = []

    def track(microphone):
        made.append(microphone.track())
        return made[-1]

    yield track
    for each in made:
        each.stop()


# What is heard, at any time


async def test_a_clip_is_heard_from_its_first_sample_to_its_last_and_silence_around_it():
    microphone = Microphone()
    begin = microphone.play(loud(3))
    assert drawn(microphone, begin - 2 * FRAME_S, 7) == "..###.."


async def test_a_clip_begins_within_the_next_20_ms():
    asked_at = asyncio.get_running_loop().time()
    assert 0 < Microphone().play(loud(1)) - asked_at <= 2 * FRAME_S


async def test_the_last_frame_of_a_clip_is_filled_with_silence():
    microphone = Microphone()
    begin = microphone.play(loud(1.5))
    assert drawn(microphone, begin, 3) == "#/."
    assert microphone.heard(begin + FRAME_S).shape == (FRAME,)


async def test_every_sample_is_heard_once_and_in_order():
    clip = np.arange(20 * FRAME).astype(np.int16)
    microphone = Microphone()
    begin = microphone.play(clip)
    assert np.array_equal(np.concatenate([microphone.heard(begin + i * FRAME_S) for i in range(20)]), clip)


async def test_a_speaker_can_fall_silent_in_mid_word():
    microphone = Microphone()
    begin = microphone.play(loud(9))
    assert drawn(microphone, begin, 2) == "##"
    microphone.stop_playing()
    assert drawn(microphone, begin + 2 * FRAME_S, 2) == ".."


async def test_a_muted_microphone_gives_silence_while_the_clip_goes_on():
    microphone = Microphone()
    begin = microphone.play(loud(3))
    microphone.muted = True
    assert drawn(microphone, begin, 2) == ".."
    microphone.muted = False
    assert drawn(microphone, begin + 2 * FRAME_S, 2) == "#."


async def test_a_clip_replaces_the_one_that_is_being_played():
    microphone = Microphone()
    microphone.play(loud(9))
    begin = microphone.play(loud(1))
    assert drawn(microphone, begin, 2) == "#."


# Tracks, in real time


async def test_a_track_gives_a_frame_every_20_ms_each_when_its_last_sample_was_heard(tracks):
    clock = asyncio.get_running_loop().time
    begun = clock()
    frames = await listen(tracks(Microphone()), 5)
    assert clock() - begun >= 4 * FRAME_S - 0.002  # the first may be almost over; a timer may fire a tick early
    assert [frame.pts for frame in frames] == [i * FRAME for i in range(5)]
    assert {(each.sample_rate, each.samples, each.layout.name) for each in frames} == {(WIRE_RATE, FRAME, "mono")}


async def test_a_clip_that_is_played_is_heard_on_the_track(tracks):
    microphone = Microphone()
    track = tracks(microphone)
    await listen(track, 1)
    microphone.play(loud(25))  # half a second: a busy machine may miss frames
    heard = "".join(sign(frame.to_ndarray()[0]) for frame in await listen(track, 30)).strip(".")
    assert set(heard) == {"#"}


async def test_two_tracks_hear_the_same_each_at_its_own_pace(tracks):
    microphone = Microphone()
    one, other = tracks(microphone), tracks(microphone)
    microphone.play(loud(3))
    heard = await asyncio.gather(listen(one, 6), listen(other, 6))
    first, second = ("".join(sign(frame.to_ndarray()[0]) for frame in frames) for frames in heard)
    assert first == second
    assert first.strip(".") == "###"
