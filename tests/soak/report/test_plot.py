"""A drawing says what was measured, also to those who cannot see it, and stays small however long the run was."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.report.plot import HEIGHT, MAX_BANDS, MAX_DRAWN, WIDTH, Band, Series, Slope, plot, thinned, ticks

VALUES = st.floats(-1e9, 1e9)


def drawn(line=((0.0, 10.0), (60.0, 12.0)), *, bands=(), points=(), slopes=(), title="threads", description=""):
    series = [Series(label=title, line=line, points=points, slopes=slopes)]
    return Xml.fromstring(plot(title, "kB", series, bands, description=description))


def of(figure, kind):
    return [each for each in figure.iter() if each.get("class", "").split(" ")[0] == kind]


def texts(figure, kind="tick"):
    return [each.text for each in of(figure, kind)]


def numbers(figure):
    """All places at which something is drawn."""
    names = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "points")
    found = " ".join(each.get(name, "") for each in figure.iter() for name in names)
    return [float(each) for each in re.findall(r"-?[\d.]+", found)]


def test_a_figure_has_a_title_and_a_description():
    figure = drawn(title="open files", description="Open files: nothing is left.")
    assert figure.get("role") == "img"
    assert [figure.findtext("title"), figure.findtext("desc")] == ["open files", "Open files: nothing is left."]


def test_what_was_measured_is_a_line_and_what_is_judged_are_points_on_it():
    figure = drawn([(0, 10), (30, 20), (60, 10)], points=[(30, 20)])
    line = of(figure, "load")[0].get("points").split()
    point = of(figure, "rest")[0]
    assert len(line) == 3
    assert line[1] == f"{point.get('cx')},{point.get('cy')}"


def test_more_is_higher_and_later_is_further_right():
    (x1, y1), (x2, y2) = (map(float, each.split(",")) for each in of(drawn(), "load")[0].get("points").split())
    assert x1 < x2
    assert y1 > y2


def test_a_fault_is_a_shade_with_its_name():
    figure = drawn(bands=[Band(start_s=20, end_s=40, label="engine killed")])
    assert of(figure, "fault")[0].findtext("title") == "engine killed"
    assert texts(figure, "fault-name") == ["engine killed"]


def test_names_that_would_run_into_each_other_are_told_on_hovering_only():
    figure = drawn(bands=[Band(start_s=at, end_s=at + 1, label="engine killed") for at in (20, 22, 40)])
    assert [each.findtext("title") for each in of(figure, "fault")] == ["engine killed"] * 3
    assert len(texts(figure, "fault-name")) == 2


def test_of_endlessly_many_faults_not_all_are_drawn():
    figure = drawn(bands=[Band(start_s=at / 100, end_s=at / 100, label="cut") for at in range(3000)])
    assert len(of(figure, "fault")) == MAX_BANDS


def test_a_fault_outside_of_what_is_shown_is_not_drawn():
    assert not of(drawn(bands=[Band(start_s=100, end_s=110, label="late")]), "fault")


def test_a_trend_is_a_line_within_what_it_may_be():
    slope = Slope(begin_s=0, end_s=60, middle=(30, 11), slope=0.0, low=-0.02, high=0.02)
    figure = drawn(slopes=[slope])
    trend = of(figure, "trend")[0]
    assert trend.get("y1") == trend.get("y2")
    for shape in of(figure, "sure"):
        low, middle, high = (float(each.split(",")[1]) for each in shape.get("points").split())
        assert min(low, high) < middle < max(low, high)


def test_only_several_lines_need_a_legend():
    lines = [Series(label=name, line=[(0, 1), (1, value)]) for name, value in (("rss", 1), ("pss", 2))]
    assert "rss" not in plot("memory", "kB", lines[:1])
    assert all(name in plot("memory", "kB", lines) for name in ("rss", "pss"))


def test_what_others_wrote_is_text():
    figure = drawn(title="<script>", bands=[Band(start_s=0, end_s=1, label='"&<b>')])
    assert figure.findtext("title") == "<script>"
    assert texts(figure, "fault-name") == ['"&<b>']


def test_of_nothing_nothing_is_drawn():
    assert plot("threads", "", [Series(label="threads", line=[])]) == ""
    assert plot("threads", "", []) == ""


def test_what_is_no_number_is_not_drawn():
    figure = drawn([(0, 1), (1, math.nan), (2, math.inf), (3, 2)])
    assert len(of(figure, "load")[0].get("points").split()) == 2


@pytest.mark.parametrize(
    ("seconds", "unit", "some"),
    [(60, "seconds", "30"), (1800, "minutes", "15"), (36_000, "hours", "5"), (7 * 86_400, "hours", "96")],
)
def test_time_is_told_in_the_unit_that_fits(seconds, unit, some):
    told = texts(drawn([(0.0, 1.0), (seconds, 2.0)]))
    assert unit in told
    assert some in told


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (17, 43, [20, 30, 40]),
        (299_000, 312_000, [300_000, 305_000, 310_000]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0.001, 0.002, [0.001, 0.0012, 0.0014, 0.0016, 0.0018, 0.002]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@given(VALUES, st.floats(1e-6, 1e9))
def test_there_are_neither_too_many_ticks_nor_any_outside(low, span):
    found = ticks(low, low + span)
    assert len(found) <= 7
    assert all(low - span / 1e6 - 1e-6 <= each <= low + span * (1 + 1e-6) + 1e-6 for each in found)


@given(st.lists(VALUES, min_size=1, max_size=2000))
def test_a_line_is_thinned_to_what_can_be_seen_and_keeps_its_peaks(values):
    points = list(enumerate(values))
    thin = thinned(points)
    assert len(thin) <= MAX_DRAWN
    assert {max(values), min(values)} <= {value for _, value in thin}
    assert thin == sorted(thin)
    assert set(thin) <= set(points)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), VALUES), min_size=1, max_size=50),
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.text("ab<&", max_size=9)), max_size=20),
)
def test_nothing_is_drawn_outside_of_the_figure(line, bands):
    slope = Slope(begin_s=line[0][0], end_s=line[0][0] + 10, middle=line[0], slope=1e5, low=-1e9, high=1e9)
    figure = drawn(
        line,
        points=line,
        slopes=[slope],
        bands=[Band(start_s=begin, end_s=begin + long, label=label) for begin, long, label in bands],
    )
    assert all(0 <= each <= max(WIDTH, HEIGHT) for each in numbers(figure))
