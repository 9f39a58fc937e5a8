"""Audio that was judged elsewhere, as in a worker thread. Drawn as in `test_hearing`."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME, AudioChunk
from tests.pipeline.test_hearing import Listener, sound

LENGTHS = {"max_length": 25, "pre_roll": 2, "keep": 3}


class Borrower(Listener):
    """Lends the judge for each chunk, and hands over what it said."""

    def hear(self, drawing, sizes=(FRAME,)):
        pcm, judge = sound(drawing), self.hearing.judge
        for at in range(0, len(pcm), sizes[0]):
            chunk = AudioChunk(start=self.at, pcm=pcm[at : at + sizes[0]].copy())
            judge.lent = True
            frames = judge.feed(chunk, heard_at=self.now)
            self.events += self.hearing.tick(now=self.now)  # somebody looks in while it is lent
            judge.lent = False
            self.events += self.hearing.judged(chunk, frames, heard_at=self.now)
            self.at = chunk.end
        return self

    def source_ends(self):
        self.events += self.hearing.source_ended(self.hearing.judge.flush())
        return self


drawings = st.lists(st.one_of(st.text("#.", max_size=10), st.sampled_from(["#" * 30, "." * 30])), max_size=4).map(
    "".join
)


@given(drawings, st.integers(100, 1000), st.sampled_from([0, 1, 5]))
def test_the_same_utterances_are_heard_as_when_it_judges_by_itself(drawing, size, owes):
    here, elsewhere = (kind(owes, **LENGTHS).hear(drawing, (size,)) for kind in (Listener, Borrower))
    assert [each.ended for each in elsewhere.source_ends().heard] == [each.ended for each in here.end().heard]


@given(st.lists(st.tuples(drawings, st.integers(1, 5000)), max_size=3), st.integers(100, 1000), st.integers(0, 5))
def test_over_a_jump_too(takes, size, owes):
    here, elsewhere = Listener(owes, **LENGTHS), Borrower(owes, **LENGTHS)
    for drawing, gap in takes:
        for each in (here, elsewhere):
            each.hear(drawing, (size,)).jump(gap)
    assert [each.ended for each in elsewhere.source_ends().heard] == [each.ended for each in here.end().heard]


def test_when_a_source_ends_its_open_utterance_ends():
    (heard,) = Borrower(owes=3).hear("..####").source_ends().heard
    assert np.array_equal(heard.audio.pcm, sound("..####")[2 * FRAME :])


def test_it_is_idle_until_there_is_a_word_and_again_after_it():
    listener = Listener()
    assert listener.hear("....").hearing.idle
    assert not listener.hear("##").hearing.idle
    assert not listener.hear("##").hearing.idle
    assert listener.hear("." * 60).hearing.idle


def test_it_is_not_idle_while_verdicts_are_owed():
    assert not Listener(owes=2).hear("..").hearing.idle


def test_without_frames_of_a_track_no_resampler_is_made():
    assert Listener().hear("..##").end().hearing._downsampler is None


def test_what_no_utterance_needs_any_more_is_forgotten():
    listener = Listener(pre_roll=3).hear("." * 200)
    assert listener.hearing._ring.start > 100 * FRAME
