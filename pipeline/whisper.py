"""faster-whisper behind a protocol of two calls. Runs in the engine's child process only.

faster-whisper returns a lazy generator: it is exhausted here, in the worker thread that asked.
"""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from faster_whisper import WhisperModel

from .audio import SAMPLE_RATE, Pcm
from .model import FoundModel
from .scheduler import Kind
from .transcript import Hypothesis

FINAL_BEAM = 5  # costs decoder time only, and wins back words that short utterances lose
PARTIAL_BEAM = 1


class Transcriber(Protocol):
    """What the child needs of a recogniser. `languages` are Whisper codes ("en", "de")."""

    @property
    def languages(self) -> list[str]: ...

    def transcribe(self, pcm: Pcm, *, language: str, kind: Kind) -> Hypothesis: ...


class FasterWhisper:
    """One model in memory, shared by `workers` threads of one CPU thread each (two threads do not speed a decode)."""

    def __init__(self, model: FoundModel, *, device: str, compute_type: str, workers: int) -> None:
        self._model = WhisperModel(
            str(model.path),
            device=device,
            compute_type=compute_type,
            cpu_threads=1,
            num_workers=workers,
            local_files_only=True,
        )

    @property
    def languages(self) -> list[str]:
        return list(self._model.supported_languages) if self._model.model.is_multilingual else ["en"]

    def warm_up(self) -> None:
        """Touch every kernel once, so that the first speaker does not wait for it."""
        self.transcribe(np.zeros(SAMPLE_RATE, dtype=np.int16), language=self.languages[0], kind=Kind.PARTIAL)

    def transcribe(self, pcm: Pcm, *, language: str, kind: Kind) -> Hypothesis:
        """Decode up to 30 s of 16 kHz mono speech. Segments that the library judges to be silence are left out."""
        started = time.perf_counter()
        segments, _ = self._model.transcribe(
            pcm.astype(np.float32) / 32768.0,
            language=language,
            beam_size=FINAL_BEAM if kind is Kind.FINAL else PARTIAL_BEAM,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        text = " ".join(segment.text.strip() for segment in segments).strip()
        if not any(each.isalnum() for each in text):
            text = ""  # of a breath, the model makes a full stop
        return Hypothesis(text=text, language=language, decode_s=time.perf_counter() - started)
