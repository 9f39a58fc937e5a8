from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import Engine, EngineSettings, Totals, make_backend
from soak.bench.captions import READING_S, cast, figures
from soak.bench.readers import Line, Reader
from soak.clip import shipped_clips

CLIPS = shipped_clips()
MAIN = "import api.cli; api.cli.main()"
ROOT = Path(__file__).parents[3]


def line(begin, end, *, text="words", **details):
    speech = np.ones(round((end - begin) * 50), dtype=bool)
    return Line(text=text, begin=begin, end=end, first=begin, last=end, speech=speech, **details)


def captioned(begin, end, *, after_s=0.5, **details):
    made = line(begin, end, texts=["words"], first_caption=begin + 0.6, final=end + after_s, captions=1, **details)
    made.covered.append((begin, end))
    return made


def summed_up(*lines, length_s=100.0):
    reader = Reader(pcm=np.zeros(round(length_s * 48_000), dtype=np.int16), lines=list(lines))
    return figures([reader], Totals(), Engine(make_backend(EngineSettings())))


def test_one_speaker_reads_every_clip_once():
    (alone,) = cast(CLIPS, 1)
    assert [line.text for line in alone.lines] == [clip.text for clip in CLIPS]


def test_many_speakers_read_for_the_same_time():
    readers = cast(CLIPS[:2], 3)
    assert all(reader.length_s >= READING_S for reader in readers)


def test_a_clip_of_which_a_part_was_lost_has_no_latency_but_counts_as_a_loss():
    cut_short = line(4.0, 8.0, texts=["wor"], first_caption=4.6, final=5.0, captions=1)
    cut_short.covered.append((4.0, 5.0))
    sums = summed_up(captioned(0.0, 2.0), cut_short)
    assert (sums["final_ms_p95"], sums["unmarked_losses"]) == (500, 1)
    assert sums["uncovered_speech_s"] == pytest.approx(3.0, abs=0.05)


def test_a_clip_without_any_caption_is_counted():
    sums = summed_up(captioned(0.0, 2.0), line(4.0, 6.0))
    assert (sums["clips"], sums["without_caption"], sums["unmarked_losses"]) == (2, 1, 1)


def test_what_was_read_when_others_had_finished_does_not_count():
    assert summed_up(captioned(0.0, 2.0), captioned(99.0, 101.0, after_s=9.0))["clips"] == 1


def test_captions_of_noise_are_counted_apart():
    sums = summed_up(captioned(0.0, 2.0), line(4.0, 6.0, text=" ", captions=2))
    assert (sums["clips"], sums["noise_captions"], sums["unmarked_losses"]) == (1, 2, 0)


def test_nothing_but_noise_has_no_latencies():
    sums = summed_up(line(0.0, 2.0, text=""))
    assert (sums["clips"], sums["wer"], sums["final_ms_p50"]) == (0, 0.0, None)


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
