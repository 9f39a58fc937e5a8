"""What holds of a segmenter for any settings and any input, drawn as in tests/pipeline/drawn.py."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import FRAME
from pipeline.segmenter import (
    Phase,
    Reason,
    Segmenter,
    UtteranceEnded,
    UtterancePaused,
    UtteranceResumed,
    UtteranceStarted,
)
from tests.pipeline.drawn import LETTERS, Player, hangover, settings

lengths = st.fixed_dictionaries(
    {
        "onset": st.integers(1, 4),
        "pre_roll": st.integers(0, 6),
        "pause": st.integers(1, 6),
        "hangs": st.one_of(
            st.integers(1, 12),
            st.builds(
                hangover,
                st.integers(1, 8),
                longest=st.integers(8, 12),
                up=st.integers(0, 3),
                down=st.integers(0, 3),
                soon=st.integers(1, 20),
                long_utterance=st.integers(5, 25),
                in_long_utterance=st.integers(1, 5),
            ),
        ),
        "keep": st.integers(0, 15),
        "max_length": st.integers(10, 30),  # ≥ onset + pre-roll, or an utterance is too long when it starts
        "cut_within": st.integers(0, 40),
    }
)
scripts = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.text("#-.", min_size=1, max_size=12)),
        st.tuples(st.just("play"), st.sampled_from(["#", "-", "."]).map(lambda each: each * 40)),
        st.tuples(st.just("play"), st.text("#-", min_size=20, max_size=40)),
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
                if verdict != ".":
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
    begun_or_over = [event for event in player.events if isinstance(event, UtteranceStarted | UtteranceEnded)]
    starts, ends = begun_or_over[::2], begun_or_over[1::2]
    assert len(starts) == len(ends)
    for started, ended in zip(starts, ends, strict=True):
        assert isinstance(started, UtteranceStarted)
        assert isinstance(ended, UtteranceEnded)
        assert started.start == ended.start <= started.onset


@given(scripts, lengths)
def test_only_what_has_paused_is_resumed_and_only_within_an_utterance(script, lengths):
    player, _ = perform(script, lengths)
    may_follow = {"S": "PE", "P": "RE", "R": "PE", "E": "S"}
    letters = "".join(LETTERS[type(event)] for event in player.events)
    assert not letters or letters[0] == "S"
    assert all(later in may_follow[earlier] for earlier, later in itertools.pairwise(letters))
    for earlier, later in itertools.pairwise(player.events):
        if isinstance(earlier, UtterancePaused):
            assert later.speech_end == earlier.speech_end
            assert isinstance(later, UtteranceResumed) or later.start == earlier.start


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
    words = {at for run in runs if len(run) >= lengths["onset"] for at in run}
    for at in words.union(player.inside):
        assert sum(each.start <= at and at + FRAME <= each.end for each in player.ended) == 1


@given(scripts, lengths)
def test_voiced_counts_the_speech_since_the_onset(script, lengths):
    player, runs = perform(script, lengths)
    onsets = [event.onset for event in player.of(UtteranceStarted)]
    for onset, utterance in zip(onsets, player.ended, strict=True):
        inside = [at for run in runs for at in run if onset <= at < utterance.speech_end]
        assert utterance.voiced == len(inside) * FRAME


@given(scripts, lengths)
def test_what_continues_begins_with_the_next_sample_and_only_a_cut_is_continued(script, lengths):
    player, _ = perform(script, lengths)
    for earlier, later in itertools.pairwise([None, *player.events]):
        if isinstance(later, UtteranceStarted) and later.continues:
            assert isinstance(earlier, UtteranceEnded)
            assert earlier.reason is Reason.TOO_LONG
            assert later.start == later.onset == earlier.end


@given(st.lists(st.integers(0, 5), min_size=16, max_size=30), st.integers(3, 20))
def test_no_place_to_cut_was_quieter(levels, cut_within):
    player = Player(Segmenter(settings(max_length=16, cut_within=cut_within)))
    for level in levels:
        player.frame(True, float(level))
    cut = player.ended[0].end // FRAME
    around = range(max(8, 16 - cut_within), 16 - 2)  # only in the second half
    assert sum(levels[cut - 2 : cut + 1]) == min(sum(levels[at : at + 3]) for at in around)


@given(scripts, lengths)
def test_it_is_deaf_to_how_loud_speech_is_but_for_where_it_cuts(script, lengths):
    loud = [(step, value.replace("-", "#") if step == "play" else value) for step, value in script]
    lengths = lengths | {"cut_within": 0}
    assert perform(script, lengths)[0].events == perform(loud, lengths)[0].events


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
