"""One run of `roomscribe bench media`: senders, a receiver between them and the clock, and what both say afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline import SAMPLE_RATE
from pipeline.child_process import CHILD_ENVIRONMENT, inheritable

from .lines import LONGEST_LINE
from .media_options import MediaOptions, Program
from .media_receiver import WARM_UP_S
from .rtp_sender import CONNECT_S
from .rtp_sender import Options as SenderOptions
from .rtp_stream import TICK_S

SENDER: Final = ("-m", "soak.bench.rtp_sender")
START_S: Final = 60.0  # a sender encodes its voices first
LATE_S: Final = 60.0  # an overloaded receiver is waited for
SETTLE_S: Final = 0.5  # the last packets are on their way
LEAVE_S: Final = 30.0
LAST_WORDS: Final = 8  # lines of a process that failed
PION_LINE: Final = re.compile(
    r"PION n=\d+ pk/s=(?P<rate>[\d.]+) cpu=(?P<cpu>[\d.]+) us/pk=(?P<each>[\d.]+) "
    r"rss=(?P<rss>[\d.]+)MB per_stream=(?P<memory>-?[\d.]+)MB samples=(?P<samples>\d+)"
)
Note = Callable[[str], None]


class RunFailed(Exception):
    """A process of the benchmark ended, or said nothing for too long. The message has its last words."""

    component = "soak.bench.media_run"


@dataclass(frozen=True, slots=True)
class Processors:
    """Which CPUs the receiver has, and which all others have."""

    receiver: frozenset[int]
    senders: frozenset[int]

    @classmethod
    def share(cls, available: set[int]) -> Processors:
        """The last one is the receiver's; with only one, all are on it."""
        *others, last = sorted(available)
        return cls(frozenset({last}), frozenset(others or {last}))


def own_processors() -> Processors:
    """Those that this process may use."""
    return Processors.share(os.sched_getaffinity(0))


@contextlib.contextmanager
def confined(processors: frozenset[int]) -> Iterator[None]:
    """What is started in this block runs on these CPUs from its first instruction, its threads included."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Child:
    """A process that is spoken to in lines. Of what it says on standard error, the last lines are kept."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._name = name
        self._process = process
        self._in, self._out, self._err = process.stdin, process.stdout, process.stderr
        self._words: deque[str] = deque(maxlen=LAST_WORDS)

    async def tell(self, line: str = "") -> None:
        """Raises `RunFailed`."""
        try:
            self._in.write(line.encode() + b"\n")
            await self._in.drain()
        except OSError as error:
            raise await self._failed("does not listen any more") from error

    async def line(self, timeout_s: float) -> Any:
        """The next line of JSON on standard output. Raises `RunFailed`."""
        try:
            async with asyncio.timeout(timeout_s):
                said = await self._out.readline()
        except TimeoutError as error:
            raise await self._failed(f"said nothing for {timeout_s:.0f} s") from error
        if not said:
            raise await self._failed("ended")
        return json.loads(said)

    async def result(self, timeout_s: float) -> dict[str, Any]:
        """The next result on standard error, whatever else is written there. Raises `RunFailed`."""
        try:
            async with asyncio.timeout(timeout_s):
                while said := await self._err.readline():
                    result = read_result(said.decode(errors="replace"))
                    if result is not None:
                        return result
                    self._words.append(said.decode(errors="replace").rstrip())
        except TimeoutError as error:
            raise await self._failed(f"had no result after {timeout_s:.0f} s") from error
        raise await self._failed("ended without a result")

    async def leave(self) -> None:
        """Nothing more will be said to it. Whoever does not end by itself is ended."""
        self._in.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._process.wait()
        self.kill()
        await self._process.wait()

    def hang_up(self) -> None:
        """Close its standard input."""
        self._in.close()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _failed(self, how: str) -> RunFailed:
        self.kill()
        for line in (await self._err.read()).decode(errors="replace").splitlines():
            self._words.append(line)
        words = "".join(f"\n  {line}" for line in self._words)
        return RunFailed(f"the process of {self._name} {how}{':' + words if words else ''}")


