"""Opus packets → 16 kHz mono by libopus, called through `ctypes`: the one file that hands addresses to C.

Decoding at 16 kHz spares the resampler and its delay, and lost audio is made good as well as Opus can: by the copy that
the next packet carries (LBRR, called in-band FEC), else by concealment. Calls run without the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import re
import threading
import weakref
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_int16, c_int32, c_void_p
from pathlib import Path
from typing import Any, Final

import numpy as np

from .audio import FRAME, SAMPLE_RATE, Pcm
from .decoders import LONGEST_PACKET, MAX_CONCEALED, UndecodablePacket

SONAMES: Final = ("libopus.so.0", "libopus.0.dylib")
IN_WHEELS: Final = ("av.libs/libopus*", "av/.dylibs/libopus*")  # beside the package `av`: Linux, macOS

INVALID_PACKET: Final = -4
RESET_STATE: Final = 4028
MAX_FRAMES: Final = 48  # of a packet
STEP: Final = SAMPLE_RATE // 400  # 2.5 ms: libopus conceals multiples of it
NO_SOUND: Final = bytes([9 << 3])  # a packet: SILK, wideband, 20 ms, nothing in it (RFC 6716 §3.1)

#: What a function returns, then what it takes. A call that does not fit these would write anywhere.
SIGNATURES: Final[dict[str, tuple[Any, ...]]] = {
    "opus_get_version_string": (c_char_p,),
    "opus_strerror": (c_char_p, c_int),
    "opus_decoder_create": (c_void_p, c_int32, c_int, POINTER(c_int)),
    "opus_decoder_destroy": (None, c_void_p),
    "opus_decoder_ctl": (c_int, c_void_p, c_int),
    "opus_decode": (c_int, c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int),
    "opus_packet_get_samples_per_frame": (c_int, c_char_p, c_int32),
    "opus_packet_parse": (c_int, c_char_p, c_int32, c_void_p, c_void_p, POINTER(c_int16), POINTER(c_int)),
}


class NoLibopus(Exception):
    """No copy of libopus can be used. The message has each copy's fault."""

    component = "pipeline.opus"


class Libopus:
    """One copy of the library. Raises `OSError` or `AttributeError` if it is none."""

    def __init__(self, name: str) -> None:
        self.c = ctypes.CDLL(name)
        for function, (returns, *takes) in SIGNATURES.items():
            bound = getattr(self.c, function)
            bound.restype, bound.argtypes = returns, takes
        told = self.c.opus_get_version_string().decode(errors="replace")
        found = re.search(r"\d+(\.\d+)+", told)
        self.version = found[0] if found else "of no known version"
        self.age = tuple(int(each) for each in found[0].split(".")) if found else ()  # newer copies compare greater

    def new(self) -> LibopusDecoder:
        return LibopusDecoder(self.c)


