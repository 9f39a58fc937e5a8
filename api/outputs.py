"""Where transcripts go: a file for each recording, written whole or not at all, or standard output."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

from pipeline.audio_file import shown
from pipeline.subtitles import Format

PART_BYTES: Final = 200  # of a name, in that of the part; file systems allow 255 in all


class BadOutput(Exception):
    """The recordings and `--output` do not go together. The message says what to do."""

    component = "api.outputs"


class OutputFailed(Exception):
    """A transcript cannot be written. The message names its file and says what to do."""

    component = "api.outputs"


class OutputClosed(Exception):
    """Nobody reads standard output any more: there is nothing left to do, and nobody to tell."""

    component = "api.outputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A recording, and the file for its transcript; None: standard output."""

    source: Path
    target: Path | None


class Sink(Protocol):
    """A context manager. What was written counts when it is left without an exception."""

    def __enter__(self) -> Sink: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...

    def write(self, text: str) -> None: ...


def plan(files: Sequence[Path], output: str, format_: Format) -> list[Errand]:
    """Which transcript goes where. `output` empty: standard output. Raises `BadOutput`."""
    if not output:
        return [Errand(source=file, target=None) for file in files]
    place, folder = Path(output), output.endswith(os.sep)
    if place.exists() and not place.is_dir() and (folder or len(files) > 1):
        raise BadOutput(f"--output {shown(place)}: is a file; for several recordings, name a folder")
    if len(files) == 1 and not folder and not place.is_dir():
        errands = [Errand(source=files[0], target=place)]
    else:
        errands = [Errand(source=file, target=place / f"{file.stem}.{format_}") for file in files]
    _check_names(errands)
    return errands


def _check_names(errands: list[Errand]) -> None:
    sources = {_same(errand.source) for errand in errands}
    seen: dict[Path, Path] = {}
    for errand in errands:
        if errand.target is None:
            continue
        target = _same(errand.target)
        if target in sources:
            raise BadOutput(f"--output {shown(errand.target)}: is one of the recordings; name another file or folder")
        if target in seen:
            raise BadOutput(
                f"{shown(seen[target])} and {shown(errand.source)}: both would be written to {shown(errand.target)}; "
                "transcribe them one at a time, or rename one"
            )
        seen[target] = errand.source


def _same(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike `resolve`, it takes whatever name it is given


def open_sink(errand: Errand, *, force: bool, heading: str) -> Sink:
    """`heading` goes before a transcript on standard output. Raises `OutputFailed`."""
    return Stdout(heading) if errand.target is None else WholeFile(errand.target, force=force)


class WholeFile:
    """Written beside its place under a name of its own, and put there when it is complete."""

    def __init__(self, path: Path, *, force: bool) -> None:
        self._path = path
        self._force = force
        name = os.fsencode(path.name)[:PART_BYTES].decode(errors="ignore")  # names are counted in bytes, as UTF-8
        self._part = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
        self._refuse_to_overwrite()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("x", encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> WholeFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                self._refuse_to_overwrite()  # it may have come meanwhile
                self._part.replace(self._path)
        except OSError as error:
            if kind is None:
                raise self._failed(error) from error
        finally:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise self._failed(error) from error

    def _refuse_to_overwrite(self) -> None:
        if self._path.is_dir():
            raise OutputFailed(f"{shown(self._path)}: is a folder: remove it, or name another one with --output")
        if not self._force and os.path.lexists(self._path):
            raise OutputFailed(f"{shown(self._path)}: exists already: give --force to overwrite it")

    def _failed(self, error: OSError) -> OutputFailed:
        reason = error.strerror or type(error).__name__
        return OutputFailed(f"{shown(self._path)}: cannot be written ({reason}): name another place with --output")


class Stdout:
    """As captions come. `heading` goes before the first of them."""

    def __init__(self, heading: str, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._heading = heading

    def __enter__(self) -> Stdout:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, text: str) -> None:
        text, self._heading = self._heading + text, ""
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError as error:
            with contextlib.suppress(OSError):  # or Python would complain when it flushes on its way out
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise OutputClosed from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputFailed(f"standard output cannot be written ({reason})") from error
