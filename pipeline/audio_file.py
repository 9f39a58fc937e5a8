"""The sound of an audio or video file: 16 kHz mono chunks on the media clock, decoded bit by bit, never held whole.

Blocking: for a thread. Media time is the time that players show. Where the file has no sound (packets that a recorder
never got, speakers that sent nothing while they were silent), a short gap becomes silence and a long one a jump, so
that captions stay with the picture.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from .audio import SAMPLE_RATE, AudioChunk, Pcm, samples, seconds
from .errors import PipelineError

CHUNK: Final = samples(0.5)  # the longest chunk
FILL_LIMIT: Final = samples(1.0)  # the longest gap that is filled with silence
MISSING_S: Final = 1.0  # a file that ends earlier than this before its end was cut off
#: Containers whose header or index tells how long the sound is; for others, FFmpeg derives it from the file's own size,
#: or guesses. An MP3 has such a header if it also tells the encoder's delay, so that the sound begins after time 0.
TELLING: Final = frozenset({"aiff", "asf", "caf", "flac", "matroska", "mov", "mp3"})
UNFILLED: Final = 0x7FFF0000  # bytes: recorders that do not know a WAV's size yet put as much, or more, into its header
TOLERANCE_S: Final = 0.1  # a frame that is off by less is in its place: containers round their timestamps
#: Nothing but files: a playlist could name addresses on the network.
OPTIONS: Final = {"protocol_whitelist": "file,crypto,data"}
CONVERT: Final = "convert it with another program (such as ffmpeg) to WAV or FLAC first"


class AudioFileError(PipelineError):
    """A file that cannot be transcribed. The message names the file, what is wrong, and what to do."""

    component = "pipeline.audio_file"


class AudioFile:
    """An open file; a context manager. Raises `AudioFileError`, on opening as on reading."""

    def __init__(self, path: Path) -> None:
        self.name = shown(path)
        self.damaged = 0  # packets that could not be decoded, and were passed over
        self.missing_s = 0.0  # of sound, at the end; known when all chunks were read
        _check(path, self.name)
        self._container = _open(path, self.name)
        try:
            self._stream = self._best()
            self._told_s = self._length_of_sound(path)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    @property
    def length_s(self) -> float | None:
        """As the container says; None if it does not."""
        return self._container.duration / av.time_base if self._container.duration else None

    def chunks(self) -> Generator[AudioChunk]:
        """In the order of media time, each ≤ `CHUNK`. Once."""
        track = Track(origin=Fraction(self._container.start_time or 0, av.time_base))
        for frame in self._frames():
            yield from track.feed(frame)
        yield from track.finish()
        missing_s = (self._told_s or 0.0) - seconds(track.end)
        self.missing_s = missing_s if missing_s > MISSING_S else 0.0
        if not track.end:
            found = "nothing in it could be decoded" if self.damaged else "its audio stream is empty"
            raise AudioFileError(f"{self.name}: holds no sound ({found}): check that it plays, or {CONVERT}")

    def _best(self) -> Any:
        stream = self._container.streams.best("audio")
        if stream is None:
            raise AudioFileError(f"{self.name}: has no audio stream: choose a file that has sound")
        if stream.codec_context is None:
            raise AudioFileError(f"{self.name}: the codec of its sound is not known: {CONVERT}")
        return stream

    def _length_of_sound(self, path: Path) -> float | None:
        """In seconds, as the container says; None if it does not, or may mean the picture."""
        kind = self._container.format.name.split(",")[0]
        if kind == "wav" and self.length_s and self._stream.codec_context.bit_rate:
            return self.length_s + 8 * _missing_bytes(path) / float(self._stream.codec_context.bit_rate)
        if kind not in TELLING or (kind == "mp3" and not self._container.start_time):
            return None
        if (tag := self._stream.metadata.get("DURATION")) is not None:  # Matroska's, of one stream
            return _clock_s(tag)
        alone = len(self._container.streams) == 1
        if self._stream.duration and (alone or kind == "mov"):  # elsewhere FFmpeg may give the longest stream's to all
            return float(self._stream.duration * self._stream.time_base)
        return self.length_s if alone else None

    def _frames(self) -> Iterator[av.AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.EOFError):
                return
            except (av.FFmpegError, OSError) as error:
                raise AudioFileError(f"{self.name}: cannot be read to its end ({_reason(error)}): {CONVERT}") from error
            try:
                yield from packet.decode()
            except av.EOFError:
                return
            except (av.FFmpegError, ValueError):
                self.damaged += 1


class Track:
    """Frames of any format in, 16 kHz chunks out. `origin` is the container's time 0, in seconds."""

    def __init__(self, *, origin: Fraction) -> None:
        self.end = 0  # media time after the newest resampled sample
        self._origin = origin
        self._began: Fraction | None = None  # when the first frame of this resampler was due, in seconds of media time
        self._fed = 0  # samples at the frames' own rate since then
        self._shape: tuple[object, ...] = ()
        self._resampler: av.AudioResampler | None = None
        self._held: list[Pcm] = []  # < CHUNK samples that were not handed out yet
        self._holds = 0

    def feed(self, frame: av.AudioFrame) -> Iterator[AudioChunk]:
        due = self._due(frame.sample_rate)
        at = due if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base - self._origin
        off = at - due
        if self._began is None or off > TOLERANCE_S:
            yield from self._skip_to(at)
        elif off < -TOLERANCE_S:
            self._origin += off  # timestamps went back: two recordings in one file; the clock goes on
        shape = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
        if shape != self._shape or self._resampler is None:
            yield from self._restart(shape)
        if self._resampler is not None:
            self._fed += frame.samples
            yield from self._hand_out(self._resampler.resample(frame))

    def finish(self) -> Iterator[AudioChunk]:
        """What is still held back."""
        yield from self._restart(())
        yield from self._flush()

    def _due(self, rate: int) -> Fraction:
        """When the next frame is expected."""
        return (self._began or Fraction(0)) + Fraction(self._fed, rate)

    def _skip_to(self, at: Fraction) -> Iterator[AudioChunk]:
        """Nothing was recorded up to `at`."""
        yield from self._restart(())
        missing = round(at * SAMPLE_RATE) - self.end
        if 0 < missing <= FILL_LIMIT:
            yield from self._keep(np.zeros(missing, dtype=np.int16))
        elif missing > 0:
            yield from self._flush()
            self.end += missing
        self._began, self._fed = Fraction(self.end, SAMPLE_RATE), 0

    def _restart(self, shape: tuple[object, ...]) -> Iterator[AudioChunk]:
        """The next frame is of another shape, or there is none."""
        if self._resampler is not None:
            yield from self._hand_out(self._resampler.resample(None))
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE) if shape else None
        if self._began is not None:
            self._began, self._fed = Fraction(self.end, SAMPLE_RATE), 0
        self._shape = shape

    def _hand_out(self, resampled: list[av.AudioFrame]) -> Iterator[AudioChunk]:
        for frame in resampled:
            yield from self._keep(frame.to_ndarray().reshape(-1).astype(np.int16, copy=False))

    def _keep(self, pcm: Pcm) -> Iterator[AudioChunk]:
        self._held.append(pcm)
        self._holds += len(pcm)
        self.end += len(pcm)
        if self._holds >= CHUNK:
            yield from self._flush(keep=self._holds % CHUNK)

    def _flush(self, *, keep: int = 0) -> Iterator[AudioChunk]:
        """All that is held in chunks, but the last `keep` samples."""
        if not self._holds:
            return
        pcm: Pcm = np.concatenate(self._held)
        start, ready = self.end - len(pcm), len(pcm) - keep
        self._held, self._holds = [pcm[ready:].copy()], keep
        for at in range(0, ready, CHUNK):
            yield AudioChunk(start=start + at, pcm=pcm[at : min(at + CHUNK, ready)].copy())


