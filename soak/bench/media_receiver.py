"""The receiving side of `roomscribe bench media`: what every way of receiving shares, so that all are measured alike.

A receiver is a process of its own, with the arguments N SECONDS [OPTIONS as JSON]. It speaks in lines:

  in:  an SDP offer as a JSON string ‖ out: the answer, likewise; N times
  in:  an empty line: warm up, then measure for SECONDS
  err: what was measured, as a JSON object
  in:  the end, when nothing is sent any more
  err: the totals, as a JSON object
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psutil

from soak.crew import Crew

from .lines import standard_input, write_line
from .rtp_sender import Speaker
from .rtp_stream import TICK_S, Stream, tails
from .voices import SILENT, Voice

WARM_UP_S: Final = 4.0
LOOK_S: Final = 0.025  # often enough for a percentile; looking costs CPU time, which is what is measured
REHEARSAL_S: Final = 10.0
REHEARSED: Final = 25  # packets
NOBODY: Final = Voice((b"\xf8\xff\xfe",), bytes((SILENT,)))  # Opus' shortest 20 ms of silence
MEGABYTE: Final = 1e6


class NobodyHeard(Exception):
    """No packet of the first, unmeasured speaker arrived."""

    component = "soak.bench.media_receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`speakers` are spread over `rooms`. With `hearing`, a receiver that can detect speech does so, too."""

    speakers: int
    seconds: float
    rooms: int = 1
    hearing: bool = False

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Options:
        speakers, seconds, *rest = arguments
        return cls(speakers=int(speakers), seconds=float(seconds), **json.loads(rest[0] if rest else "{}"))


class Receiver(Protocol):
    """A way to receive. It answers once for each speaker; what it starts belongs to the crew that it was made with."""

    async def answer(self, offer: str) -> str:
        """The complete answer to one speaker's offer, candidates included."""

    def packets(self) -> int:
        """RTP packets that have arrived, of all speakers."""

    def extra(self) -> dict[str, Any]:
        """What else there is to tell, since the begin."""

    async def close(self) -> None:
        """Hang up everywhere."""


Make = Callable[[Crew, Options], Receiver]


class LoopLag:
    """How late the loop is with what is due: looked at every 25 ms while in the block."""

    def __init__(self) -> None:
        self._late: list[float] = []  # ≤ 100 a second of the measurement
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> LoopLag:
        self._due = asyncio.get_running_loop().time()
        self._plan()
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def percentile_ms(self, percent: float) -> float:
        late = sorted(self._late)
        return round(late[min(len(late) - 1, int(len(late) * percent / 100))] * 1000, 2) if late else 0.0

    def _plan(self) -> None:
        self._due += LOOK_S
        self._handle = asyncio.get_running_loop().call_at(self._due, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        self._late.append(now - self._due)
        self._due = max(self._due, now - LOOK_S)  # after a long standstill, looks are not made up for
        self._plan()


async def measure(receiver: Receiver, options: Options, *, start_rss_mb: float, base_rss_mb: float) -> dict[str, Any]:
    """What `options.seconds` of receiving cost. CPU time is that of the whole process, all its threads included.

    `start_rss_mb`: with everything imported; `base_rss_mb`: after one speaker came and went.
    """
    gc.collect()
    packets, cpu_s, began = receiver.packets(), _cpu_s(), time.monotonic()
    with LoopLag() as lag:
        await asyncio.sleep(options.seconds)
    packets, cpu_s, took_s = receiver.packets() - packets, _cpu_s() - cpu_s, time.monotonic() - began
    rss_mb = _rss_mb()
    return {
        "packets": packets,
        "packets_per_s": round(packets / took_s, 1),
        "cpu_s": round(cpu_s, 3),
        "us_per_packet": round(cpu_s / packets * 1e6, 1) if packets else None,
        "rss_mb": round(rss_mb, 1),
        "start_rss_mb": round(start_rss_mb, 1),
        "base_rss_mb": round(base_rss_mb, 1),
        "mb_per_speaker": round((rss_mb - base_rss_mb) / options.speakers, 3),
        "mb_per_speaker_from_start": round((rss_mb - start_rss_mb) / options.speakers, 3),
        "loop_lag_ms_p99": lag.percentile_ms(99),
        **receiver.extra(),
    }


async def serve(make: Make, options: Options) -> None:
    """The whole conversation."""
    lines = await standard_input()
    async with Crew() as crew:
        start_rss_mb = _rss_mb()
        await _rehearse(make, options)
        gc.collect()
        base_rss_mb = _rss_mb()
        receiver = make(crew, options)
        try:
            while line := (await lines.readline()).decode().strip():
                write_line(await receiver.answer(json.loads(line)))
            if lines.at_eof():  # nobody is there any more
                return
            await asyncio.sleep(WARM_UP_S)
            write_line(
                await measure(receiver, options, start_rss_mb=start_rss_mb, base_rss_mb=base_rss_mb), to_stderr=True
            )
            await lines.read()
            write_line({"received": receiver.packets(), **receiver.extra()}, to_stderr=True)
        finally:
            await receiver.close()


async def _rehearse(make: Make, options: Options) -> None:
    """One speaker comes, is silent for a moment and goes: what is allocated only once belongs to no speaker."""
    speaker = Speaker(0)
    async with Crew() as crew:
        receiver = make(crew, options)
        try:
            negotiated = await speaker.answered(await receiver.answer(await speaker.offer()))
            async with asyncio.timeout(REHEARSAL_S):
                await speaker.connected()
                wire = speaker.wire(Stream(tails(NOBODY, negotiated.level_id), negotiated, ssrc=speaker.ssrc()))
                while receiver.packets() < REHEARSED:
                    wire.send()
                    await asyncio.sleep(TICK_S)
        except TimeoutError as error:
            raise NobodyHeard("the packets of the rehearsal did not arrive: is loopback there?") from error
        finally:
            await receiver.close()
            await speaker.close()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb() -> float:
    return float(psutil.Process().memory_info().rss) / MEGABYTE


def main(make: Make) -> None:
    """What a module that is a receiver does when it is started."""
    asyncio.run(serve(make, Options.read(sys.argv[1:])))
