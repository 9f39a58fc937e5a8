from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import GAP_MARK, WIRE_RATE, FinalTranscript, PartialTranscript
from soak.bench.captions import Line, Reader, deal, script
from soak.clip import FRAME, shipped_clips

CLIPS = shipped_clips()
MAIN = "import api.cli; api.cli.main()"
ROOT = Path(__file__).parents[3]


def rng():
    return np.random.default_rng(1)


def reader(*lines):
    return Reader(pcm=np.zeros(0, dtype=np.int16), lines=list(lines))


def line(begin, end):
    return Line(text="words", begin=begin, end=end, first=begin, last=end)


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


def test_one_speaker_reads_every_clip_once():
    assert deal(CLIPS, 1) == [CLIPS]


@pytest.mark.parametrize("speakers", [2, 5, 40])
def test_many_speakers_read_as_many_clips_each_and_all_clips_are_read(speakers):
    hands = deal(CLIPS, speakers)
    assert len({len(hand) for hand in hands}) == 1
    assert {clip.name for hand in hands for clip in hand} == {clip.name for clip in CLIPS}


def test_a_script_says_where_each_clip_lies_in_what_is_played():
    played = script(CLIPS[:2], speaker=0, share=0.72, rng=rng())
    for clip, said in zip(CLIPS[:2], played.lines, strict=True):
        begin = round(said.begin * WIRE_RATE)
        pcm = clip.decode()
        assert np.array_equal(played.pcm[begin : begin + len(pcm)], pcm)
        assert said.begin <= said.first < said.last <= said.end
    assert played.lines[0].end + 1.0 <= played.lines[1].begin + FRAME / WIRE_RATE


async def test_a_caption_belongs_to_the_clip_that_was_read_when_it_was_said():
    lines = (line(0.0, 2.0), line(4.0, 6.0))
    heard = reader(*lines)
    await heard.heard(final("two", 3.9, 6.2))
    await heard.heard(final("one", 0.0, 1.0, utterance=2))
    assert [each.texts for each in lines] == [["one"], ["two"]]


async def test_a_gap_mark_is_no_text_but_tells_that_the_loss_was_told():
    only = line(0.0, 2.0)
    await reader(only).heard(final(GAP_MARK, 0.0, 2.0))
    assert (only.gap, only.texts, only.final) == (True, [], None)


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


@pytest.mark.model
def test_the_benchmark_times_captions_in_real_time():
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "captions", "--limit", "1", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert figures["clips"] == 1
    assert figures["final_ms_p50"] > 0
    assert figures["committed_changed"] == figures["unmarked_losses"] == figures["audio_lost_s"] == 0


def test_a_manifest_that_cannot_be_read_is_told_in_a_sentence(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "captions", "--manifest", str(tmp_path / "none.jsonl")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert "none.jsonl: cannot be read" in " ".join(ended.stderr.split())
