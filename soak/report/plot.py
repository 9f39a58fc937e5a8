"""What a measurement did during a run, drawn: inline SVG, in the colours of the page around it. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

WIDTH: Final = 480
HEIGHT: Final = 210
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 26, 40  # margins: numbers to the left, hours below, names of faults above
TICKS: Final = 5  # about, on the axis of values; of time, twice as many at most
MAX_DRAWN: Final = 400  # points of a line: more than pixels help nobody; of a bin, its lowest and highest stay
MAX_BANDS: Final = 200  # shades; more are not drawn
MAX_NAMED: Final = 12  # of them have their name written, the others on hovering
LETTER: Final = 6.5  # wide at most: names that would run into each other are left out
COLOURS: Final = 4  # of lines, then again from the first

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A fault: from when to when, in seconds of the run, and what it was."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A straight line through `middle`, growing by `slope` each second, or surely between `low` and `high`."""

    begin_s: float
    end_s: float
    middle: Point
    slope: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """`line`: what was measured, all along; `points`: what is judged. Seconds of the run, and values."""

    label: str
    line: Sequence[Point]
    points: Sequence[Point] = ()
    slopes: Sequence[Slope] = ()


def plot(title: str, unit: str, series: Sequence[Series], bands: Sequence[Band] = (), *, description: str = "") -> str:
    """One figure, which says to those who cannot see it what its `description` says."""
    series = [replace(each, line=_finite(each.line), points=_finite(each.points)) for each in series]
    points = [point for each in series for point in (*each.line, *each.points)]
    if not points:
        return ""
    frame = _Frame(points)
    drawn = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{_text(title)}</title><desc>{_text(description or title)}</desc>",
        *_shades(frame, bands),
        *_axes(frame, unit),
    ]
    for number, each in enumerate(series):
        drawn += _series(frame, each, number % COLOURS)
    if len(series) > 1:
        drawn += _legend(series)
    return "".join([*drawn, "</svg>"])


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers (1, 2 or 5 of a power of ten apart) between two others, about `count` of them."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next((each * power for each in (1, 2, 5) if each * power >= rough), 10 * power)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def thinned(points: Sequence[Point], most: int = MAX_DRAWN) -> list[Point]:
    """No more than `most`, with the peaks and the troughs."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) / (most // 2))
    kept: list[Point] = []
    for at in range(0, len(points), size):
        ends = {f(points[at : at + size], key=lambda point: point[1]) for f in (min, max)}
        kept += sorted(ends)
    return kept


_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


class _Frame:
    """From seconds and values to the places where they are drawn."""

    def __init__(self, points: Sequence[Point]) -> None:
        seconds, values = [each[0] for each in points], [each[1] for each in points]
        self.begin, self.end = min(seconds), max(max(seconds), min(seconds) + 1.0)
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or max(1.0, abs(high) * 0.02)
        self.low, self.high = (0.0 if 0 <= low < room else low - room), high + room

    def x(self, seconds: float) -> float:
        share = (seconds - self.begin) / (self.end - self.begin)
        return round(LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM), 1)


def _axes(frame: _Frame, unit: str) -> list[str]:
    drawn = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    marks = ticks(frame.low, frame.high)
    digits = max(0, -math.floor(math.log10(marks[1] - marks[0]))) if len(marks) > 1 else 0
    for mark in marks:
        y = frame.y(mark)
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{mark:,.{digits}f}</text>')
    step, per, name = _time_unit(frame.end - frame.begin)
    for number in range(math.ceil(frame.begin / step), math.floor(frame.end / step) + 1):
        x = frame.x(number * step)
        drawn.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        drawn.append(
            f'<text class="tick" x="{x}" y="{bottom + 17}" text-anchor="middle">{number * step / per:g}</text>'
        )
    drawn.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    drawn.append(f'<text class="tick" x="{right}" y="{HEIGHT - 6}" text-anchor="end">{name}</text>')
    drawn.append(f'<text class="tick" x="0" y="10">{_text(unit)}</text>')
    return drawn


def _time_unit(seconds: float) -> tuple[int, int, str]:
    """Seconds between two ticks, seconds of what they are counted in, and its name."""
    step = next((each for each in _STEPS_S if seconds / each <= 2 * TICKS), math.ceil(seconds / TICKS / 86400) * 86400)
    if seconds <= 180:
        return step, 1, "seconds"
    return (step, 60, "minutes") if seconds <= 3 * 3600 else (step, 3600, "hours")


def _shades(frame: _Frame, bands: Sequence[Band]) -> list[str]:
    drawn, free_from, named = [], 0.0, 0
    seen = [each for each in bands if each.end_s >= frame.begin and each.start_s <= frame.end]
    for each in sorted(seen, key=lambda band: band.start_s)[:MAX_BANDS]:
        x = frame.x(each.start_s)
        width = max(1.5, frame.x(each.end_s) - x)
        drawn.append(
            f'<rect class="fault" x="{x}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}">'
            f"<title>{_text(each.label)}</title></rect>"
        )
        long = LETTER * len(each.label)
        if x >= free_from and x + long <= WIDTH and named < MAX_NAMED:
            drawn.append(f'<text class="fault-name" x="{x}" y="{TOP - 4}">{_text(each.label)}</text>')
            free_from, named = x + long + LETTER, named + 1
    return drawn


def _series(frame: _Frame, series: Series, colour: int) -> list[str]:
    drawn = []
    for each in series.slopes:
        drawn += _slope(frame, each, colour)
    if series.line:
        path = " ".join(f"{frame.x(at)},{frame.y(value)}" for at, value in thinned(series.line))
        drawn.append(f'<polyline class="load colour-{colour}" points="{path}"/>')
    drawn += [
        f'<circle class="rest colour-{colour}" cx="{frame.x(at)}" cy="{frame.y(value)}" r="2"/>'
        for at, value in thinned(series.points)
    ]
    return drawn


def _slope(frame: _Frame, each: Slope, colour: int) -> list[str]:
    def line(slope: float) -> list[str]:
        at, value = each.middle
        ends = ((second, value + slope * (second - at)) for second in (each.begin_s, each.end_s))
        return [f"{frame.x(second)},{frame.y(height)}" for second, height in ends]

    low, high = line(each.low), line(each.high)
    middle = f"{frame.x(each.middle[0])},{frame.y(each.middle[1])}"
    (x1, y1), (x2, y2) = (point.split(",") for point in line(each.slope))
    return [
        *(f'<polygon class="sure colour-{colour}" points="{low[end]} {middle} {high[end]}"/>' for end in (0, 1)),
        f'<line class="trend colour-{colour}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>',
    ]


def _legend(series: Sequence[Series]) -> list[str]:
    drawn, x = [], float(LEFT)
    for number, each in enumerate(series):
        y = HEIGHT - 9
        drawn.append(f'<line class="load key colour-{number % COLOURS}" x1="{x}" x2="{x + 14}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text class="tick" x="{x + 18}" y="{y + 4}">{_text(each.label)}</text>')
        x += 30 + LETTER * len(each.label)
    return drawn


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if all(map(math.isfinite, point))]


def _text(text: str) -> str:
    return html.escape(text, quote=True)
