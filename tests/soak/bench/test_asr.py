from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.model import find_model
from soak.bench.asr import Bench, bill
from soak.clip import shipped_clips
from tests.pipeline.voices import downsampled

ROOT = Path(__file__).parents[3]


def test_a_bill_adds_up_words_and_audio_clip_by_clip():
    second = np.zeros(16_000, dtype=np.int16)

    total = bill([[second, second], [second]], lambda pcm: f"{len(pcm)}")

    assert total.texts == ["16000 16000", "16000"]
    assert (total.utterances, total.speech_s) == (3, 3.0)


@pytest.fixture(scope="module")
def bench():
    return Bench(find_model("tiny.en", cache_dir=None, download=False))


@pytest.mark.model
def test_utterances_of_a_long_clip_hold_all_their_audio(bench):
    """Longer than the ring in which a live speaker's audio waits."""
    once = downsampled("austen-0930")
    alone = [len(each) for each in bench.utterances(once)]
    times = 45 * 16_000 // len(once) + 1
    rest = np.zeros(24_000, dtype=np.int16)
    cut = bench.utterances(np.concatenate([once, rest] * times))
    assert len(cut) >= times * len(alone)
    assert sum(map(len, cut)) > 0.95 * times * sum(alone)


@pytest.mark.model
def test_ours_is_cheaper_than_stock_and_finds_the_same_words(tmp_path):
    clips = [clip for clip in shipped_clips() if clip.name in ("austen-0930", "command-goforward")]
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(
        "".join(json.dumps({"audio": str(clip.path), "text": clip.text}) + "\n" for clip in clips), encoding="utf-8"
    )
    options = {"manifest": str(manifest), "limit": 0, "model": "tiny.en", "cache_dir": None, "noise_s": 24.0}

    ended = subprocess.run(
        [sys.executable, "-m", "soak.bench.asr", json.dumps(options)],
        cwd=ROOT, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["clips"] == 2
    assert figures["wer"] <= figures["stock_utterance_wer"]
    assert figures["cpu_ratio"] < 1
    assert figures["edges_present"] == 1.0
    assert figures["noise_captions"] == 0
