"""The engine's child process: loads the model, then answers requests until its standard input ends.

It never outlives its parent: the end of standard input, which the kernel brings about whatever happens to the
parent, ends it. Standard output belongs to the frames; whatever libraries print goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .model import ModelNotFound, find_model
from .request import DecodeRequest, Kind
from .wire import pack, read_frame

if TYPE_CHECKING:
    from .whisper import Transcriber

NICENESS = 5  # packets win over inference


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A recogniser that is warm. `source` says where it was found."""

    recogniser: Transcriber
    source: str
    warm_up_s: float
    short_inputs: bool
    translations: list[str]


Load = Callable[[dict[str, Any]], Loaded]  # the argument: `ModelSettings`, as they came in the first frame


def load_whisper(options: dict[str, Any]) -> Loaded:
    """Find, load and warm up the model. Raises whatever a library does, and `ModelNotFound`."""
    from .whisper import FasterWhisper, WindowSettings  # here: why an installation is broken is told like any reason

    found = find_model(options["model"], cache_dir=options["cache_dir"], download=options["download"])
    whisper = FasterWhisper(
        found,
        device=options["device"],
        compute_type=options["compute_type"],
        workers=options["workers"],
        threads=options["threads"],
        window=WindowSettings(margin_s=options["margin_s"], floor_s=options["floor_s"]),
    )
    began = time.monotonic()
    whisper.warm_up()
    return Loaded(
        recogniser=whisper,
        source=found.source,
        warm_up_s=round(time.monotonic() - began, 3),
        short_inputs=whisper.short_inputs,
        translations=whisper.translations,
    )


def main(load: Load = load_whisper) -> None:
    """Serve what `load` gives."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both may reach the whole group; the parent decides
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    writer = _Writer(replies)
    first = read_frame(sys.stdin.buffer)
    if first is None:
        return
    options = first[0]
    with ThreadPoolExecutor(max_workers=options["workers"]) as pool:
        # Loading is the first job, so that the end of standard input is seen meanwhile too. Bounded by the parent:
        # it asks nothing before the child is ready, and never has more requests out than there are workers.
        loading = pool.submit(_load, load, options, writer)
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            pool.submit(_answer, loading, writer, *frame)
        os._exit(0)  # nobody is left to read what is still being decoded


class _Writer:
    """Whole frames, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, header: dict[str, Any]) -> None:
        frame = memoryview(pack(header))
        with self._lock, contextlib.suppress(BrokenPipeError):
            while frame:
                frame = frame[self._stream.write(frame) :]


def _load(load: Load, options: dict[str, Any], writer: _Writer) -> Transcriber:
    """Have it loaded. A failure is told, and ends the process."""
    try:
        loaded = load(options)
    except ModelNotFound as error:
        writer.write({"fatal": str(error)})
        os._exit(1)
    except Exception as error:  # noqa: BLE001 — a model that cannot be loaded must be explained, not traced
        settings = f"ROOMSCRIBE_DEVICE={options['device']}, ROOMSCRIBE_COMPUTE_TYPE={options['compute_type']}"
        reason = f"the model {options['model']!r} (ROOMSCRIBE_MODEL) cannot be loaded with {settings}: {error}"
        writer.write({"fatal": reason})
        os._exit(1)
    told = {"source": loaded.source, "languages": loaded.recogniser.languages, "translations": loaded.translations}
    writer.write({"ready": True, "warm_up_s": loaded.warm_up_s, "short_inputs": loaded.short_inputs, **told})
    return loaded.recogniser


def _answer(loading: Future[Transcriber], writer: _Writer, header: dict[str, Any], payload: bytes) -> None:
    try:
        hypotheses = loading.result().transcribe(_requests(header, payload))
    except Exception as error:  # noqa: BLE001 — one bad utterance must not end the worker
        # Without its text, which is a library's, may be of the words, and would be logged.
        writer.write({"id": header["id"], "error": type(error).__name__})
        return
    writer.write({"id": header["id"], "hypotheses": [asdict(each) for each in hypotheses]})


def _requests(header: dict[str, Any], payload: bytes) -> list[DecodeRequest]:
    """The audio of all requests is one block, in their order; it is not copied."""
    audio = np.frombuffer(payload, dtype="<i2")
    requests, at = [], 0
    for each in header["requests"]:
        end = at + each["samples"]
        requests.append(
            DecodeRequest(
                kind=Kind(each["kind"]),
                language=each["language"],
                pcm=audio[at:end],
                beam=each["beam"],
                hints=each["hints"],
                allowed=tuple(each["allowed"]),
                translate=each["translate"],
            )
        )
        at = end
    return requests


if __name__ == "__main__":
    main()
