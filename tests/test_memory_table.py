"""The page about memory: its bounds are those of the code, its sums are right, and a receiving process fits them."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import operator
import os
import re
import sys
import tracemalloc
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from api.http.auth import MAX_RANDOM, MAX_SEEN
from api.http.limits import MAX_CALLERS
from bot.metrics import Metrics
from bot.pace import Pace
from pipeline import Language, SegmenterSettings, Totals, VoiceDetectors
from pipeline.audio import samples
from pipeline.encoded import EncodedFrame
from pipeline.gate import GateSettings
from pipeline.hearing import Hearing
from pipeline.receiver import RtpReceiver
from pipeline.rtp import RtpPacket
from pipeline.transcript import FinalTranscript, PartialTranscript
from soak.bench.media_options import MediaOptions, program
from soak.bench.media_run import own_processors, run

PAGE = (Path(__file__).parent.parent / "docs" / "memory.md").read_text(encoding="utf-8")
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
ROUNDED = 0.04  # of a figure on the page
ONLY_THE_SERVICE = "†"
NAMED = re.compile(r"`([a-z]\w*(?:\.\w+)+)` ([\d,]+)")
OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}

SPEAKERS, TALKING = 24, 0.25
LEAST, MOST = 0.6, 1.4  # of the usual bytes; measured 0.9; a forgotten buffer of 300 kB a speaker makes it 1.6
DATAGRAM, HEADER = 2048, 12  # bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Bytes. `silent` and `talking` are usual ones."""

    what: str
    bound: str
    most: float
    silent: float
    talking: float

    @property
    def is_measured(self) -> bool:
        return self.bound.startswith("measured")

    @property
    def is_benched(self) -> bool:
        return not self.what.startswith(ONLY_THE_SERVICE)

    @property
    def is_in_the_base(self) -> bool:
        return "start_rss_mb" in self.bound or "base_rss_mb" in self.bound


def cells_below(heading: str) -> list[list[str]]:
    """The table of a section, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def read_bytes(text: str) -> float:
    number, _, unit = text.partition(" ")
    return float(number) * UNITS[unit] if unit else float(number)


def rows(heading: str) -> list[Row]:
    return [
        Row(what=what, bound=bound, most=read_bytes(most), silent=read_bytes(silent), talking=read_bytes(talking))
        for what, bound, most, silent, talking in cells_below(heading)
    ]


SPEAKER, ROOM, PROCESS = (rows(heading) for heading in ("A speaker", "A room", "The process"))
ALL = [*SPEAKER, *ROOM, *PROCESS]
DERIVED = [row for row in ALL if not row.is_measured]


def value_of(name: str) -> Any:
    """What a dotted name stands for: a module's constant, or the default of a dataclass's field."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), last)
    except ModuleNotFoundError:
        kind = value_of(module)
        return next(field.default for field in dataclasses.fields(kind) if field.name == last)


def product(bound: str) -> float:
    """The number of bytes that a bound comes to: its arithmetic, without names and words, up to the unit."""
    arithmetic = re.sub(r"`[^`]*`", "", bound).rpartition(" B")[0].partition(" B")[0].replace("×", "*")
    tree = ast.parse(re.sub(r"[^\d+*/().]", "", arithmetic), mode="eval")

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Constant)
        return float(node.value)

    return value(tree.body)


def name(row: Row) -> str:
    return row.what


@pytest.mark.parametrize("row", DERIVED, ids=name)
def test_each_bound_is_that_of_the_code(row):
    named = NAMED.findall(row.bound)
    assert named
    assert {each: value_of(each) for each, _ in named} == {each: int(told.replace(",", "")) for each, told in named}


@pytest.mark.parametrize("row", DERIVED, ids=name)
def test_the_bytes_at_most_are_the_product_of_the_bound(row):
    assert row.most == pytest.approx(product(row.bound), rel=ROUNDED)


@pytest.mark.parametrize("row", ALL, ids=name)
def test_what_is_usual_is_within_the_bound(row):
    assert max(row.silent, row.talking) <= row.most


def held(number: int) -> tuple[RtpPacket, float]:
    payload = bytes(DATAGRAM - HEADER)
    packet = RtpPacket(3 * 10**9 + number, 111, 40_000 + number, 2 * 10**9 + number, False, 100, False, payload)
    return packet, 1000.0 + number


def frame(number: int) -> EncodedFrame:
    return EncodedFrame(bytes(DATAGRAM - HEADER), 10**10 + number, 960 + number, 100, False, 1000.0 + number)


def words(number: int) -> str:
    return "\U0001f600" * (4096 - 4) + f"{number:04}"


def final(number: int) -> FinalTranscript:
    at = 10**9 + number
    wishes = MappingProxyType(dict.fromkeys(READERS, ENGLISH))
    return FinalTranscript(
        speaker=f"1.{number}/{'s' * 255}", utterance=1000 + number, text=words(number), language_id="en",
        start=at, end=at + 10**6, heard_at=1000.0 + number, wishes=wishes,
    )  # fmt: skip


def partial(number: int) -> PartialTranscript:
    at = 10**9 + number
    return PartialTranscript(
        speaker=f"1.{number}/{'s' * 255}", utterance=1000 + number, revision=1000 + number, text=words(number),
        language_id="en", start=at, end=at + 10**6, heard_at=1000.0 + number,
    )  # fmt: skip


