"""Audio is drawn, one character a frame of 20 ms: '#' speech, '.' silence. No two stretches of speech are alike."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import Totals
from pipeline.audio import FRAME, AudioChunk, samples, seconds
from pipeline.hearing import Hearing, PauseHeard, UtteranceHeard
from pipeline.segmenter import Segmenter, UtteranceStarted
from tests.pipeline.drawn import Player, settings

LOUD = 8000


class Loudness:
    """A voice detector that hears any sound as speech, and owes its last verdicts until it is flushed."""

    def __init__(self, owes=0):
        self.owes = owes
        self.waiting = deque()

    def feed(self, frame):
        self.waiting.append(bool(np.abs(frame.astype(int)).max()))
        return [self.waiting.popleft()] if len(self.waiting) > self.owes else []

    def flush(self):
        owed = list(self.waiting)
        self.waiting.clear()
        return owed


def sound(drawing):
    signs = np.random.default_rng(1).choice(np.array([-1, 1], dtype=np.int16), len(drawing) * FRAME)
    return signs * np.repeat(np.array([LOUD * (each == "#") for each in drawing], dtype=np.int16), FRAME)


class Listener:
    """Somebody's hearing, and what it told."""

    def __init__(self, owes=0, **lengths):
        self.totals = Totals()
        self.settings = settings(**lengths)
        self.hearing = Hearing(
            settings=self.settings, detector=Loudness(owes), ring_samples=samples(30.0), totals=self.totals
        )
        self.events = []
        self.at = 0
        self.now = 0.0

    def hear(self, drawing, sizes=(FRAME,)):
        """In chunks of `sizes` samples, over and over."""
        pcm, at = sound(drawing), 0
        for size in itertools.cycle(sizes):
            if at >= len(pcm):
                return self
            chunk = AudioChunk(start=self.at, pcm=pcm[at : at + size].copy())
            self.now += seconds(len(chunk.pcm))
            self.events += self.hearing.chunk(chunk, now=self.now)
            at += size
            self.at = chunk.end
        return self

    def jump(self, count):
        self.at += count
        return self

    def wait(self, length_s):
        self.now += length_s
        self.events += self.hearing.tick(now=self.now)
        return self

    def end(self):
        self.events += self.hearing.track_ended(now=self.now)
        return self

    @property
    def heard(self):
        return [event for event in self.events if isinstance(event, UtteranceHeard)]


def test_an_utterance_comes_with_its_audio_and_the_time_of_its_last_speech():
    drawing = "....####.##........"
    (heard,) = Listener(keep=2, pre_roll=3).hear(drawing).heard
    assert (heard.ended.start, heard.ended.end) == (1 * FRAME, 13 * FRAME)
    assert np.array_equal(heard.audio.pcm, sound(drawing)[1 * FRAME : 13 * FRAME])
    assert heard.audio.start == heard.ended.start
    assert heard.heard_at == pytest.approx(seconds(11 * FRAME))


def test_verdicts_that_come_late_move_no_utterance():
    drawing = "..####....#####......"
    at_once, late = Listener().hear(drawing).end(), Listener(owes=5).hear(drawing).end()
    assert [each.ended for each in late.heard] == [each.ended for each in at_once.heard]
    assert [each.heard_at for each in late.heard] == [each.heard_at for each in at_once.heard]


def test_a_track_that_falls_silent_on_the_wire_gets_the_verdicts_it_is_owed():
    listener = Listener(owes=5).hear("..####")
    assert listener.events == []
    listener.wait(0.2)
    assert [type(event) for event in listener.events] == [UtteranceStarted]
    (heard,) = listener.wait(1.0).heard
    assert len(heard.audio.pcm) == 4 * FRAME


def test_after_a_tick_it_hears_on():
    listener = Listener(owes=5).hear("..####").wait(0.2).hear("####........").end()
    (heard,) = listener.heard
    assert (heard.ended.start, heard.ended.speech_end) == (2 * FRAME, 10 * FRAME)


@pytest.mark.parametrize("owes", [0, 5])
def test_a_jump_of_media_time_ends_the_utterance_with_the_audio_before_it(owes):
    drawing = "..####"
    listener = Listener(owes).hear(drawing).jump(1000).hear("####").end()
    before, after = listener.heard
    assert np.array_equal(before.audio.pcm, sound(drawing)[2 * FRAME :])
    assert after.audio.start == 6 * FRAME + 1000
    assert len(after.audio.pcm) == 4 * FRAME


@pytest.mark.parametrize("owes", [0, 5])
def test_when_it_breaks_off_nothing_that_was_heard_is_lost(owes):
    listener = Listener(owes).hear("..####")
    listener.events += listener.hearing.break_off()
    assert [len(each.audio.pcm) for each in listener.heard] == [4 * FRAME]


def test_the_audio_of_a_pause_can_be_read_while_the_utterance_is_open():
    drawing = "..####...."
    listener = Listener(pause=3, hangs=9).hear(drawing)
    (pause,) = (event for event in listener.events if isinstance(event, PauseHeard))
    pcm = listener.hearing.read(pause.paused.start, pause.paused.end).pcm
    assert np.array_equal(pcm, pause.audio.pcm)
    assert np.array_equal(pcm, sound(drawing)[2 * FRAME : 9 * FRAME])
    assert listener.hearing.hangover == 9 * FRAME


def test_all_audio_is_counted():
    assert Listener().hear("#" * 50).totals.audio_s == pytest.approx(1.0)


# Laws

drawings = st.lists(st.one_of(st.text("#.", max_size=10), st.sampled_from(["#" * 30, "." * 30])), max_size=4).map(
    "".join
)
chunks = st.lists(st.integers(100, 1000), min_size=1, max_size=5)
delays = st.sampled_from([0, 1, 5, 60])


@given(drawings, chunks, delays)
def test_however_audio_comes_in_the_same_utterances_are_heard(drawing, sizes, owes):
    lengths = {"max_length": 25, "pre_roll": 2, "keep": 3}
    listener = Listener(owes, **lengths).hear(drawing, sizes).end()
    player = Player(Segmenter(listener.settings)).play(drawing).end()
    assert [each.ended for each in listener.heard] == player.ended


@given(drawings, chunks, delays)
def test_each_utterance_has_exactly_its_samples(drawing, sizes, owes):
    listener = Listener(owes, max_length=25, pre_roll=2, keep=3).hear(drawing, sizes).end()
    pcm = sound(drawing)
    for each in listener.heard:
        assert np.array_equal(each.audio.pcm, pcm[each.ended.start : each.ended.end])


@given(st.lists(st.tuples(drawings, st.integers(1, 5000)), max_size=3), chunks, delays)
def test_no_utterance_reaches_over_a_jump_and_none_has_less_audio_than_it_says(takes, sizes, owes):
    listener = Listener(owes, max_length=25, pre_roll=2, keep=3)
    stretches = []
    for drawing, gap in takes:
        begin = listener.at
        listener.hear(drawing, sizes)
        stretches.append((begin, listener.at))
        listener.jump(gap)
    end = 0
    for each in listener.end().heard:
        assert end <= each.ended.start
        assert len(each.audio.pcm) == each.ended.end - each.ended.start
        assert any(begin <= each.ended.start and each.ended.end <= over for begin, over in stretches)
        end = each.ended.end
