"""The process's decoding of received audio: packets of all speakers, gathered for a moment, decoded off the loop.

Workers are threads: libopus, the voice detectors and numpy release the interpreter while they work. A speaker's frames
are decoded by one worker at a time, in order. A speaker whose decoding breaks down loses nobody else's words.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from .decoders import DecoderChoice, DecoderPool, choose_decoder
from .gate import GateSettings
from .judge import FrameJudge
from .opus_stream import Decoded, Item, OpusStream
from .receiver import Listener, RtpReceiver

BATCH_S: Final = 0.06  # how long packets gather: larger batches cost less, and captions come later by half of it
GATHERED_S: Final = 0.005  # the same, for packets that were gathered before they came here
MAX_WORKERS: Final = 4
START_S: Final = 5.0  # in which all workers have started
FRAMES_A_WORKER: Final = 64  # 2 ms of work: for less, waking another thread costs more than it brings


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """`decoder`: "auto", "libopus" or "av"; `workers` 0: as the cores allow. `batch_s`: how long packets gather."""

    decoder: str = "auto"
    workers: int = 0
    batch_s: float = BATCH_S
    gate: GateSettings = field(default_factory=GateSettings)


@dataclass(slots=True, kw_only=True)
class _Job:
    """One speaker's share of a batch; `outcome` is filled in by the worker."""

    receiver: RtpReceiver
    frames: Sequence[Item]
    outcome: Decoded | Exception | None = None


class Media:
    """One a process. Raises `NoDecoder` when the decoder that was asked for cannot be had."""

    def __init__(self, settings: MediaSettings | None = None) -> None:
        self._settings = settings or MediaSettings()
        self.decoder: DecoderChoice = choose_decoder(self._settings.decoder)
        self.pool = DecoderPool(self.decoder.new)
        self.workers = self._settings.workers or max(1, min(MAX_WORKERS, (os.cpu_count() or 1)))
        self.batch_s = self._settings.batch_s
        self._work = asyncio.Event()
        self._listed: dict[RtpReceiver, None] = {}  # have something to decode or to wait for; ≤ `_receivers`
        self._receivers: set[RtpReceiver] = set()  # ≤ speakers
        self._over = False
        self._past: Counter[str] = Counter()  # what receivers that are gone have counted
        self.totals = Decoded()  # without `heard`
        self.most_waiting = 0  # frames that any receiver has ever had for a worker

    @property
    def receivers(self) -> int:
        """How many there are."""
        return len(self._receivers)

    @property
    def listed(self) -> int:
        """How many have something to decode, or to wait for."""
        return len(self._listed)

    @property
    def waiting(self) -> int:
        """Frames of the fullest receiver that wait for a worker."""
        return max((receiver.waiting for receiver in self._receivers), default=0)

    @property
    def open_gates(self) -> int:
        """Speakers whose audio is being decoded."""
        return sum(receiver.gate.open for receiver in self._receivers)

    @property
    def holdback_s(self) -> float:
        """The longest that any receiver waits for a missing packet."""
        return max((receiver.jitter.holdback_s for receiver in self._receivers), default=0.0)

    def tallies(self) -> Counter[str]:
        """What all receivers have counted, by name."""
        told = Counter(self._past)
        for receiver in self._receivers:
            receiver.add_tallies(told)
        return told

    def receiver(self, *, judge: FrameJudge, listener: Listener) -> RtpReceiver:
        """For a new speaker. It is forgotten once it was closed and `listener` told to finish."""
        receiver = RtpReceiver(judge=judge, listener=listener, wake=self._wake, gate=self._settings.gate)
        self._receivers.add(receiver)
        return receiver

    async def run(self) -> None:
        """Decode until cancelled; then every listener is told that nothing more will come."""
        try:
            with ThreadPoolExecutor(self.workers, thread_name_prefix="opus") as threads:
                self._start(threads)
                while True:
                    await self._work.wait()
                    await asyncio.sleep(self.batch_s)
                    await self._decode_batch(threads)
        finally:  # no worker is at work any more
            self._over = True
            for receiver in list(self._receivers):
                self._forget(receiver)
            self.pool.close()

    def _start(self, threads: ThreadPoolExecutor) -> None:
        """All of them, which the pool would do one by one, hours later: more threads than before look like a leak."""
        started = threading.Barrier(self.workers)
        for _ in range(self.workers):
            threads.submit(started.wait, START_S)

    async def _decode_batch(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        jobs = self._gather(loop.time())
        shares = [loop.run_in_executor(threads, _work_off, share) for share in self._shares(jobs)]
        await asyncio.gather(*shares)
        for job in jobs:
            self._hand_over(job)

    def _wake(self, receiver: RtpReceiver) -> None:
        if self._over:
            self._forget(receiver)
        elif receiver in self._receivers and receiver not in self._listed:
            self._listed[receiver] = None
            self._work.set()

    def _gather(self, now: float) -> list[_Job]:
        jobs = []
        for receiver in list(self._listed):
            try:
                if job := self._job(receiver, now):
                    jobs.append(job)
            except Exception as error:  # noqa: BLE001 — whatever it is, it stays with this speaker
                self._fail(receiver, error)
        if not self._listed:
            self._work.clear()
        return jobs

    def _job(self, receiver: RtpReceiver, now: float) -> _Job | None:
        receiver.poll(now=now)
        if not receiver.jitter.waiting:
            del self._listed[receiver]
        if frames := receiver.take():
            self.most_waiting = max(self.most_waiting, len(frames))
            receiver.judge.lent = True
            receiver.decoder = receiver.decoder or self.pool.take()
            return _Job(receiver=receiver, frames=frames)
        if receiver.closed:
            self._forget(receiver)
        return None

    def _shares(self, jobs: list[_Job]) -> list[list[_Job]]:
        frames = sum(len(job.frames) for job in jobs)
        count = max(1, min(self.workers, frames // FRAMES_A_WORKER, len(jobs)))
        return [share for number in range(count) if (share := jobs[number::count])]

    def _hand_over(self, job: _Job) -> None:
        receiver, outcome = job.receiver, job.outcome
        receiver.judge.lent = receiver.waiting > 0
        if isinstance(outcome, Decoded):
            self.totals.add(outcome)
            try:
                receiver.listener.hear(outcome)
            except Exception as error:  # noqa: BLE001 — as above
                outcome = error
        if isinstance(outcome, Exception):
            self._fail(receiver, outcome)
        elif not receiver.waiting:
            if not receiver.gate.open:
                self._release(receiver)
            if receiver.closed:
                self._forget(receiver)

    def _fail(self, receiver: RtpReceiver, error: Exception) -> None:
        """Nothing more will come of this one."""
        receiver.closed = True
        receiver.judge.lent = False
        receiver.listener.failed(error)
        self._forget(receiver)

    def _release(self, receiver: RtpReceiver) -> None:
        decoder, receiver.decoder = receiver.decoder, None
        if decoder is not None:
            self.pool.give_back(decoder)

    def _forget(self, receiver: RtpReceiver) -> None:
        if receiver not in self._receivers:
            return
        self._receivers.discard(receiver)
        self._listed.pop(receiver, None)
        receiver.add_tallies(self._past)
        self._release(receiver)
        receiver.closed = True
        receiver.listener.finish()


def _work_off(jobs: Sequence[_Job]) -> None:
    """In a worker."""
    for job in jobs:
        decoder = job.receiver.decoder
        stream: OpusStream = job.receiver.stream
        if decoder is None:
            continue
        try:
            job.outcome = stream.decode(decoder, job.frames)
        except Exception as error:  # noqa: BLE001 — whatever it is, it stays with this speaker
            job.outcome = error
