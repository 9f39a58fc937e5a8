"""The program of the process under test: `roomscribe serve`, and what a soak puts into it.

`python -m soak.service.launch OPTIONS serve`, with `LaunchOptions` as JSON. Everything is put in from here: the
product's packages know nothing of it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import api.cli
import pipeline.child_process

from . import clock
from .plant import PLANTS

MODULE: Final = "soak.service.launch"
STAND_IN: Final = "soak.service.stand_in"


class BadOptions(Exception):
    """What the process was started with makes no sense."""

    component = "soak.service.launch"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """`stand_in`: a recogniser of known phrases in place of the model. `plant`: one of `PLANTS`; empty: no leak.
    `clock`: the path of a `ClockShift`; empty: the clock is right.
    """

    stand_in: bool = False
    plant: str = ""
    clock: str = ""

    @property
    def written(self) -> str:
        return json.dumps(asdict(self))


def read_options(written: str) -> LaunchOptions:
    """Raises `BadOptions`."""
    try:
        options = LaunchOptions(**json.loads(written))
    except (ValueError, TypeError) as error:
        raise BadOptions(f"the options cannot be read: {error}") from error
    if options.plant and options.plant not in PLANTS:
        raise BadOptions(f"there is no leak {options.plant!r}: {', '.join(PLANTS)}")
    return options


def arrange(options: LaunchOptions) -> None:
    """Put it in, for the rest of the process."""
    if options.stand_in:
        pipeline.child_process.PROGRAM = STAND_IN  # type: ignore[misc]
    if options.plant:
        PLANTS[options.plant]()
    if options.clock:
        clock.install(Path(options.clock))


def main() -> None:
    program, written, *arguments = sys.argv
    arrange(read_options(written))
    sys.argv = [program, *arguments]
    api.cli.main()


if __name__ == "__main__":
    main()
