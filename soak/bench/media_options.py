"""What `roomscribe bench media` is told, checked; and the programs that it measures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OURS: Final = "ours"
STOCK: Final = "stock"
PION: Final = "pion"
OTHERS: Final = (STOCK, PION)
PION_PATH: Final = "PIONRECV"
ONE_SENDER: Final = 300  # speakers that one sending process feeds with ease
MAX_SPEAKERS: Final = 1000
FILES_EACH: Final = 2  # a socket for each speaker, and one to spare
FILES_BESIDES: Final = 100


class BadOption(ValueError):
    """An option cannot be taken. The message names it, and what to do."""

    component = "soak.bench.media_options"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """`talking` and `loss` are shares: of the speakers, and of the packets. `senders` 0: as many as are needed.

    With `hearing`, ours detects speech and cuts it into utterances, which the others do not.
    """

    speakers: int = 40
    talking: float = 0.1
    seconds: float = 20.0
    against: tuple[str, ...] = ()
    loss: float = 0.0
    rooms: int = 1
    hearing: bool = False
    seed: int = 0
    senders: int = 0
    repeat: int = 1
    manifest: str = ""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        if self.rooms > self.speakers:
            raise BadOption(f"--rooms {self.rooms}: there are {self.speakers} speakers; use as many rooms at most")
        if self.senders > self.speakers:
            raise BadOption(f"--senders {self.senders}: there are {self.speakers} speakers; use as many at most")

    @property
    def talkers(self) -> int:
        """How many talk: one at least, if anybody is to."""
        return max(1, round(self.talking * self.speakers)) if self.talking else 0

    @property
    def sending_processes(self) -> int:
        return self.senders or (1 if self.speakers <= ONE_SENDER else 2)

    @property
    def files(self) -> int:
        """Open files that a process with all speakers may need."""
        return FILES_EACH * self.speakers + FILES_BESIDES


def read_share(option: str, text: str) -> float:
    """`0.1`, `10` and `10%` are the same share; up to 1, a number without a sign is the share itself.

    Raises `BadOption`.
    """
    number = text.strip().removesuffix("%")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    share = value / 100 if value > 1 or text.strip().endswith("%") else value
    if not 0 <= share <= 1:
        raise BadOption(f"{option} {text}: expected a share such as 0.1, or a percentage such as 10%")
    return share


def read_against(text: str) -> tuple[str, ...]:
    """The receivers to compare with, separated by commas. Raises `BadOption`."""
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    for name in names:
        if name not in OTHERS:
            raise BadOption(f"--against {text}: {name!r} is not known; use {', '.join(OTHERS)} or both")
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A receiver's command line, and whether it tells its totals at the end."""

    name: str
    command: tuple[str, ...]
    totals: bool = True


def programs(options: MediaOptions, environment: Mapping[str, str]) -> list[Program]:
    """Ours, then those that it is compared with. Raises `BadOption`: pion's program is not there."""
    return [program(name, options, environment) for name in (OURS, *options.against)]


def program(name: str, options: MediaOptions, environment: Mapping[str, str]) -> Program:
    """The receiver of that name. Raises `BadOption`."""
    size = (str(options.speakers), f"{options.seconds:g}")
    if name == PION:
        return Program(name=PION, command=(str(_pion(environment)), *size, "dec"), totals=False)
    more = json.dumps({"rooms": options.rooms, "hearing": options.hearing})
    return Program(name=name, command=(sys.executable, "-m", f"soak.bench.media_{name}", *size, more))


def _pion(environment: Mapping[str, str]) -> Path:
    told = environment.get(PION_PATH, "").strip()
    if not told:
        raise BadOption(
            f"--against {PION}: {PION_PATH} is not set: set it to the path of the program pionrecv, "
            f"which is no part of this repository, or leave out --against {PION}"
        )
    if not os.access(told, os.X_OK) or not Path(told).is_file():
        raise BadOption(f"--against {PION}: {PION_PATH}={told} is no program: build pionrecv, and name its path")
    return Path(told)