READERS = [f"nc-{number}" for number in range(1000)]
ENGLISH = Language(id="en_GB", code="en")

#: As the code keeps them, and full.
FULL: dict[str, object] = {
    "packets held behind a gap": {10**5 + number: held(number) for number in range(150)},
    "numbers of packets given up": {10**5 + number: 1000.0 + number for number in range(150)},
    "frames kept while nobody speaks": deque(map(frame, range(25))),
    "frames that wait for a worker": deque(map(frame, range(150))),
    "verdicts and levels of the last 3 s": deque((bool(number % 2), 1000.0 + number) for number in range(150)),
    "† finals that wait for readers": deque(map(final, range(200))),
    "† callers whose pace is kept": OrderedDict(
        (f"2001:db8:{number:x}:ffff::/64", Pace(rate=100.0, burst=200)) for number in range(MAX_CALLERS)
    ),
    "† randoms of signed requests": OrderedDict((os.urandom(MAX_RANDOM), None) for _ in range(MAX_SEEN)),
    "† partials that wait for readers": {f"{'s' * 255}{number}": partial(number) for number in range(200)},
}


def size(thing: object) -> int:
    """Bytes of `thing` and what it holds; small integers exist once in the process."""
    if isinstance(thing, int) and -5 <= thing <= 256:
        return 0
    if isinstance(thing, MappingProxyType):
        return sys.getsizeof(thing) + sys.getsizeof(dict(thing))  # the rest is the readers'
    inside: list[object] = []
    if isinstance(thing, dict):
        inside = [*thing.keys(), *thing.values()]
    elif isinstance(thing, tuple | deque):
        inside = [*thing]
    elif isinstance(thing, Pace):
        inside = [getattr(thing, slot) for slot in thing.__slots__]
    elif dataclasses.is_dataclass(thing):
        inside = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    return sys.getsizeof(thing) + sum(map(size, inside))


@pytest.mark.parametrize("what", FULL)
def test_a_full_buffer_takes_as_many_bytes_as_the_page_says(what):
    [row] = [row for row in ALL if row.what == what]
    assert 0.75 * row.most <= size(FULL[what]) <= row.most * (1 + ROUNDED)


def ear(detectors: VoiceDetectors) -> object:
    detector = detectors.new()
    hearing = Hearing(settings=SegmenterSettings(), detector=detector, ring_samples=samples(30.0), totals=Totals())
    return hearing, RtpReceiver(judge=hearing.judge, listener=None, wake=lambda _: None, gate=GateSettings())


OBJECTS: dict[str, Callable[[VoiceDetectors], object]] = {
    "objects of the receiver, the voice detector and the hearing": ear,
    "† metrics": lambda _: Metrics(),
}


@pytest.mark.parametrize("what", OBJECTS)
def test_our_objects_take_as_many_bytes_as_the_page_says(what):
    [row] = [row for row in ALL if row.what == what]
    make, detectors = OBJECTS[what], VoiceDetectors()
    make(detectors)  # what is made only once is nobody's
    tracemalloc.start()
    try:
        kept = [make(detectors) for _ in range(20)]
        each = tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()
    assert 0.5 * row.silent <= each <= 1.25 * row.silent


def total(table: list[Row], column: str) -> float:
    return sum(getattr(row, column) for row in table)


def test_the_totals_are_the_sums_of_the_tables():
    told = {what: (read_bytes(usual), read_bytes(most)) for what, usual, most in cells_below("Together")}
    speaker, room, process = (total(table, "most") for table in (SPEAKER, ROOM, PROCESS))
    silent, talking, rooms, own = (
        total(SPEAKER, "silent"), total(SPEAKER, "talking"), total(ROOM, "talking"), total(PROCESS, "talking")
    )  # fmt: skip
    sums = {
        "a silent speaker": (silent, speaker),
        "a speaker who talks": (talking, speaker),
        "a room": (rooms, room),
        "the process and its recogniser": (own, process),
        "500 speakers in 10 rooms, 50 of them talk": (
            own + 10 * rooms + 450 * silent + 50 * talking, process + 10 * room + 500 * speaker
        ),
    }  # fmt: skip
    assert told == {what: pytest.approx(both, rel=ROUNDED) for what, both in sums.items()}


async def test_a_receiving_process_grows_as_the_page_says():
    options = MediaOptions(speakers=SPEAKERS, talking=TALKING, seconds=6.0, hearing=True)
    talkers, silent = options.talkers, SPEAKERS - options.talkers

    told = await run(
        program("ours", options, os.environ), options,
        python=sys.executable, environment=os.environ, processors=own_processors(),
    )  # fmt: skip

    speaker = [row for row in SPEAKER if row.is_benched]
    process = [row for row in PROCESS if row.is_benched and not row.is_in_the_base]
    usual = total(process, "talking") + silent * total(speaker, "silent") + talkers * total(speaker, "talking")
    grown = (told["rss_mb"] - told["base_rss_mb"]) * 1e6
    assert grown <= total(process, "most") + SPEAKERS * total(speaker, "most")
    assert LEAST <= grown / usual <= MOST
    base = [row for row in PROCESS if row.is_in_the_base]
    assert told["base_rss_mb"] * 1e6 <= total(base, "most")
