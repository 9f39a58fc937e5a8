"""Input and result are drawn, one character a frame of 20 ms: '#' speech, '.' silence; '[==]' an utterance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME, samples
from pipeline.segmenter import Phase, Reason, Segmenter, SegmenterSettings, UtteranceEnded, UtteranceStarted

FRAME_S = 0.02


def settings(*, onset=3, pre_roll=0, hangover=5, keep=0, max_length=100, stall_s=0.7):
    """Lengths in frames."""
    return SegmenterSettings(
        onset=onset * FRAME,
        pre_roll=pre_roll * FRAME,
        hangover=hangover * FRAME,
        keep=keep * FRAME,
        max_length=max_length * FRAME,
        stall_s=stall_s,
    )


class Player:
    """Feeds a segmenter in real time, and keeps the events."""

    def __init__(self, segmenter):
        self.segmenter = segmenter
        self.events = []
        self.now = 0.0
        self.at = 0

    def play(self, picture):
        for verdict in picture:
            self.now += FRAME_S
            self.events += self.segmenter.audio(verdict == "#", start=self.at, now=self.now)
            self.at += FRAME
        return self

    def jump(self, frames):
        self.at += frames * FRAME
        return self

    def wait(self, seconds):
        """No audio comes; only time goes by."""
        self.now += seconds
        self.events += self.segmenter.tick(now=self.now)
        return self

    def end(self):
        self.events += self.segmenter.end()
        return self

    @property
    def ended(self):
        return [event for event in self.events if isinstance(event, UtteranceEnded)]

    @property
    def picture(self):
        """The utterances that have ended, drawn under the input."""
        canvas = [" "] * (self.at // FRAME)
        for utterance in self.ended:
            first, last = utterance.start // FRAME, utterance.end // FRAME - 1
            canvas[first : last + 1] = "=" * (last + 1 - first)
            canvas[last] = "]"
            canvas[first] = "["
        return "".join(canvas).rstrip()

    @property
    def reasons(self):
        return [utterance.reason for utterance in self.ended]


def segment(picture, **lengths):
    return Player(Segmenter(settings(**lengths))).play(picture)


@pytest.mark.parametrize(
    ("given_frames", "expected"),
    [
        (".......", ""),
        ("..##......", ""),
        ("..##.##.##......", ""),
        ("......####......", "      [==]"),
        ("......####.###.......", "      [======]"),
        ("..###....###.........", "  [========]"),
        ("..###.....###.....", "  [=]     [=]"),
        ("###.....", "[=]"),
    ],
    ids=[
        "silence",
        "a click is not an utterance",
        "nor are three",
        "a word",
        "a breath does not split a sentence",
        "nor does a pause a little shorter than the hangover",
        "a pause as long as the hangover does",
        "speech from the first sample on",
    ],
)
def test_speech_between_silences_is_an_utterance(given_frames, expected):
    assert segment(given_frames).picture == expected


def test_the_start_is_told_as_soon_as_the_onset_is_long_enough_and_not_before():
    player = segment("..##")
    assert player.events == []
    player.play("#")
    assert player.events == [UtteranceStarted(start=2 * FRAME, onset=2 * FRAME)]


def test_an_utterance_keeps_some_audio_around_its_speech():
    heard = "......####.........."
    drawn = "    [=======]"
    assert segment(heard, pre_roll=2, keep=3).picture == drawn


def test_the_pre_roll_never_reaches_into_the_utterance_before():
    heard = "..###.....###....."
    drawn = "[======][======]"
    assert segment(heard, pre_roll=8, keep=3).picture == drawn


def test_the_pre_roll_never_reaches_before_the_first_sample():
    assert segment(".####.....", pre_roll=8).picture == "[===]"


def test_no_more_is_kept_than_the_hangover_has_heard():
    assert segment(".####.....", keep=20).picture == " [=======]"


def test_the_end_tells_where_speech_ended_and_how_much_of_it_there_was():
    (ended,) = segment("..###.##........", keep=2).ended
    assert (ended.speech_end, ended.voiced) == (8 * FRAME, 5 * FRAME)


def test_without_an_end_a_long_speech_is_cut_and_goes_on_with_the_very_next_sample():
    player = segment("..############......", max_length=5, hangover=2)
    assert player.picture == "  [===][===][]"
    assert player.reasons == [Reason.TOO_LONG, Reason.TOO_LONG, Reason.SILENCE]


def test_an_utterance_that_gets_too_long_in_a_pause_ends_there():
    player = segment("..####.......", max_length=6, hangover=5)
    assert player.picture == "  [====]"
    assert player.reasons == [Reason.TOO_LONG]
    assert player.segmenter.phase is Phase.QUIET


def test_a_track_that_stops_in_mid_word_is_closed_by_the_tick():
    player = segment("..####")
    assert player.wait(0.69).ended == []
    assert player.wait(0.02).picture == "  [==]"
    assert player.reasons == [Reason.STALLED]


def test_a_tick_between_frames_changes_nothing():
    player = segment("..###")
    for _ in range(10):
        player.wait(0.2).play("#")
    assert player.ended == []


def test_a_tick_without_an_utterance_gives_nothing():
    assert segment("..##").wait(10).wait(10).events == []


def test_an_onset_that_stalled_does_not_count_for_the_next_one():
    assert segment("..##").wait(1).play("##.....").events == []


def test_a_jump_of_media_time_closes_what_is_open():
    player = segment("..####").jump(10).play("#")
    assert player.picture == "  [==]"
    assert player.reasons == [Reason.ENDED]


def test_the_pre_roll_never_reaches_over_a_jump():
    player = segment("...", pre_roll=5).jump(10).play(".####.....")
    assert player.picture == " " * 13 + "[===]"


def test_the_end_of_the_track_closes_what_is_open():
    player = segment("..####.", keep=9).end()
    assert player.picture == "  [===]"
    assert player.end().reasons == [Reason.ENDED]


def test_what_is_voiced_and_speaking_is_told_only_of_an_open_utterance():
    def state(player):
        return player.segmenter.speaking, player.segmenter.voiced // FRAME

    assert state(segment("..##")) == (False, 0)
    assert state(segment("..####")) == (True, 4)
    assert state(segment("..####.")) == (False, 4)
    assert state(segment("..####.....")) == (False, 0)


def test_by_default_an_utterance_fits_into_the_thirty_seconds_that_whisper_hears():
    player = Player(Segmenter(SegmenterSettings())).play("#" * 1600)
    (cut,) = player.ended
    assert cut.end - cut.start <= samples(30.0)


# Laws, for any settings and any input

lengths = st.fixed_dictionaries(
    {
        "onset": st.integers(1, 4),
        "pre_roll": st.integers(0, 6),
        "hangover": st.integers(1, 12),
        "keep": st.integers(0, 15),
        "max_length": st.integers(10, 30),  # ≥ onset + pre-roll, or an utterance is too long when it starts
    }
)
scripts = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.text("#.", min_size=1, max_size=12)),
        st.tuples(st.just("play"), st.sampled_from(["#", "."]).flatmap(lambda each: st.just(each * 40))),
        st.tuples(st.just("jump"), st.integers(1, 50)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 0.5, 0.7, 3.0])),
        st.tuples(st.just("end"), st.none()),
    ),
    max_size=20,
)


def perform(script, lengths):
    """The player after the script, and the runs of consecutive frames with speech, as lists of frame starts."""
    player = Player(Segmenter(settings(**lengths)))
    runs, last_audio = [[]], 0.0
    for step, value in script:
        if step == "play":
            for verdict in value:
                if verdict == "#":
                    runs[-1].append(player.at)
                else:
                    runs.append([])
                player.play(verdict)
                last_audio = player.now
        elif step == "wait":
            player.wait(value)
            if player.now - last_audio >= 0.7:
                runs.append([])
        else:
            player.jump(value) if step == "jump" else player.end()
            runs.append([])
    player.end()
    return player, [run for run in runs if run]


@given(scripts, lengths)
def test_starts_and_ends_alternate_and_belong_together(script, lengths):
    player, _ = perform(script, lengths)
    starts, ends = player.events[::2], player.events[1::2]
    assert len(starts) == len(ends)
    for started, ended in zip(starts, ends, strict=True):
        assert isinstance(started, UtteranceStarted)
        assert isinstance(ended, UtteranceEnded)
        assert started.start == ended.start <= started.onset


@given(scripts, lengths)
def test_utterances_never_overlap_and_never_exceed_the_longest(script, lengths):
    player, _ = perform(script, lengths)
    end = 0
    for utterance in player.ended:
        assert end <= utterance.start <= utterance.speech_end <= utterance.end
        assert utterance.end - utterance.start <= lengths["max_length"] * FRAME
        end = utterance.end
    assert end <= player.at


@given(scripts, lengths)
def test_all_speech_but_clicks_lies_in_exactly_one_utterance(script, lengths):
    player, runs = perform(script, lengths)
    for run in runs:
        if len(run) < lengths["onset"]:
            continue
        for at in run:
            assert sum(each.start <= at and at + FRAME <= each.end for each in player.ended) == 1


@given(scripts, lengths)
def test_voiced_counts_the_speech_since_the_onset(script, lengths):
    player, runs = perform(script, lengths)
    onsets = [event.onset for event in player.events if isinstance(event, UtteranceStarted)]
    for onset, utterance in zip(onsets, player.ended, strict=True):
        inside = [at for run in runs for at in run if onset <= at < utterance.speech_end]
        assert utterance.voiced == len(inside) * FRAME


@given(scripts, lengths, st.sampled_from(["jump", "wait", "end"]))
def test_a_jump_a_stall_and_an_end_leave_nothing_open(script, lengths, closing):
    player, _ = perform(script, lengths)
    player.play("#" * 5)
    assert player.segmenter.speaking
    if closing == "wait":
        player.wait(1.0)
    elif closing == "jump":
        player.jump(1).play(".")
    else:
        player.end()
    assert player.segmenter.phase is Phase.QUIET
    assert isinstance(player.events[-1], UtteranceEnded)
