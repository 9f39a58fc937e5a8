"""Requests for captions at a steady rate, in a process of its own: the chat server of `roomscribe bench api`.

Open loop: each request leaves when it is due, whatever became of those before, on a connection of its own, as Talk's
PHP opens one. How late they leave is told as well, since it is this process's doing. It speaks in lines of JSON:

  in:  the options (`Options`)
  out: what was measured
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Final

import numpy as np

from .hostile_attack import TRANSCRIBE, head, written
from .hostile_connection import LOOPBACK, Connection, connect
from .lines import standard_input, write_line

WARM_UP_S: Final = 2.0  # whose requests are not counted
ANSWER_S: Final = 10.0
MOST_OPEN: Final = 1000  # requests under way; whatever is due beyond them is left out, and told
MOST_READERS: Final = 1000  # who may still be disabled
AGAIN: Final = 0.4  # share of the requests that ask for what is there already …
NEW: Final = 0.35  # … and of those by somebody new; the others ask for no more captions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`rooms`: token, and session of the reader who is in it."""

    port: int
    secret: str = field(repr=False)
    rooms: tuple[tuple[str, str], ...] = field(repr=False)
    rate: float
    seconds: float
    seed: int = 0

    @classmethod
    def read(cls, line: bytes) -> Options:
        told = json.loads(line)
        return cls(**(told | {"rooms": tuple((token, session) for token, session in told["rooms"])}))

    def write(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Taken:
    """One request. `late_s`: how long after it was due it left; `took_s`: until the last byte of its answer."""

    late_s: float
    took_s: float
    status: int  # 0: none


def arrivals(rng: Random, rate: float, seconds: float) -> Iterator[float]:
    """When requests are due, in seconds: independent of each other, `rate` a second on average."""
    at = rng.expovariate(rate)
    while at < seconds:
        yield at
        at += rng.expovariate(rate)


def requests(rng: Random, options: Options) -> Iterator[bytes]:
    """Endless: for readers who have captions, for new ones, and for such as want none any more."""
    present: deque[tuple[str, str]] = deque(maxlen=MOST_READERS)
    while True:
        drawn = rng.random()
        token, session = rng.choice(options.rooms)
        enable = True
        if drawn >= AGAIN and (drawn < AGAIN + NEW or not present):
            session = f"{rng.getrandbits(256):064x}"
            present.append((token, session))
        elif drawn >= AGAIN:
            token, session = present.popleft()
            enable = False
        body = written({"roomToken": token, "ncSessionId": session, "enable": enable, "langId": "en"})
        headers = [
            ("Host", LOOPBACK),
            ("Connection", "close"),
            ("Authorization", f"Bearer {options.secret}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        yield head("POST", TRANSCRIBE, headers) + body


def figures(taken: Sequence[Taken], *, seconds: float, left_out: int) -> dict[str, Any]:
    """Milliseconds. Whatever was not answered counts as if it had been at the end of our patience."""
    statuses = Counter(str(each.status) for each in taken)
    good = statuses["200"]
    return {
        "sent": len(taken),
        "left_out": left_out,
        "per_s": round(len(taken) / seconds, 1),
        "failed": len(taken) - good,
        "statuses": dict(sorted(statuses.items())),
        **_percentiles("ms", [each.took_s for each in taken]),
        **_percentiles("lag_ms", [each.late_s for each in taken]),
    }


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {f"{name}_{which}": None for which in ("p50", "p95", "p99", "max")}
    p50, p95, p99, most = (round(float(each) * 1000, 2) for each in np.percentile(values, (50, 95, 99, 100)))
    return {f"{name}_p50": p50, f"{name}_p95": p95, f"{name}_p99": p99, f"{name}_max": most}


async def load(options: Options) -> dict[str, Any]:
    """Everything that is due, and then the answers to it."""
    rng = Random(options.seed)
    clock = asyncio.get_running_loop().time
    taken: list[Taken] = []
    waiting = left_out = 0

    async def ask(sent: bytes, due: float) -> None:
        nonlocal waiting
        began = clock()
        waiting += 1
        try:
            status, ended = await _ask(options.port, sent)
        finally:
            waiting -= 1
        if due >= start + WARM_UP_S:
            taken.append(Taken(began - due, ended - began, status))

    start = clock()
    async with asyncio.TaskGroup() as tasks:
        due_in = arrivals(rng, options.rate, WARM_UP_S + options.seconds)
        for after, sent in zip(due_in, requests(rng, options), strict=False):
            await asyncio.sleep(start + after - clock())
            if waiting < MOST_OPEN:
                tasks.create_task(ask(sent, start + after))
            else:
                left_out += 1
    return figures(taken, seconds=options.seconds, left_out=left_out)


async def _ask(port: int, sent: bytes) -> tuple[int, float]:
    """Status, and the loop time of the answer's last bytes; without an answer 0, and when that was clear."""
    clock = asyncio.get_running_loop().time
    connection: Connection | None = None
    try:
        connection = await connect(port, ANSWER_S)
        connection.write(sent)
        ended = await connection.ended(ANSWER_S)
        answer = bytes(connection.received[:12])
        if ended and answer.startswith(b"HTTP/1.") and answer[9:12].isdigit():
            return int(answer[9:12]), connection.last_at
    except OSError:
        pass
    finally:
        if connection is not None:
            await connection.close()
    return 0, clock()


async def serve() -> None:
    """The whole conversation."""
    lines = await standard_input()
    options = Options.read(await lines.readline())
    gc.freeze()
    write_line(await load(options))


if __name__ == "__main__":
    asyncio.run(serve())
