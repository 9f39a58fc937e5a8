"""Speech with a known text: the clips that synthetic speakers publish and that captions are scored against."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from pipeline import WIRE_RATE

Pcm = npt.NDArray[np.int16]

FRAME: Final = WIRE_RATE // 50  # 20 ms at 48 kHz
SPEECH_DB: Final = 25.0  # a frame this far below the clip's loud frames is no speech …
FLOOR_SHARE: Final = 0.5  # … nor one nearer to the clip's noise than to its loud frames
SUSTAINED: Final = (4, 5)  # so many frames of so many: a click or a breath is no speech


REQUIRED: Final = ("audio", "text")
OPTIONAL: Final = {"speaker": "", "lang": "en"}


class BadManifest(Exception):
    """A manifest, or a clip that it names, cannot be used. The message names file and line."""

    component = "soak.clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """`text` is what is said. `voice` groups clips of one human speaker."""

    path: Path
    text: str = field(repr=False)
    voice: str
    language: str

    @property
    def name(self) -> str:
        return self.path.stem

    def decode(self) -> Pcm:
        """48 kHz mono int16, as a microphone would give it. Raises `BadManifest`."""
        try:
            with av.open(str(self.path)) as container:
                resampler = av.AudioResampler(format="s16", layout="mono", rate=WIRE_RATE)
                frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
                frames += resampler.resample(None)
        except (av.FFmpegError, OSError, IndexError) as error:
            raise BadManifest(f"{self.path}: cannot be decoded ({type(error).__name__})") from error
        if not frames:
            raise BadManifest(f"{self.path}: cannot be decoded (no samples)")
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.int16, copy=False)


def speech_frames(pcm: Pcm) -> npt.NDArray[np.bool_]:
    """Of each 20 ms frame, whether it is loud, compared with the clip."""
    count = max(1, len(pcm) // FRAME)
    frames = pcm[: count * FRAME].astype(np.float64).reshape(count, -1)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    floor, top = np.percentile(level, (10, 95))
    loud: npt.NDArray[np.bool_] = level >= top - min(SPEECH_DB, FLOOR_SHARE * (top - floor))
    return loud


def speech_bounds(pcm: Pcm) -> tuple[int, int]:
    """First and last sample of speech: the outermost 100 ms whose 20 ms frames are loud."""
    loud = speech_frames(pcm)
    enough, of = SUSTAINED
    sustained = np.flatnonzero(np.convolve(loud, np.ones(of), "valid") >= enough)
    if not len(sustained):
        return 0, len(pcm)
    within = np.flatnonzero(loud[sustained[0] : sustained[-1] + of]) + sustained[0]
    return int(within[0]) * FRAME, min((int(within[-1]) + 1) * FRAME, len(pcm))


def in_language(clips: Sequence[Clip], code: str) -> list[Clip]:
    """The clips whose language is `code`, in whatever region; those without words are of any language."""
    return [clip for clip in clips if not clip.text.strip() or re.split("[-_]", clip.language.lower())[0] == code]


def shipped_clips() -> list[Clip]:
    """The clips that roomscribe carries (`soak/clips/LICENCES.md`)."""
    return read_manifest(Path(str(importlib.resources.files("soak.clips"))) / "manifest.jsonl")


def read_manifest(manifest: Path) -> list[Clip]:
    """Read a JSON-lines manifest: `audio` (relative to it), `text`, and optionally `speaker`, `lang`.

    Raises `BadManifest`.
    """
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadManifest(f"{manifest}: cannot be read ({reason})") from error
    clips = [_clip(manifest, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not clips:
        raise BadManifest(f"{manifest}: holds no clip")
    return clips


def _clip(manifest: Path, number: int, line: str) -> Clip:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise BadManifest(f"{manifest}:{number}: is not valid JSON") from error
    if not isinstance(entry, dict):
        raise BadManifest(f'{manifest}:{number}: expected {{"audio": …, "text": …}}')
    for name in REQUIRED:
        if not isinstance(entry.get(name), str):
            problem = "is required" if name not in entry else "expected a text"
            raise BadManifest(f"{manifest}:{number}: {name}: {problem}")
    for name, default in OPTIONAL.items():  # numbers of speakers, and nothing at all, are common
        value = entry.get(name)
        if isinstance(value, (dict, list)):
            raise BadManifest(f"{manifest}:{number}: {name}: expected a text")
        entry[name] = default if value is None else str(value)
    path, text = manifest.parent / entry["audio"], entry["text"]
    if not path.is_file():
        raise BadManifest(f"{manifest}:{number}: there is no file {path}")
    return Clip(path=path, text=text, voice=entry["speaker"], language=entry["lang"])
