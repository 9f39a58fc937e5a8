"""A scrape is a table of numbers, by name and labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.service.scrape import Scrape

TEXT = """# HELP rooms Rooms
# TYPE rooms gauge
rooms 3.0
# HELP captions_total Captions
# TYPE captions_total counter
captions_total{kind="final"} 12.0
captions_total{kind="interim"} 30.0
# TYPE wait histogram
wait_bucket{le="0.5"} 1.0
wait_bucket{le="+Inf"} 2.0
wait_count 2.0
wait_sum 1.5
limit +Inf
"""


def test_a_series_is_found_by_its_name_and_its_labels():
    scrape = Scrape(TEXT)
    assert scrape.value("rooms") == 3.0
    assert scrape.value("captions_total", kind="final") == 12.0
    assert scrape.value("wait_bucket", le="+Inf") == 2.0
    assert scrape.value("limit") == math.inf


def test_the_sum_is_that_of_all_series_of_a_name():
    assert Scrape(TEXT).sum("captions_total") == 42.0
    assert Scrape(TEXT).sum("wait_sum") == 1.5


def test_what_is_not_there_counts_as_nothing_and_can_be_told():
    scrape = Scrape(TEXT)
    assert scrape.value("captions_total") == scrape.value("captions_total", kind="other") == scrape.sum("rats") == 0.0
    assert "rooms" in scrape
    assert "rats" not in scrape


def test_every_line_with_a_number_is_a_series():
    assert Scrape(TEXT).series == 8
    assert Scrape("").series == 0


def test_what_is_no_such_text_is_refused():
    with pytest.raises(ValueError):
        Scrape("rooms three")


@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.floats(-1e9, 1e9), max_size=20))
def test_each_label_that_was_written_is_read(values):
    scrape = Scrape("".join(f'a{{of="{of}"}} {value!r}\n' for of, value in values.items()))
    assert {of: scrape.value("a", of=of) for of in values} == values
    assert scrape.series == len(values)
    assert scrape.sum("a") == pytest.approx(sum(values.values()))
