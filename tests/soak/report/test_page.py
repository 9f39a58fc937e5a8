"""The report of a run is one page that needs nothing else, says the verdict first, and believes nothing it is given."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.report.page import HEADLINES, MUST_BE_ZERO, page
from soak.report.plot import Band
from soak.verdict.leaks import judge
from soak.verdict.sample import METRICS
from tests.soak.verdict.runs import Run

VOID = {"meta"}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text("<&\"'x", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("<&x", max_size=3), inner, max_size=3),
    max_leaves=6,
)


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name) for name, _ in attrs]
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        """As shapes of SVG are."""
        self.tags.append(tag)
        self.attributes += [(tag, name) for name, _ in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def report(samples=(), **more):
    known = {
        "profile": "smoke",
        "command": "roomscribe soak --profile smoke",
        "seconds": 5400,
        "rooms": 4,
        "speakers": 3,
        "recogniser": "stand-in",
        "counts": {"expected": 20_312, "received": 20_311, "marked": 1, "silent": 0, "repeated": 0, "crashed": 0},
        "recovery_ms_p95": 2310,
        "promises": [{"fault": "engine killed", "promise": "back within 5 s", "measured": "2.3 s", "kept": True}],
    }
    return {**judge(samples).as_json(), **known, **more}


@pytest.fixture(scope="module")
def samples():
    return Run(rests=12, joins=25, utterances=100, legs=2, per_join={"series": 1.0}).samples()


def test_each_finding_is_shown_with_its_sentence_and_its_drawing(samples):
    told = report(samples)
    shown = Page(page(told, samples))
    assert len(told["findings"]) == len(METRICS)
    for each in told["findings"]:
        assert each["label"] in shown.text
        assert each["sentence"] in shown.text
    assert shown.tags.count("svg") == len(METRICS) + 1  # and one of all kinds of memory together


def test_slopes_are_shown_with_their_intervals():
    slope = {"slope": 0.25, "low": -0.5, "high": 1.0}
    finding = {"metric": "rss_kb", "label": "memory", "verdict": "flat", "per_join": slope, "per_hour": None}
    shown = Page(page({"findings": [finding]}, []))
    assert "0.25 -0.5 to 1" in shown.text
    assert "–" in shown.text


def test_the_page_needs_nothing_from_elsewhere(samples):
    text = page(report(samples), samples, [Band(start_s=10, end_s=20, label="engine killed")])
    shown = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "use"} & set(shown.tags)
    assert not [name for _, name in shown.attributes if name in ("href", "src", "srcset") or name.startswith("on")]
    assert not [each for each in ("://", "url(", "@import") if each in text]


@pytest.mark.parametrize("verdict", HEADLINES)
def test_the_verdict_comes_first(verdict):
    shown = Page(page(report(verdict=verdict, reasons=["Because."]), []))
    title, *_ = [each for each in shown.words if each.strip()]
    assert title == f"roomscribe soak: {verdict}"
    assert shown.text.index(HEADLINES[verdict]) < shown.text.index("Because.") < shown.text.index("What ran")


def test_promises_that_were_broken_are_part_of_the_verdict():
    broken = {"fault": "HPB restarted", "promise": "back within 5 s", "measured": "7.1 s", "kept": False}
    assert "promise" not in page(report(promises=[]), []).split("</h1>")[0]
    assert "One promise is broken." in page(report(promises=[broken]), [])
    shown = Page(page(report(promises=[broken, broken, {**broken, "kept": None}]), []))
    assert "2 promises are broken." in shown.text
    assert all(each in shown.text for each in ("HPB restarted", "7.1 s", "broken", "not seen"))


def test_what_ran_can_be_run_again():
    shown = Page(page(report(), []))
    for each in ("smoke", "4", "3", "1 h 30 min", "stand-in", "roomscribe soak --profile smoke"):
        assert each in shown.text


@pytest.mark.parametrize(("seconds", "lasted"), [(40, "40 s"), (300, "5 min"), (3600, "1 h 0 min"), ("long", "–")])
def test_how_long_it_lasted(seconds, lasted):
    assert f"<dd>{lasted}</dd>" in page({"seconds": seconds}, [])


def test_captions_are_counted_in_words_the_well_known_first():
    shown = Page(page(report(), [])).text
    order = ("expected 20,312", "received 20,311", "missing 1", "lost silently 0", "95 of 100 (ms) 2,310", "crashed 0")
    assert [shown.index(each) for each in order] == sorted(shown.index(each) for each in order)


@pytest.mark.parametrize("name", sorted(MUST_BE_ZERO))
@pytest.mark.parametrize(("count", "mark"), [(0, "number kept"), (1234, "number broken"), (None, "number ")])
def test_what_must_not_happen_is_marked_where_it_did(name, count, mark):
    shown = f"{count:,}" if count is not None else "–"
    assert f"<td class='{mark}'>{shown}</td>" in page({"counts": {name: count}}, [])


def test_faults_are_shaded_in_each_drawing(samples):
    bands = [Band(start_s=100, end_s=200, label="engine killed")]
    assert page(report(samples), samples, bands).count("<title>engine killed</title>") == len(METRICS) + 1


def test_each_life_of_the_service_has_its_own_trend(samples):
    one = [replace(each, leg=0) for each in samples]
    assert page(report(samples), samples).count('class="trend') == 2 * page(report(one), one).count('class="trend')


def test_what_others_wrote_is_text(samples):
    nasty = "<script>alert(1)</script>"
    told = report(
        samples,
        profile=nasty,
        command=[nasty],
        recogniser=nasty,
        reasons=[nasty],
        counts={nasty: 1},
        promises=[dict.fromkeys(("fault", "promise", "measured"), nasty)],
    )
    text = page(told, samples, [Band(start_s=0, end_s=1, label=nasty)])
    assert "script" not in Page(text).tags
    assert "&lt;script&gt;" in text


def test_a_run_that_ended_before_anything_was_measured_has_a_page():
    assert HEADLINES["unknown"] in Page(page({}, [])).text


def test_a_report_that_went_through_a_file_makes_the_same_page(samples):
    told = report(samples)
    assert page(json.loads(json.dumps(told)), samples) == page(told, samples)


@given(
    st.dictionaries(st.sampled_from(["verdict", "profile", "command", "seconds", "rooms", "recogniser"]), JSON),
    st.dictionaries(st.text("<&x", max_size=5), st.none() | st.floats(allow_nan=False), max_size=3),
)
def test_whatever_the_report_holds_the_page_can_be_read(told, counts):
    Page(page({**told, "counts": counts}, []))