@contextlib.asynccontextmanager
async def child(
    name: str, command: Sequence[str], *, processors: frozenset[int], environment: Mapping[str, str]
) -> AsyncIterator[Child]:
    """A process that ends with the block, by force if the block fails. Raises `RunFailed`."""
    pipe = asyncio.subprocess.PIPE
    try:
        with confined(processors):
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                limit=LONGEST_LINE,
                env=inheritable(environment) | CHILD_ENVIRONMENT,
            )
    except OSError as error:
        raise RunFailed(f"the process of {name} cannot be started ({error.strerror}): {command[0]}") from error
    started = Child(name, process)
    try:
        yield started
    except BaseException:
        started.kill()
        raise
    finally:
        await started.leave()


async def run(
    program: Program, options: MediaOptions, *, python: str, environment: Mapping[str, str], processors: Processors
) -> dict[str, Any]:
    """Start everything, let all speakers connect, measure, stop, and count. Raises `RunFailed`."""
    async with contextlib.AsyncExitStack() as exits:
        senders = [
            await exits.enter_async_context(
                child(
                    "the senders",
                    (python, *SENDER, sender_options(options, number).write()),
                    processors=processors.senders,
                    environment=environment,
                )
            )
            for number in range(options.sending_processes)
        ]
        receiver = await exits.enter_async_context(
            child(program.name, program.command, processors=processors.receiver, environment=environment)
        )
        for number in range(options.speakers):
            sender = senders[number % len(senders)]
            await receiver.tell(json.dumps(await sender.line(START_S)))
            await sender.tell(json.dumps(await receiver.line(START_S)))
        for sender in senders:
            await sender.line(CONNECT_S + START_S)
        for sender in senders:
            await sender.tell()
        await receiver.tell()
        result = await receiver.result(WARM_UP_S + options.seconds + LATE_S)
        for sender in senders:
            await sender.tell()
        sums = [await sender.line(LATE_S) for sender in senders]
        await asyncio.sleep(SETTLE_S)
        receiver.hang_up()
        if program.totals:
            result |= await receiver.result(LATE_S)
        return result | sent_of(sums, result.get("received"))


def sender_options(options: MediaOptions, process: int) -> SenderOptions:
    """What the sending process with this number sends: the speakers go round the processes."""
    return SenderOptions(
        numbers=tuple(range(process, options.speakers, options.sending_processes)),
        speakers=options.speakers,
        talking=options.talkers,
        loss=options.loss,
        seed=options.seed,
        manifest=options.manifest,
    )


def sent_of(sums: Sequence[Mapping[str, Any]], received: int | None) -> dict[str, Any]:
    """What the senders sent, all together, and how much of it the receiver never saw.

    They were in time (`realtime`) if 99 packets in 100 of each were less than 20 ms late.
    """
    sent = sum(each["sent"] for each in sums)
    behind_ms = max(each["behind_ms_p99"] for each in sums)
    return {
        "sent": sent,
        "left_out": sum(each["left_out"] for each in sums),
        "sent_late": sum(each["late"] for each in sums),
        "sent_per_s": round(sum(each["sent_per_s"] for each in sums), 1),
        "sender_behind_ms_p99": behind_ms,
        "sender_behind_ms_max": max(each["behind_ms_max"] for each in sums),
        "sender_us_per_packet": round(sum(each["cpu_s"] for each in sums) / max(1, sent) * 1e6, 1),
        "realtime": behind_ms < TICK_S * 1000,
        "packets_lost_inside": None if received is None else sent - received,
    }


def read_result(line: str) -> dict[str, Any] | None:
    """A receiver's result, in our own notation or pion's; None: another line."""
    if (told := PION_LINE.search(line)) is not None:
        return {
            "packets_per_s": float(told["rate"]),
            "cpu_cores": float(told["cpu"]),
            "us_per_packet": float(told["each"]),
            "rss_mb": float(told["rss"]),
            "mb_per_speaker": float(told["memory"]),
            "mb_per_speaker_from_start": float(told["memory"]),  # pion has no rehearsal
            "decoded_s": round(int(told["samples"]) / SAMPLE_RATE, 2),
        }
    if not line.startswith("{"):
        return None
    try:
        result = json.loads(line)
    except ValueError:
        return None
    return result if isinstance(result, dict) else None
