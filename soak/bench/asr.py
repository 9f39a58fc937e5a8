"""Recognition alone, faster than real time: our words, and their cost, against stock faster-whisper's.

Each clip goes through the voice detector and the segmenter as if it were live, early decodes in its pauses included;
each utterance is decoded by us and by stock faster-whisper (greedy, one call, 30 s window) in the same process, so that
the ratio of CPU times means something. The whole clips are decoded by stock faster-whisper too: what cutting costs is
seen against that. Runs in a process of its own, where each library keeps to one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr
from faster_whisper import WhisperModel

from pipeline import SAMPLE_RATE, WIRE_RATE, VoiceDetectors
from pipeline.audio import FRAME, AudioChunk
from pipeline.decoders import DecoderChoice, choose_decoder
from pipeline.engine import NARROW_BEAM, WIDE_BEAM
from pipeline.finals import makes_sentence
from pipeline.model import FoundModel, find_model
from pipeline.request import DecodeRequest, Hypothesis, Kind
from pipeline.whisper import FasterWhisper
from soak.clip import Clip, in_language, read_manifest, shipped_clips
from soak.demo.score import edges_present, error_rate

from .ear import Ear
from .noise import noises
from .readers import HISS
from .voices import encoded

Pcm = npt.NDArray[np.int16]
Spans = list[tuple[int, int]]  # first sample of each utterance, and the one after it

LEAD_S: Final = 0.5
TRAIL_S: Final = 1.5
WHOLE_WINDOW_S: Final = 30.0
NOISE_S: Final = 600.0
FIRST_PARTIAL_S: Final = 0.5
OPUS_BITS_PER_S: Final = 24_000
STARTS: Final = range(0, 960, 120)  # samples at 48 kHz, over the 20 ms of an Opus frame
LANGUAGE: Final = "en"


@dataclass(slots=True)
class Bill:
    """Words by clip, and what they cost in CPU seconds."""

    texts: list[str] = field(default_factory=list, repr=False)
    cpu_s: float = 0.0
    utterances: int = 0
    speech_s: float = 0.0


class Bench:
    """The models, loaded once. Stock and ours share one model in memory."""

    def __init__(self, found: FoundModel) -> None:
        self._ours = FasterWhisper(found, device="cpu", compute_type="int8", workers=1)
        self._stock = WhisperModel(str(found.path), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1)
        self.detectors = VoiceDetectors()
        self._ours.warm_up()
        self.stock(np.zeros(SAMPLE_RATE, dtype=np.int16))

    def utterances(self, pcm: Pcm) -> list[Pcm]:
        """What a live pipeline would hand to the recogniser, one after another."""
        live = _at_rest(pcm)
        return [live[start:end] for start, end in self.cuts(live)]

    def cuts(self, live: Pcm) -> Spans:
        """Where a live pipeline would cut it."""
        ear = Ear(self.detectors, self.is_sentence)
        for at in range(0, len(live) - FRAME + 1, FRAME):
            ear.chunk(AudioChunk(start=at, pcm=live[at : at + FRAME].copy()))
        return [(audio.start, audio.end) for audio in ear.end()]

    def is_sentence(self, pcm: Pcm) -> bool:
        """Do our words for it end as a sentence does?"""
        return makes_sentence(self.ours(pcm))

    def ours(self, pcm: Pcm, kind: Kind = Kind.FINAL) -> Hypothesis:
        beam = WIDE_BEAM if kind is Kind.FINAL else NARROW_BEAM
        [hypothesis] = self._ours.transcribe([DecodeRequest(kind=kind, language=LANGUAGE, pcm=pcm, beam=beam)])
        return hypothesis

    def stock(self, pcm: Pcm) -> str:
        segments, _ = self._stock.transcribe(
            pcm.astype(np.float32) / 32768.0,
            language=LANGUAGE,
            beam_size=1,
            condition_on_previous_text=False,
            without_timestamps=len(pcm) <= WHOLE_WINDOW_S * SAMPLE_RATE,  # they say where the next window begins
        )
        return " ".join(segment.text.strip() for segment in segments)


def bill(clips: Sequence[list[Pcm]], decode: Callable[[Pcm], str]) -> Bill:
    """Decode the utterances of each clip."""
    total = Bill()
    for utterances in clips:
        started = time.process_time()
        total.texts.append(" ".join(decode(each) for each in utterances))
        total.cpu_s += time.process_time() - started
        total.utterances += len(utterances)
        total.speech_s += sum(map(len, utterances)) / SAMPLE_RATE
    return total


def measure(
    clips: Sequence[Clip], found: FoundModel, note: Callable[[str], None], *, noise_s: float = NOISE_S
) -> dict[str, Any]:
    """All figures of `roomscribe bench asr`. Word error rates are fractions: 0.1 is one word in ten.

    Of the same words a few samples later, a small model makes others in a hundred (±0.7 points here), with or without
    Opus. So `opus_wer` is `wer` and the mean change that Opus makes to the very same utterances, over clips that begin
    at eight moments; `opus_by_start` has the pairs behind it, without and with Opus.
    A clip whose text is empty is noise: the captions that it would have caused are counted.
    """
    bench = Bench(found)
    quiet = [_downsampled(clip.decode()) for clip in clips if not clip.text.strip()]
    clips = [clip for clip in clips if clip.text.strip()]
    references = [clip.text for clip in clips]
    at_48k = [clip.decode() for clip in clips]
    whole = [_downsampled(pcm) for pcm in at_48k]
    note(f"{len(clips)} clips, {sum(map(len, whole)) / SAMPLE_RATE:.0f} s; cutting them into utterances")
    live = [_at_rest(pcm) for pcm in whole]
    cuts = [bench.cuts(pcm) for pcm in live]
    cut = _pieces(live, cuts)
    note(f"{sum(map(len, cut))} utterances; decoding them our way")
    ours = bill(cut, lambda pcm: bench.ours(pcm).text)
    note("… and the stock way")
    stock = bill(cut, bench.stock)
    note("whole clips, the stock way")
    stock_whole = bill([[pcm] for pcm in whole], bench.stock)
    note(f"the clips after Opus at {OPUS_BITS_PER_S // 1000} kbit/s")
    by_start = [_with_and_without_opus(bench, at_48k, cuts, references, start=start) for start in STARTS]
    note(f"{noise_s / 60:.0f} minutes of noise")
    invented = _invented(bench, noises(noise_s).values()) + _invented(bench, quiet)
    plain_wer = error_rate(references, ours.texts)
    wer = {
        "wer": plain_wer,
        "opus_wer": plain_wer + sum(coded - plain for plain, coded in by_start) / len(by_start),
        "stock_wer": error_rate(references, stock_whole.texts),
        "stock_utterance_wer": error_rate(references, stock.texts),
    }
    return {
        **{name: round(value, 4) for name, value in wer.items()},
        "opus_by_start": [[round(each, 4) for each in pair] for pair in by_start],
        "cpu_ratio": round(ours.cpu_s / stock.cpu_s, 3),
        "cpu_s_per_speech_s": round(ours.cpu_s / ours.speech_s, 4),
        "stock_cpu_s_per_speech_s": round(stock.cpu_s / stock.speech_s, 4),
        "edges_present": round(edges_present(references, ours.texts), 4),
        "stock_edges_present": round(edges_present(references, stock_whole.texts), 4),
        "noise_captions": invented,
        "noise_s": round(noise_s + sum(map(len, quiet)) / SAMPLE_RATE, 1),
        "clips": len(clips),
        "utterances": ours.utterances,
    }


def _invented(bench: Bench, wordless: Iterable[Pcm]) -> int:
    """Captions, partial or final, that sound without words would have caused."""
    count = 0
    for pcm in wordless:
        for utterance in bench.utterances(pcm):
            first = utterance[: int((FIRST_PARTIAL_S + 0.5) * SAMPLE_RATE)]
            count += bool(bench.ours(first, Kind.PARTIAL).text) + bool(bench.ours(utterance).text)
    return count


def _with_and_without_opus(
    bench: Bench, at_48k: Sequence[Pcm], cuts: Sequence[Spans], references: Sequence[str], *, start: int
) -> tuple[float, float]:
    """Word error rates of the utterances in clips that begin `start` samples later."""
    silence = np.zeros(start, dtype=np.int16)
    clips = [np.concatenate((silence, pcm)) for pcm in at_48k]
    later = start * SAMPLE_RATE // WIRE_RATE
    spans = [[(begin + later, end + later) for begin, end in each] for each in cuts]
    plain = [_at_rest(_downsampled(pcm)) for pcm in clips]
    choice = choose_decoder()
    coded = [_at_rest(_through_opus(pcm, choice)) for pcm in clips]
    texts = (bill(_pieces(each, spans), lambda pcm: bench.ours(pcm).text).texts for each in (plain, coded))
    without, with_opus = (error_rate(references, each) for each in texts)
    return without, with_opus


def _pieces(clips: Sequence[Pcm], cuts: Sequence[Spans]) -> list[list[Pcm]]:
    return [[pcm[start:end] for start, end in spans] for pcm, spans in zip(clips, cuts, strict=True)]


def _at_rest(pcm: Pcm) -> Pcm:
    """A moment of hiss before and after it, as when a microphone is left open."""
    rng = np.random.default_rng(0)
    lead, trail = ((rng.standard_normal(int(each * SAMPLE_RATE)) * HISS).astype(np.int16) for each in (LEAD_S, TRAIL_S))
    return np.concatenate((lead, pcm, trail))


def _downsampled(pcm: Pcm) -> Pcm:
    resampled: Pcm = soxr.resample(pcm, WIRE_RATE, SAMPLE_RATE)
    return resampled


def _through_opus(pcm: Pcm, choice: DecoderChoice) -> Pcm:
    """48 kHz, encoded as a browser does, and decoded to 16 kHz as we do."""
    decoder = choice.new()
    heard = [decoder.decode(payload) for payload in encoded(pcm, bits_per_s=OPUS_BITS_PER_S).payloads]
    decoder.close()
    return np.concatenate(heard)


def note(line: str) -> None:
    """To whoever watches."""
    sys.stderr.write(line + "\n")


def run(figures: Callable[[list[Clip], FoundModel, dict[str, Any]], dict[str, Any]]) -> None:
    """A benchmark's whole process: options as JSON in the first argument, one JSON object on standard output."""
    options = json.loads(sys.argv[1])
    clips = read_manifest(Path(options["manifest"])) if options["manifest"] else shipped_clips()
    clips = in_language(clips, LANGUAGE)[: options["limit"] or None]
    found = find_model(options["model"], cache_dir=options["cache_dir"], download=True)
    sys.stdout.write(json.dumps(figures(clips, found, options)) + "\n")


def main() -> None:
    run(lambda clips, found, options: measure(clips, found, note, noise_s=options.get("noise_s", NOISE_S)))


if __name__ == "__main__":
    main()
