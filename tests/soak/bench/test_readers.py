"""What the reader of a script makes of the captions that it gets."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import GAP_MARK, WIRE_RATE, FinalTranscript, PartialTranscript
from soak.bench.readers import MISSED_S, REST_S, Line, Reader, deal, script
from soak.clip import FRAME, shipped_clips

CLIPS = shipped_clips()
SHARE = 0.7


def rng():
    return np.random.default_rng(1)


def reader(*lines):
    return Reader(pcm=np.zeros(0, dtype=np.int16), lines=list(lines))


def line(begin, end):
    """All of it is speech."""
    speech = np.ones(round((end - begin) * 50), dtype=bool)
    return Line(text="words", begin=begin, end=end, first=begin, last=end, speech=speech)


def final(text, begin, end, utterance=1):
    return FinalTranscript(
        speaker="r/0", utterance=utterance, text=text, language_id="en",
        start=round(begin * 16_000), end=round(end * 16_000), heard_at=0.0,
    )  # fmt: skip


def partial(text, stable, revision):
    return PartialTranscript(
        speaker="r/0", utterance=1, revision=revision, text=text, stable=stable, language_id="en",
        start=0, end=16_000, heard_at=0.0,
    )  # fmt: skip


def test_each_speaker_reads_all_clips_and_begins_at_its_own():
    hands = deal(CLIPS, 3)
    assert [sorted(clip.name for clip in hand) for hand in hands] == [sorted(clip.name for clip in CLIPS)] * 3
    assert len({hand[0].name for hand in hands}) == 3


@pytest.mark.parametrize("speakers", [1, 2, 500])
def test_any_number_of_speakers_may_read(speakers):
    assert len(deal(CLIPS[:2], speakers)) == speakers


def test_a_script_says_where_each_clip_lies_in_what_is_played():
    played = script(CLIPS[:2], late_s=0.0, least_s=0.0, share=SHARE, rng=rng())
    for clip, said in zip(CLIPS[:2], played.lines, strict=True):
        begin = round(said.begin * WIRE_RATE)
        pcm = clip.decode()
        assert np.array_equal(played.pcm[begin : begin + len(pcm)], pcm)
        assert said.begin <= said.first < said.last <= said.end
    before, after = played.lines
    assert after.first - before.last >= REST_S - FRAME / WIRE_RATE


def test_who_reads_for_a_time_reads_clips_again_and_speaks_for_its_share_of_it():
    played = script(CLIPS, late_s=2.0, least_s=200.0, share=SHARE, rng=rng())
    assert played.length_s >= 200.0
    assert len(played.lines) > len(CLIPS)
    spoken = sum(said.last - said.first for said in played.lines)
    assert spoken / (played.lines[-1].last - played.lines[0].first) == pytest.approx(SHARE, abs=0.03)


def test_who_begins_later_does():
    early, late = (script(CLIPS[:1], late_s=late_s, least_s=0.0, share=SHARE, rng=rng()) for late_s in (0.0, 2.0))
    assert late.lines[0].begin - early.lines[0].begin == pytest.approx(2.0)


async def test_a_caption_belongs_to_the_clip_that_was_read_when_it_was_said():
    lines = (line(0.0, 2.0), line(4.0, 6.0))
    heard = reader(*lines)
    await heard.heard(final("two", 3.9, 6.2))
    await heard.heard(final("one", 0.0, 1.0, utterance=2))
    assert [each.texts for each in lines] == [["one"], ["two"]]


async def test_a_gap_mark_is_no_text_but_tells_that_the_loss_was_told():
    only = line(0.0, 2.0)
    await reader(only).heard(final(GAP_MARK, 0.0, 2.0))
    assert (only.gaps, only.texts, only.final, only.missed) == (1, [], None, False)


async def test_words_in_a_clip_without_words_are_counted_as_invented():
    noise = Line(text="", begin=0.0, end=2.0, first=0.0, last=2.0)
    heard = reader(noise)
    await heard.heard(partial("Thank", 0, 1))
    await heard.heard(final("", 0.0, 1.0))
    assert noise.captions == 1


async def test_a_committed_word_that_a_later_partial_changes_is_counted():
    heard = reader(line(0.0, 2.0))
    for text, stable, revision in (("one two", 3, 1), ("one three", 9, 2), ("one four", 8, 3)):
        await heard.heard(partial(text, stable, revision))
    assert heard.committed_changed == 1


async def test_speech_of_which_no_caption_tells_is_missed():
    only = line(0.0, 4.0)
    heard = reader(only)
    await heard.heard(final("the first half", 0.0, 2.0))
    assert only.uncovered_s == pytest.approx(2.0, abs=0.05)
    assert only.missed


async def test_a_caption_that_was_withheld_covers_nothing():
    only = line(0.0, 2.0)
    await reader(only).heard(final("", 0.0, 2.0))
    assert only.missed


async def test_silence_needs_no_caption():
    only = line(0.0, 4.0)
    only.speech[:] = False
    only.speech[: round(MISSED_S * 50)] = True
    assert not only.missed


async def test_an_utterance_that_reaches_into_the_next_clip_covers_both():
    lines = (line(0.0, 2.0), line(3.0, 4.0))
    await reader(*lines).heard(final("both", 0.0, 4.0))
    assert not any(each.missed for each in lines)
