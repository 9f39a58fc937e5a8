"""The attacker of `roomscribe bench api`, in a process of its own. It speaks in lines of JSON:

  in:  the options (`Options`)
  in:  {"count": n}: send so many requests ‖ out: what became of them (`Tally.told`, and a little more)
  in:  the end

While it sends, some connections dribble a byte at a time and never come to an end.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Final

from soak.crew import Crew

from .hostile import attacks, dribbles
from .hostile_answers import Forbidden
from .hostile_attack import Aim, Attack, Draw
from .hostile_connection import connect, exchange
from .hostile_rooms import taken_back
from .hostile_tally import Tally
from .lines import standard_input, write_line

PAUSE_S: Final = 0.01  # between the parts of one request
DRIBBLE_S: Final = 0.5  # between two bytes
RETRY_S: Final = 0.5  # until a slow caller that was not let in comes again
GIVEN_UP: Final = 50  # connections refused in a row: there is no service any more
GIVE_BACK_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`parallel` connections attack, `slow` ones dribble. Neither `secrets` nor `paths` may be in an answer."""

    port: int
    aim: Aim
    seed: int
    parallel: int
    slow: int
    secrets: tuple[str, ...] = field(repr=False)
    paths: tuple[str, ...]

    @classmethod
    def read(cls, line: bytes) -> Options:
        told = json.loads(line)
        aim = told["aim"] | {"rooms": tuple((token, session) for token, session in told["aim"]["rooms"])}
        return cls(**(told | {"aim": Aim(**aim), "secrets": tuple(told["secrets"]), "paths": tuple(told["paths"])}))

    def write(self) -> str:
        return json.dumps(asdict(self))


class Attacker:
    """Sends what is drawn, from one round to the next."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._attacks = attacks(options.seed, options.aim)
        self._dribbles = dribbles(options.seed, options.aim)
        self._draw = Draw(Random(options.seed), options.aim)
        self._forbidden = Forbidden(
            secrets=tuple(each.encode() for each in options.secrets),
            paths=tuple(each.encode() for each in options.paths),
        )
        self._failed = 0  # connections in a row
        self._dropped = 0  # slow callers
        self._longest_s = 0.0

    async def send(self, count: int) -> dict[str, Any]:
        """One round. Whatever the service does, it is told, not raised."""
        tally = Tally(self._forbidden)
        some = itertools.islice(self._attacks, count)
        self._dropped, self._longest_s = 0, 0.0
        began = time.monotonic()
        async with Crew() as crew:
            for _ in range(self._options.slow):
                crew.start(self._dribble())
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._options.parallel):
                    tasks.create_task(self._one_after_another(some, tally))
            took_s = time.monotonic() - began
        await self._give_back(tally.opened)
        return {
            **tally.told(),
            "rooms_opened": len(tally.opened),
            "seconds": round(took_s, 1),
            "slow_dropped": self._dropped,
            "slow_longest_s": round(self._longest_s, 1),
        }

    async def _one_after_another(self, some: Iterator[Attack], tally: Tally) -> None:
        for attack in some:
            if self._failed >= GIVEN_UP:
                return
            await self._attempt(attack, tally)

    async def _attempt(self, attack: Attack, tally: Tally) -> None:
        try:
            connection = await connect(self._options.port)
        except OSError:
            self._failed += 1
            tally.note(attack, None)
            return
        self._failed = 0
        try:
            for number, part in enumerate(attack.parts):
                if number:
                    await asyncio.sleep(PAUSE_S)
                connection.write(part)
            closed = False if attack.hangs_up else await connection.ended(attack.patience_s)
        finally:
            await connection.close(reset=attack.reset)
        tally.note(attack, bytes(connection.received), closed=closed)

    async def _dribble(self) -> None:
        """One slow caller: whoever is cut off comes again."""
        for sent in self._dribbles:
            began = time.monotonic()
            try:
                connection = await connect(self._options.port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                bytes_of_it = itertools.chain(sent, itertools.repeat(None))  # after the last one, it only waits
                while not await connection.ended(DRIBBLE_S):
                    byte = next(bytes_of_it)
                    if byte is not None:
                        connection.write(bytes((byte,)))
                self._dropped += 1
            finally:
                self._longest_s = max(self._longest_s, time.monotonic() - began)
                await connection.close(reset=True)

    async def _give_back(self, opened: list[tuple[str, str]]) -> None:
        """Nobody reads there any more. By themselves, these rooms would be left a minute later."""
        for token, session in opened:
            try:
                await exchange(self._options.port, taken_back(self._draw, token, session), GIVE_BACK_S)
            except OSError:
                return  # whoever counts will see that they are still there


async def serve() -> None:
    """The whole conversation."""
    lines = await standard_input()
    attacker = Attacker(Options.read(await lines.readline()))
    gc.freeze()
    while line := await lines.readline():
        write_line(await attacker.send(json.loads(line)["count"]))


if __name__ == "__main__":
    asyncio.run(serve())
