"""Whisper on short inputs: the parts of faster-whisper's model, put together so that only speech is encoded.

Whisper was made for windows of 30 s, and faster-whisper pads everything to that. CTranslate2's encoder takes fewer
frames: speech and a margin cost a third of the CPU for the same words. What short inputs spoil is the end: now and
then the decoder says everything again. A cap on the tokens and the guards (`pipeline.guards`) see to that, and finals
that they suspect, or that the cap cut off, are decoded once more in the full window, with a higher cap. Runs in the
engine's child process only.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from .audio import SAMPLE_RATE, Pcm, seconds
from .guards import Decoded, Verdict, judge
from .languages import token_density
from .model import FoundModel
from .request import ENGLISH, DecodeRequest, Hypothesis, Kind

FULL_WINDOW: Final = 3000  # frames of 10 ms
MIN_FRAMES: Final = 100
FRAMES_PER_S: Final = 100
TOKENS_PER_S: Final = 3.5  # in English; true speech has 2.8, hardly ever more; no cap lets a decoder run to 448
SPARE_TOKENS: Final = 5
HIGHER_CAP: Final = 2.0  # times the cap, for what it cut off
MAX_TOKENS: Final = 448  # Whisper's text context, the prompt included
MAX_HINT_TOKENS: Final = 48
#: In the names of multilingual models that were trained to transcribe only, and do so whatever they are asked. Source:
#: OpenAI's README says it of turbo; Distil-Whisper learnt from transcripts alone.
TRANSCRIBERS: Final = frozenset({"turbo", "distil", "distilled"})
#: Layers, at most, of a decoder that was cut down to transcribe: turbo has four, distil two or three. Tiny has four
#: too, but with six heads each, and they have more.
SHALLOW: Final = 4
TINY_HEADS: Final = 6
HUB_FOLDER: Final = "models--"  # the Hugging Face cache has a folder a model, "models--owner--name"

Features = npt.NDArray[np.float32]


class Transcriber(Protocol):
    """What the child needs of a recogniser. `languages` are Whisper codes ("en", "de")."""

    @property
    def languages(self) -> list[str]: ...

    def transcribe(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """How much silence the encoder is given after the speech. `margin_s` 0: always the full 30 s."""

    margin_s: float = 1.5  # with less, early finals, which end soon after the last word, say it twice more often
    floor_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What one decode gave. `cut_off`: it was speech, as far as can be told, and a higher cap may give more of it."""

    decoded: Decoded
    verdict: Verdict
    cut_off: bool


