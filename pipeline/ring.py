"""The audio of one speaker's last seconds, addressed by media time. Fixed memory, allocated once."""

from __future__ import annotations

import numpy as np

from .audio import AudioChunk, Pcm


class AudioRing:
    """Keeps the newest `capacity` samples. Reading what has gone by yields what is left of it."""

    def __init__(self, capacity: int) -> None:
        self._buffer: Pcm = np.zeros(capacity, dtype=np.int16)
        self._start = 0  # media time of the oldest sample kept
        self._end = 0

    @property
    def start(self) -> int:
        return self._start

    @property
    def end(self) -> int:
        return self._end

    def write(self, chunk: AudioChunk) -> None:
        """Append. A chunk that does not begin where the ring ends drops what was kept: media time jumped."""
        if chunk.start != self._end:
            self._start = self._end = chunk.start
        capacity = len(self._buffer)
        pcm = chunk.pcm[-capacity:]
        at = (chunk.end - len(pcm)) % capacity
        first = min(len(pcm), capacity - at)
        self._buffer[at : at + first] = pcm[:first]
        self._buffer[: len(pcm) - first] = pcm[first:]
        self._end = chunk.end
        self._start = max(self._start, self._end - capacity)

    def read(self, start: int, end: int) -> AudioChunk:
        """A copy of the samples from `start` to `end`, as far as they are kept."""
        start = min(max(start, self._start), self._end)
        end = min(max(end, start), self._end)
        capacity = len(self._buffer)
        at, count = start % capacity, end - start
        first = min(count, capacity - at)
        pcm = np.concatenate((self._buffer[at : at + first], self._buffer[: count - first]))
        return AudioChunk(start=start, pcm=pcm)
