"""What a soak has seen so far, on disk: one JSON object a line, so that a run that was broken off can go on.

A line that was being written when the machine went down is left out when it is read. No word of a caption is in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

from soak.report.plot import Band
from soak.verdict.sample import Sample

NAME: Final = "journal.jsonl"
FORMAT: Final = 2
HEADER, SAMPLE, TALLY, BAND, FAULT, ACCIDENT = "run", "sample", "tally", "band", "fault", "accident"


class BadJournal(Exception):
    """The journal cannot be used. The message names the file and what to do."""

    component = "soak.run.journal"


@dataclass(slots=True, kw_only=True)
class Story:
    """A run as its journal tells it. `tallies` are of one leg each; `faults` what was observed of each strike."""

    options: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    tallies: dict[int, dict[str, Any]] = field(default_factory=dict)  # by leg: the newest of each counts
    bands: list[Band] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    accidents: list[str] = field(default_factory=list)  # by which the soak itself broke off

    @property
    def legs(self) -> int:
        """How many lives of the service there were."""
        return 1 + max((*(sample.leg for sample in self.samples), *self.tallies), default=-1)

    @property
    def elapsed_s(self) -> float:
        """Of the run so far, all legs together."""
        return max((sample.at_s for sample in self.samples), default=0.0)


class Journal:
    """A context manager. What is written is on disk at once. All of it raises `BadJournal`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: TextIO | None = None

    def __enter__(self) -> Journal:
        try:
            self._file = self._path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however this run ends
        except BlockingIOError as error:
            self.__exit__(None, None, None)
            raise BadJournal(f"{self._path}: another soak writes it just now; wait for its end, or stop it") from error
        except OSError as error:
            raise BadJournal(f"{self._path}: cannot be written ({error.strerror})") from error
        if self._file.tell():
            self._file.write("\n")  # whatever the last line was, the next one is a line of its own
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written was told before
                self._file.close()

    def begin(self, options: Mapping[str, Any]) -> None:
        self._write({"kind": HEADER, "format": FORMAT, "options": dict(options)})

    def sample(self, sample: Sample) -> None:
        self._write({"kind": SAMPLE, **asdict(sample)})

    def tally(self, leg: int, tally: Mapping[str, Any]) -> None:
        """What was counted in this leg so far."""
        self._write({"kind": TALLY, "leg": leg, "tally": dict(tally)})

    def band(self, band: Band) -> None:
        self._write({"kind": BAND, **asdict(band)})

    def fault(self, observed: Mapping[str, Any]) -> None:
        self._write({"kind": FAULT, "observed": dict(observed)})

    def accident(self, what: str) -> None:
        self._write({"kind": ACCIDENT, "what": what})

    def _write(self, entry: Mapping[str, Any]) -> None:
        assert self._file is not None, "the journal is closed"
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            raise BadJournal(f"{self._path}: cannot be written ({error.strerror}); --resume goes on") from error


def read(folder: Path) -> Story:
    """Raises `BadJournal`."""
    path = folder / NAME
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise BadJournal(f"{path}: cannot be read ({error.strerror}); --resume takes the folder of a run") from error
    entries = [entry for line in lines if (entry := _parsed(line)) is not None]
    header = next((entry for entry in entries if entry.get("kind") == HEADER), None)
    if header is None or header.get("format") != FORMAT or not isinstance(header.get("options"), dict):
        raise BadJournal(f"{path}: is not the journal of a soak, or of another version; begin a new run")
    story = Story(options=header["options"])
    try:
        for entry in entries:
            _take(story, entry)
    except (KeyError, TypeError) as error:
        raise BadJournal(f"{path}: has a line that is not understood ({error}); begin a new run") from error
    return story


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _take(story: Story, entry: dict[str, Any]) -> None:
    kind = entry.pop("kind", "")
    if kind == SAMPLE:
        story.samples.append(Sample(**entry))
    elif kind == TALLY:
        story.tallies[entry["leg"]] = entry["tally"]
    elif kind == BAND:
        story.bands.append(Band(**entry))
    elif kind == FAULT:
        story.faults.append(entry["observed"])
    elif kind == ACCIDENT:
        story.accidents.append(entry["what"])