class LibopusDecoder:
    """An `OpusDecoder`. Two threads at once would confuse it, but not corrupt memory: each call waits for the other."""

    def __init__(self, c: ctypes.CDLL) -> None:
        error = c_int()
        self._state: int | None = c.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error))  # one channel: it mixes
        if not self._state:
            raise MemoryError(f"libopus made no decoder: {_text(c, error.value)}")
        self._c = c
        self._decode: Any = c.opus_decode
        self._pcm: Pcm = np.zeros(LONGEST_PACKET, dtype=np.int16)  # libopus writes here
        self._to = c_void_p(self._pcm.ctypes.data)
        self._concealed = 0  # samples in a row
        self._lock = threading.Lock()
        self._destroy = weakref.finalize(self, c.opus_decoder_destroy, self._state)
        self._destroy.atexit = False  # a worker may still decode then

    def decode(self, payload: bytes) -> Pcm:
        with self._lock:
            # No bytes at all would mean a lost packet to libopus, as long as the array is.
            count = INVALID_PACKET
            if payload:
                count = self._decode(self._state or self._open(), payload, len(payload), self._to, LONGEST_PACKET, 0)
            if count < 0:
                raise UndecodablePacket(_text(self._c, count))
            self._concealed = 0
            return self._pcm[:count].copy()

    def recover(self, following: bytes, count: int) -> Pcm:
        with self._lock:
            copied = self.copied(following) if count else 0
            if not copied:
                return self._conceal(count)
            ahead = self._conceal(max(0, count - copied))
            if self._call(following, copied, fec=1) != copied:
                return np.concatenate((ahead, self._conceal(count - len(ahead))))
            self._concealed = 0
            return np.concatenate((ahead, self._pcm[max(0, copied - count) : copied]))

    def conceal(self, count: int) -> Pcm:
        with self._lock:
            return self._conceal(count)

    def reset(self) -> None:
        with self._lock:
            self._c.opus_decoder_ctl(self._open(), RESET_STATE)
            self._concealed = 0

    def close(self) -> None:
        with self._lock:
            self._state = None
            self._destroy()

    def copied(self, following: bytes) -> int:
        """Samples of the frame before it that `following` has a copy of (RFC 6716 §4.2.4); 0: it has none."""
        sizes, at = (c_int16 * MAX_FRAMES)(), c_int()
        frames = self._c.opus_packet_parse(following, len(following), None, None, sizes, ctypes.byref(at))
        if frames <= 0 or not sizes[0] or following[0] > 127:  # nonsense, no sound, or CELT, which has no copies
            return 0
        length: int = self._c.opus_packet_get_samples_per_frame(following, SAMPLE_RATE)
        voice_flags = max(1, length // FRAME)  # one each 20 ms; the next bit tells of the copy
        return length if following[at.value] << voice_flags & 0x80 else 0

    def _conceal(self, count: int) -> Pcm:
        pcm: Pcm = np.zeros(count, dtype=np.int16)
        wanted = min(count, MAX_CONCEALED - self._concealed)
        self._open()
        if wanted > 0:
            made = min(wanted, self._call(None, -(-wanted // STEP) * STEP))
            pcm[: max(0, made)] = self._pcm[: max(0, made)]
            self._concealed += wanted
        return pcm

    def _call(self, payload: bytes | None, count: int, fec: int = 0) -> int:
        """Samples written, or an error's number."""
        written: int = self._decode(self._open(), payload, len(payload or b""), self._to, count, fec)
        return written

    def _open(self) -> int:
        if self._state is None:
            raise ValueError("the decoder is closed")  # C would take the missing address for a good one
        return self._state


def load() -> Libopus:
    """The newest copy on this machine that works. Raises `NoLibopus`."""
    working: list[Libopus] = []
    faults: list[str] = []
    for name in copies():
        try:
            working.append(_tried(name))
        except Exception as error:  # noqa: BLE001 — whatever is wrong with one copy, another may do
            faults.append(f"{Path(name).name}: {error}")
    if not working:
        raise NoLibopus("; ".join(faults))
    return max(working, key=lambda library: library.age)


def copies() -> Iterator[str]:
    """Where the library may be: names for the dynamic linker, then files."""
    yield from SONAMES
    found = ctypes.util.find_library("opus")
    if found and found not in SONAMES:
        yield found
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        site = Path(spec.origin).parent.parent
        yield from sorted(str(path) for pattern in IN_WHEELS for path in site.glob(pattern))


def _tried(name: str) -> Libopus:
    library = Libopus(name)
    decoder = library.new()
    try:
        if len(decoder.decode(NO_SOUND)) != FRAME:
            raise OSError("it does not decode at 16 kHz")
        decoder.reset()
        decoder.conceal(FRAME)
    finally:
        decoder.close()
    return library


def _text(c: ctypes.CDLL, error: int) -> str:
    told: bytes = c.opus_strerror(error)
    return told.decode(errors="replace")
