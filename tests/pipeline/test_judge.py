"""Frames are drawn, one character for 20 ms: '#' speech, '.' silence."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME, AudioChunk
from pipeline.judge import FrameJudge
from tests.pipeline.test_hearing import Loudness, sound


def judge(owes=0):
    return FrameJudge(Loudness(owes))


def fed(judge, drawing, *, start=0, size=FRAME, heard_at=1.0):
    """Every verdict that comes of it, chunk by chunk."""
    pcm, judged = sound(drawing), []
    for at in range(0, len(pcm), size):
        judged += judge.feed(AudioChunk(start=start + at, pcm=pcm[at : at + size].copy()), heard_at=heard_at)
    return judged


def drawn(judged):
    return "".join("#" if frame.speech else "." for frame in judged)


@given(st.text("#.", max_size=12), st.integers(1, 3 * FRAME), st.integers(0, 3))
def test_each_frame_gets_its_verdict_however_the_audio_is_cut_into_chunks(drawing, size, owes):
    whose = judge(owes)

    judged = [*fed(whose, drawing, size=size), *whose.flush()]

    assert drawn(judged) == drawing
    assert [frame.start for frame in judged] == [at * FRAME for at in range(len(drawing))]


def test_a_louder_frame_has_a_higher_level():
    silent, loud = fed(judge(), ".#")
    assert loud.level > silent.level == 0


def test_a_verdict_that_comes_late_still_says_when_its_frame_was_heard():
    whose = judge(owes=1)

    fed(whose, "#", heard_at=1.0)
    (first,) = fed(whose, ".", start=FRAME, heard_at=2.0)

    assert (first.start, first.heard_at, first.speech) == (0, 1.0, True)


def test_what_lies_before_a_jump_of_media_time_is_judged_before_what_lies_after_it():
    whose = judge(owes=2)

    fed(whose, "##")
    judged = fed(whose, "#", start=100 * FRAME)

    assert [frame.start for frame in judged] == [0, FRAME]
    assert [frame.start for frame in whose.flush()] == [100 * FRAME]


def test_a_frame_that_a_jump_interrupts_is_given_up():
    whose = judge()
    whose.feed(AudioChunk(start=0, pcm=np.ones(FRAME // 2, dtype=np.int16)), heard_at=0.0)

    judged = fed(whose, "#", start=50 * FRAME)

    assert [frame.start for frame in judged] == [50 * FRAME]


def test_it_owes_until_it_was_asked_to_flush():
    whose = judge(owes=3)

    fed(whose, "#")
    assert whose.owes

    whose.flush()
    assert not whose.owes
