"""The audio of one speaker's last seconds, addressed by media time.

The address space is fixed; memory is taken page by page as it is written to, and given back by `forget`: a speaker who
is silent holds next to none, one who speaks no more than the open utterance.
"""

from __future__ import annotations

import mmap
from typing import Final

import numpy as np

from .audio import AudioChunk, Pcm

GIVE_BACK: Final = 16_000  # samples; for less, a system call is not worth its while
PAGE: Final = mmap.PAGESIZE // 2  # samples
_DONTNEED: Final = getattr(mmap, "MADV_DONTNEED", None)  # not everywhere; without it memory stays taken


class AudioRing:
    """Keeps the newest `capacity` samples. Reading what has gone by yields what is left of it."""

    def __init__(self, capacity: int) -> None:
        self._pages = mmap.mmap(-1, max(capacity, 1) * 2, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._buffer: Pcm = np.frombuffer(self._pages, dtype=np.int16)[:capacity]
        self._capacity = capacity
        self._start = 0  # media time of the oldest sample kept
        self._end = 0

    @property
    def start(self) -> int:
        return self._start

    @property
    def end(self) -> int:
        return self._end

    @property
    def held_bytes(self) -> int:
        """Of the samples that can be read."""
        return (self._end - self._start) * self._buffer.itemsize

    def write(self, chunk: AudioChunk) -> None:
        """Append. A chunk that does not begin where the ring ends drops what was kept: media time jumped."""
        if chunk.start != self._end:
            self._give_back(self._start, self._end)
            self._start = self._end = chunk.start
        capacity = self._capacity
        pcm = chunk.pcm
        at, count = chunk.start % capacity, len(pcm)
        if at + count <= capacity:
            self._buffer[at : at + count] = pcm
        else:
            pcm = pcm[-capacity:]
            at = (chunk.end - len(pcm)) % capacity
            first = min(len(pcm), capacity - at)
            self._buffer[at : at + first] = pcm[:first]
            self._buffer[: len(pcm) - first] = pcm[first:]
        self._end = chunk.end
        self._start = max(self._start, self._end - capacity)

    def forget(self, before: int) -> None:
        """Nobody will read what lies before this media time: give its memory back, in strides."""
        before = min(before, self._end)
        if before - self._start >= GIVE_BACK:
            self._give_back(self._start, before)
            self._start = before

    def read(self, start: int, end: int) -> AudioChunk:
        """A copy of the samples from `start` to `end`, as far as they are kept."""
        start = min(max(start, self._start), self._end)
        end = min(max(end, start), self._end)
        capacity = self._capacity
        at, count = start % capacity, end - start
        first = min(count, capacity - at)
        pcm = np.concatenate((self._buffer[at : at + first], self._buffer[: count - first]))
        return AudioChunk(start=start, pcm=pcm)

    def _give_back(self, start: int, end: int) -> None:
        """The whole pages that hold nothing but samples from `start` to `end`."""
        if _DONTNEED is None or start >= end:
            return
        capacity = self._capacity
        at, count = start % capacity, end - start
        first = min(count, capacity - at)
        for low, high in ((at, at + first), (0, count - first)):
            low, high = -(-low // PAGE) * PAGE, high // PAGE * PAGE
            if low < high:
                self._pages.madvise(_DONTNEED, low * 2, (high - low) * 2)