def _missing_bytes(path: Path) -> int:
    """What the header of a WAV promises and the file does not have: FFmpeg believes the file."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head, size = file.read(8), os.fstat(file.fileno()).st_size
        promised = int.from_bytes(head[4:], "little") + len(head)
        if head.startswith(b"RIFF") and promised < UNFILLED:
            return max(0, promised - size)
    return 0


def _clock_s(text: str) -> float | None:
    """`hh:mm:ss.fraction` in seconds; None: something else."""
    try:
        hours, minutes, rest = map(float, text.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + rest


def shown(path: Path) -> str:
    """A file's name for people; names that are not UTF-8 can be shown too."""
    return os.fsencode(path).decode("utf-8", "replace")


def _check(path: Path, name: str) -> None:
    """Say in plain words what FFmpeg would call invalid data."""
    try:
        if path.is_dir():
            raise AudioFileError(f"{name}: is a folder: name the files in it")
        if not path.exists():
            raise AudioFileError(f"{name}: there is no such file: check the name")
        if not path.is_file():  # a read from a pipe may hang for ever, and not even Ctrl-C ends it
            raise AudioFileError(f"{name}: is not a regular file: save the recording to one first")
        if not path.stat().st_size:
            raise AudioFileError(f"{name}: is empty: check that it was copied completely")
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioFileError(
            f"{name}: cannot be opened ({_reason(error)}): check the name and who may read it"
        ) from error


def _open(path: Path, name: str) -> Any:
    try:
        # "file:", or FFmpeg would take "10:30.wav" for an address.
        return av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioFileError(
            f"{name}: cannot be decoded ({_reason(error)}): check that it is a recording and plays, or {CONVERT}"
        ) from error


def _reason(error: Exception) -> str:
    with contextlib.suppress(AttributeError):
        strerror = error.strerror  # type: ignore[attr-defined]
        if strerror:
            return str(strerror)
    return type(error).__name__
