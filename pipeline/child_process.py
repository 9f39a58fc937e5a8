"""One life of the engine's child process, seen from the parent: start, frames both ways, end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from .child_words import StandardError
from .errors import ChildNotStarted, EngineDied
from .wire import PREFIX, BrokenFrame, lengths, pack, unpack_header

OURS: Final = "ROOMSCRIBE_"
PROGRAM: Final = "pipeline.engine_child"  # the module that the child runs
STOP_TIMEOUT_S: Final = 3.0

CHILD_ENVIRONMENT: Final = {
    # One thread per call; more only burn the other cores (numpy's mel filter, ctranslate2's OpenMP).
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # oneDNN keeps what it has compiled for each length of audio, 1,024 times: hundreds of megabytes, and no faster.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
    # Seconds of silence on the line; a slow download that moves is never cut. Read when the hub's library is imported.
    "HF_HUB_DOWNLOAD_TIMEOUT": "10",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, which faster-whisper may import, would call its maker
}

#: What to do, by what the system says when it starts no process.
REMEDIES: Final = {
    errno.EMFILE: "Let roomscribe open more files (`ulimit -n`, LimitNOFILE of systemd, `ulimits` of compose).",
    errno.ENFILE: "All programs of the machine together have too many files open: raise `fs.file-max`, or end some.",
    errno.EAGAIN: "Let roomscribe have more processes and threads (`ulimit -u`, `pids_limit` of compose).",
    errno.ENOMEM: "Give roomscribe more memory, or choose a smaller model.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """`model`: a folder, a packaged model or a faster-whisper name. `cache_dir` None: Hugging Face's own cache.

    `workers` decode at once, each with `threads` CPU threads and up to `max_batch` requests. `margin_s` of silence is
    encoded after the speech, and `floor_s` in all at least; `margin_s` 0 always encodes Whisper's full 30 s.
    """

    model: str = "tiny.en"
    cache_dir: str | None = None
    download: bool = True
    device: str = "cpu"
    compute_type: str = "int8"
    workers: int = 2
    threads: int = 1
    max_batch: int = 1
    margin_s: float = 1.5
    floor_s: float = 0.0


def inheritable(environment: Mapping[str, str]) -> dict[str, str]:
    """What a child may inherit: no setting of ours, so that no secret, new or misspelt, can be forgotten here.

    A child has no use for one (what it needs is in its first frame), and whatever it starts would inherit them.
    """
    return {name: value for name, value in environment.items() if not name.startswith(OURS)}


def not_started(error: OSError) -> ChildNotStarted:
    """The same, for people."""
    number = error.errno or 0
    said = f"{type(error).__name__}: {os.strerror(number)}" if number > 0 else type(error).__name__
    return ChildNotStarted(f"the recognition process cannot be started ({said})", remedy=REMEDIES.get(number, ""))


class ChildProcess:
    """Use as an async context manager; leaving it ends the process, by force if need be. Raises `ChildNotStarted`."""

    def __init__(self, settings: ModelSettings, environment: dict[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._words = StandardError()

    async def __aenter__(self) -> ChildProcess:
        try:
            await self._born()
            self._words.child_has_it()
            await self._write(asdict(self._settings), b"")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _born(self) -> None:
        try:
            await self._words.open()
            await self._start()
        except OSError as error:
            raise not_started(error) from error

    async def _start(self) -> None:
        # -P: the folder it is started from must not shadow modules.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._words.write_end,
            env=inheritable(self._environment) | CHILD_ENVIRONMENT,
        )

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._end()
        finally:
            await self._words.close()

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
        finally:
            self.kill()
            await process.wait()

    @property
    def end(self) -> str:
        """How the process ended, for people; empty while it runs."""
        status = self._process.returncode if self._process else None
        if status is None:
            return ""
        if status >= 0:
            return f"with status {status}"
        try:
            return f"by {signal.Signals(-status).name}"
        except ValueError:
            return f"by signal {-status}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def kill(self) -> None:
        """End it now; whoever waits in `receive` gets `EngineDied`."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        """Ask for a decode, in one frame. Raises `EngineDied` when nobody reads any more."""
        self._words.hush()
        await self._write(header, payload)

    async def _write(self, header: dict[str, Any], payload: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            raise EngineDied("the recognition process is not running")
        try:
            self._process.stdin.write(pack(header, payload))
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EngineDied("the recognition process does not read any more") from error

    async def receive(self) -> dict[str, Any]:
        """Wait for one frame's header. Raises `EngineDied` at the end of the stream."""
        if self._process is None or self._process.stdout is None:
            raise EngineDied("the recognition process is not running")
        try:
            header_length, payload_length = lengths(await self._process.stdout.readexactly(PREFIX.size))
            header = unpack_header(await self._process.stdout.readexactly(header_length))
            await self._process.stdout.readexactly(payload_length)
        except asyncio.IncompleteReadError as error:
            raise EngineDied("the recognition process ended") from error
        except BrokenFrame as error:
            raise EngineDied(f"the recognition process wrote {error}") from error
        return header
