from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from soak.clip import Clip
from soak.demo.turns import OVERLAP_EVERY, plan


def clips(voices):
    """One clip a letter; the letter is the human voice."""
    return [
        Clip(path=Path(f"{voice}{index}.flac"), text="", voice=voice, language="en")
        for index, voice in enumerate(voices)
    ]


def drawn(turns):
    """The speakers in their turns; a turn that interrupts the one before is marked."""
    return " ".join(f"{'<' if turn.overlaps else ''}{turn.speaker}" for turn in turns)


def test_two_speakers_take_turns_and_each_fourth_turn_interrupts():
    assert drawn(plan(clips("aaaabbbb"), 2)) == "0 1 0 <1 0 1 0 <1"


def test_who_has_most_left_speaks_unless_it_spoke_last():
    assert drawn(plan(clips("aaaab"), 2)) == "0 1 0 0 0"


def test_nobody_interrupts_itself():
    assert drawn(plan(clips("aaaaa"), 1)) == "0 0 0 0 0"
    assert drawn(plan(clips("aaaaab"), 2)) == "0 1 0 0 0 0"


def test_the_voices_are_dealt_evenly():
    turns = plan(clips("aaaabbcc"), 2)
    assert {turn.speaker: turn.clip.voice for turn in turns if turn.clip.voice == "a"} == {0: "a"}
    assert {turn.clip.voice for turn in turns if turn.speaker == 1} == {"b", "c"}


def test_a_speaker_without_clips_is_silent():
    assert drawn(plan(clips("aa"), 5)) == "0 0"
    assert plan([], 3) == []


@given(st.text("abcd", max_size=30), st.integers(1, 8))
def test_every_clip_is_said_once_each_voice_by_one_speaker_in_the_order_given(voices, speakers):
    given_clips = clips(voices)
    turns = plan(given_clips, speakers)
    assert Counter(turn.clip for turn in turns) == Counter(given_clips)
    for voice in set(voices):
        own = [turn for turn in turns if turn.clip.voice == voice]
        assert len({turn.speaker for turn in own}) == 1
        assert [turn.clip for turn in own] == [clip for clip in given_clips if clip.voice == voice]


@given(st.text("abcd", max_size=30), st.integers(1, 8))
def test_nobody_speaks_twice_in_a_row_while_another_can(voices, speakers):
    turns = plan(clips(voices), speakers)
    for at, (one, other) in enumerate(itertools.pairwise(turns), 1):
        if one.speaker == other.speaker:
            assert {turn.speaker for turn in turns[at:]} == {one.speaker}
        assert other.overlaps == (at % OVERLAP_EVERY == OVERLAP_EVERY - 1 and one.speaker != other.speaker)