class FasterWhisper:
    """One model in memory, shared by `workers` threads of `threads` CPU threads each."""

    def __init__(
        self,
        model: FoundModel,
        *,
        device: str,
        compute_type: str,
        workers: int,
        threads: int = 1,
        window: WindowSettings | None = None,
    ) -> None:
        self._whisper = WhisperModel(
            str(model.path),
            device=device,
            compute_type=compute_type,
            cpu_threads=threads,
            num_workers=workers,
            local_files_only=True,
        )
        self._model: Any = self._whisper.model
        self._window = window or WindowSettings()
        self._tokenizers: dict[tuple[str, bool], Tokenizer] = {}  # ≤ two for each of the model's languages
        self._languages = self._spoken()
        self._translates = self._model.is_multilingual and translates(model.path)
        self.short_inputs = self._window.margin_s > 0 and self._takes_short_inputs()

    @property
    def languages(self) -> list[str]:
        return list(self._languages)

    @property
    def translations(self) -> list[str]:
        """What it translates into."""
        return [ENGLISH] if self._translates else []

    def warm_up(self) -> None:
        """Touch every kernel once, so that the first speaker does not wait for it."""
        silence = np.zeros(SAMPLE_RATE, dtype=np.int16)
        for beam in (1, 5):
            self.transcribe([DecodeRequest(kind=Kind.PARTIAL, language=self.languages[0], pcm=silence, beam=beam)])

    def transcribe(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        """Decode up to 30 s of 16 kHz mono speech each; several at once share one pass over the weights."""
        groups: dict[int, list[int]] = {}  # CTranslate2 wants prompts of one length in a batch
        for at, request in enumerate(requests):
            groups.setdefault(len(self._hint_tokens(request.hints)), []).append(at)
        heard: dict[int, Hypothesis] = {}
        for group in groups.values():
            heard |= zip(group, self._transcribe([requests[at] for at in group]), strict=True)
        return [heard[at] for at in range(len(requests))]

    def _transcribe(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        """All of them have hints of the same length."""
        started = time.perf_counter()
        features = [self._features(request.pcm) for request in requests]
        frames = max(self._frames(request.pcm) for request in requests)
        encoded = self._encode([_padded(each, frames) for each in features])
        languages = [self._language(request, encoded, at) for at, request in enumerate(requests)]
        written = self._decode(encoded, requests, [language for language, _ in languages])
        share = (time.perf_counter() - started) / len(requests)
        hypotheses = []
        for request, feature, first, (language, sure) in zip(requests, features, written, languages, strict=True):
            started = time.perf_counter()
            best, wide = first, False
            withheld = first.verdict.rule is not None and frames < FULL_WINDOW
            if request.kind is Kind.FINAL and (withheld or first.cut_off):
                wide = True
                encoded = self._encode([_padded(feature, FULL_WINDOW)])
                [again] = self._decode(encoded, [request], [language], higher=HIGHER_CAP if first.cut_off else 1.0)
                best = again if again.verdict.text or not first.verdict.text else first
            took = share + time.perf_counter() - started
            hypotheses.append(_hypothesis(best.decoded, best.verdict, sure, took, wide=wide))
        return hypotheses

    def _spoken(self) -> list[str]:
        """The languages that the vocabulary has tokens for: those of older models lack Cantonese."""
        if not self._model.is_multilingual:
            return ["en"]
        vocabulary = self._whisper.hf_tokenizer
        known: list[str] = self._whisper.supported_languages
        return [code for code in known if vocabulary.token_to_id(f"<|{code}|>") is not None]

    def _takes_short_inputs(self) -> bool:
        """Whether this CTranslate2 and this model encode less than 30 s: it is not documented, so it is tried."""
        silence: Features = np.zeros((self._whisper.feature_extractor.mel_filters.shape[0], MIN_FRAMES), np.float32)
        try:
            encoded = self._encode([silence])
            if tuple(encoded.shape)[:2] != (1, MIN_FRAMES // 2):
                return False
            self._generate(encoded, [self._prompt(self.languages[0], "", translate=False)], beam=1, max_tokens=4)
        except (RuntimeError, ValueError):
            return False
        return True

    def _features(self, pcm: Pcm) -> Features:
        samples: npt.NDArray[np.float32] = pcm.astype(np.float32) / 32768.0
        features: Features = self._whisper.feature_extractor(samples)[:, :FULL_WINDOW]
        return features

    def _frames(self, pcm: Pcm) -> int:
        if not self.short_inputs:
            return FULL_WINDOW
        wanted_s = max(seconds(len(pcm)) + self._window.margin_s, self._window.floor_s)
        return min(FULL_WINDOW, max(MIN_FRAMES, 2 * math.ceil(wanted_s * FRAMES_PER_S / 2)))

    def _encode(self, features: list[Features]) -> Any:
        batch = np.ascontiguousarray(np.stack(features), dtype=np.float32)
        return self._model.encode(ctranslate2.StorageView.from_array(batch), to_cpu=False)

    def _language(self, request: DecodeRequest, encoded: Any, at: int) -> tuple[str, float]:
        """The language asked for, or the likeliest of those allowed, and how sure the model is."""
        if request.language:
            return request.language, 1.0
        if not self._model.is_multilingual:
            return self.languages[0], 1.0
        ranked = [(token[2:-2], probability) for token, probability in self._model.detect_language(encoded)[at]]
        allowed = [each for each in ranked if not request.allowed or each[0] in request.allowed] or ranked
        total = sum(probability for _, probability in allowed) or 1.0
        return allowed[0][0], allowed[0][1] / total

    def _decode(
        self, encoded: Any, requests: Sequence[DecodeRequest], languages: list[str], *, higher: float = 1.0
    ) -> list[_Written]:
        lengths = [seconds(len(request.pcm)) for request in requests]
        prompts = [
            self._prompt(language, request.hints, translate=request.translate)
            for request, language in zip(requests, languages, strict=True)
        ]
        languages = [
            ENGLISH if request.translate else spoken for request, spoken in zip(requests, languages, strict=True)
        ]
        caps = [token_cap(length_s, language) for length_s, language in zip(lengths, languages, strict=True)]
        most = MAX_TOKENS - len(prompts[0])
        cap = min(int(higher * max(caps)), most)
        beam = max(request.beam for request in requests)
        results = self._generate(encoded, prompts, beam=beam, max_tokens=cap)
        written = []
        for length_s, language, result in zip(lengths, languages, results, strict=True):
            tokens = result.sequences_ids[0]
            decoded = Decoded(
                text=self._tokenizer(language).decode(tokens),
                language=language,
                tokens=len(tokens),
                duration_s=length_s,
                no_speech_prob=result.no_speech_prob,
                avg_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
            )
            verdict = judge(decoded)
            # A loop fills any cap; what precedes it is complete.
            cut_off = most > cap <= len(tokens) and bool(verdict.text) and not verdict.trimmed
            written.append(_Written(decoded=decoded, verdict=verdict, cut_off=cut_off))
        return written

    def _generate(self, encoded: Any, prompts: list[list[int]], *, beam: int, max_tokens: int) -> list[Any]:
        """All prompts have one length."""
        results: list[Any] = self._model.generate(
            encoded,
            prompts,
            beam_size=beam,
            # CTranslate2 writes at most half as many, and at most so many with the prompt but for its last token.
            max_length=max(2 * max_tokens, len(prompts[0]) - 1 + max_tokens),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(self._tokenizer(self.languages[0]), [-1]),
        )
        return results

    def _prompt(self, language: str, hints: str, *, translate: bool) -> list[int]:
        """`language` is the one that is spoken."""
        tokenizer = self._tokenizer(language, translate=translate)
        words = self._hint_tokens(hints)
        before = [tokenizer.sot_prev, *words] if words else []
        return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _hint_tokens(self, hints: str) -> list[int]:
        """The same in all languages."""
        return self._tokenizer(self.languages[0]).encode(" " + hints.strip())[:MAX_HINT_TOKENS] if hints else []

    def _tokenizer(self, language: str, *, translate: bool = False) -> Tokenizer:
        key = language, translate
        if key not in self._tokenizers:
            task = "translate" if translate else "transcribe"
            self._tokenizers[key] = Tokenizer(
                self._whisper.hf_tokenizer, self._model.is_multilingual, task=task, language=language
            )
        return self._tokenizers[key]


def token_cap(length_s: float, language: str) -> int:
    """How many tokens somebody could say in that time."""
    return SPARE_TOKENS + int(TOKENS_PER_S * token_density(language) * length_s)


def translates(path: Path) -> bool:
    """Whether a multilingual model was trained to translate too: its name tells, or the size of its decoder."""
    folders = [path.name, path.resolve().name, *(each for each in path.resolve().parts if each.startswith(HUB_FOLDER))]
    words = {word for folder in folders for word in re.findall("[a-z]+", folder.lower())}
    return not words & TRANSCRIBERS and not _is_cut_down(path)


def _is_cut_down(path: Path) -> bool:
    """Whether the decoder has few layers for its width; config.json names heads in its upper half, as [layer, head]."""
    try:
        named = json.loads((path / "config.json").read_bytes())["alignment_heads"]
        layers, heads = zip(*named, strict=True)
        return bool(max(layers) < SHALLOW and max(heads) >= TINY_HEADS)
    except (OSError, ValueError, KeyError, TypeError):  # it is not told
        return False


def _padded(features: Features, frames: int) -> Features:
    """Zeros in the log-mel domain, as faster-whisper pads: the least bad end for a short input."""
    features = features[:, :frames]
    return np.pad(features, ((0, 0), (0, frames - features.shape[1])))


def _hypothesis(decoded: Decoded, verdict: Verdict, probability: float, took: float, *, wide: bool) -> Hypothesis:
    return Hypothesis(
        text=verdict.text,
        language=decoded.language,
        language_probability=probability,
        avg_logprob=decoded.avg_logprob,
        decode_s=took,
        suppressed=verdict.rule.value if verdict.rule else "",
        trimmed=verdict.trimmed,
        full_window=wide,
    )
