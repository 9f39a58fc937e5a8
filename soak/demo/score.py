"""What was said against what was captioned, and how long it took. Pure, but for the libraries that score words.

A caption carries no media time, so it belongs to the clip that its speaker spoke last when it came in, unless the one
before still waits for these words. Latencies are taken from media time: first partial from the first speech sample,
final from the last, to the listener's receipt.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class ScoringUnavailable(Exception):
    """The scoring libraries are not installed."""

    component = "soak.demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One caption as the listener got it. `at` is loop time."""

    at: float
    speaker: int
    text: str = field(repr=False)
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One clip as it was played. `first` and `last` are the loop times of its first and last speech sample."""

    clip: str
    speaker: int
    text: str = field(repr=False)
    first: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`first_partial_ms` counts the first caption of any kind; None: there was none."""

    clip: str
    reference: str = field(repr=False)
    hypothesis: str = field(repr=False)
    first_partial_ms: float | None
    final_ms: float | None


def match(spoken: Sequence[Spoken], heard: Iterable[Heard]) -> list[Result]:
    """Give every caption to its clip."""
    captions = sorted(heard, key=lambda caption: caption.at)
    own: list[list[Heard]] = [[] for _ in spoken]
    for caption in captions:
        begun = [
            index for index, clip in enumerate(spoken) if clip.speaker == caption.speaker and clip.first <= caption.at
        ]
        begun.sort(key=lambda index: spoken[index].first)
        if begun:
            own[_belongs(caption, begun, spoken, own)].append(caption)
    return [_result(clip, captions) for clip, captions in zip(spoken, own, strict=True)]


def _belongs(caption: Heard, begun: Sequence[int], spoken: Sequence[Spoken], own: Sequence[Sequence[Heard]]) -> int:
    """The clip begun last; on a machine that is far behind, the one before if it waits for just these words."""
    newest, before = begun[-1], begun[-2] if len(begun) > 1 else begun[-1]
    waits = not any(each.final and each.text for each in own[before])
    if waits and _likeness(caption.text, spoken[before].text) > _likeness(caption.text, spoken[newest].text):
        return before
    return newest


def _likeness(one: str, other: str) -> int:
    return len(set(one.lower().split()) & set(other.lower().split()))


def _result(clip: Spoken, captions: Sequence[Heard]) -> Result:
    finals = [each for each in captions if each.final and each.text]
    return Result(
        clip=clip.clip,
        reference=clip.text,
        hypothesis=" ".join(each.text for each in finals),
        first_partial_ms=(captions[0].at - clip.first) * 1000 if captions else None,
        final_ms=(finals[-1].at - clip.last) * 1000 if finals else None,
    )


def check_available() -> None:
    """Raises `ScoringUnavailable`."""
    try:
        importlib.import_module("jiwer")
        importlib.import_module("whisper_normalizer.english")
    except ImportError as error:
        raise ScoringUnavailable(f"{error.name} is missing: pip install 'roomscribe[demo]'") from error


def word_error_rate(results: Sequence[Result]) -> float:
    """Over all clips together, after Whisper's English text normaliser. 0.1 is one word in ten."""
    return error_rate([result.reference for result in results], [result.hypothesis for result in results])


def error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """As `word_error_rate`, of texts. Where nothing was said there are no words to get wrong: left out."""
    jiwer = importlib.import_module("jiwer")
    normalise = importlib.import_module("whisper_normalizer.english").EnglishTextNormalizer()
    pairs = [(normalise(said), normalise(written)) for said, written in zip(references, hypotheses, strict=True)]
    spoken = [(said, written) for said, written in pairs if said]
    return float(jiwer.wer([said for said, _ in spoken], [written for _, written in spoken])) if spoken else 0.0


def edges_present(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """The share of first and last words that have a word, right or wrong, in the hypothesis: none was cut off."""
    normalise = importlib.import_module("whisper_normalizer.english").EnglishTextNormalizer()
    present = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        spoken, written = normalise(reference).split(), normalise(hypothesis).split()
        present += _keeps_last(spoken, written) + _keeps_last(spoken[::-1], written[::-1])
    return present / max(1, 2 * len(references))


def _keeps_last(spoken: Sequence[str], written: Sequence[str]) -> bool:
    """Whether one of the alignments with fewest edits gives the last word spoken a word written."""
    row = list(range(len(written) + 1))
    before = row
    for word in spoken:
        before, row = row, [row[0] + 1]
        for n, other in enumerate(written, 1):
            row.append(min(before[n - 1] + (word != other), before[n] + 1, row[n - 1] + 1))
    last = spoken[-1] if spoken else ""
    paired = (
        before[n - 1] + (last != other) + len(written) - n for n, other in enumerate(written, 1)
    )  # what follows the pair was inserted
    return not spoken or min(paired, default=len(spoken) + 1) == row[-1]


def summary(results: Sequence[Result], captions: int) -> dict[str, Any]:
    """The last line of `--json`. Milliseconds are whole; a percentile without data is None."""
    partials = [result.first_partial_ms for result in results if result.first_partial_ms is not None]
    finals = [result.final_ms for result in results if result.final_ms is not None]
    return {
        "wer": round(word_error_rate(results), 4) if results else None,
        "clips": len(results),
        "clips_captioned": len(finals),
        "first_partial_ms_p50": _percentile(partials, 50),
        "first_partial_ms_p95": _percentile(partials, 95),
        "final_ms_p50": _percentile(finals, 50),
        "final_ms_p95": _percentile(finals, 95),
        "captions": captions,
    }


def _percentile(values: list[float], percent: float) -> int | None:
    return round(float(np.percentile(values, percent))) if values else None
