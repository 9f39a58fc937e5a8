"""Findings, as people and as programs read them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.doctor.findings import Status, fail, line, ok, overall, report, skipped, warn

FINE, ODD, BROKEN = ok("hello", "fine"), warn("clock", "late", "Set it"), fail("model", "none", "Get one")
LEFT = skipped("audio", "no way")


@pytest.mark.parametrize(
    ("findings", "worst"),
    [
        ([], Status.OK),
        ([LEFT], Status.OK),
        ([FINE, LEFT], Status.OK),
        ([FINE, ODD, LEFT], Status.WARN),
        ([BROKEN, ODD, FINE], Status.FAIL),
    ],
)
def test_all_are_as_good_as_the_worst_and_what_was_skipped_does_not_count(findings, worst):
    assert overall(findings) is worst


def test_a_line_has_a_mark_the_check_and_the_answer():
    assert [line(each).plain for each in (FINE, LEFT)] == [
        "✓ hello              fine",
        "– audio              no way",
    ]


def test_advice_stands_beneath():
    first, second = line(BROKEN).plain.splitlines()
    assert first.startswith("✗ model")
    assert second.strip() == "→ Get one"
    assert second.index("→") == first.index("none")


def test_an_answer_of_several_lines_stays_in_its_column():
    first, second = line(ok("model", "one\ntwo")).plain.splitlines()
    assert second.index("two") == first.index("one")


def test_programs_get_one_object():
    assert report([FINE, ODD]) == {
        "status": "warn",
        "checks": [
            {"check": "hello", "status": "ok", "answer": "fine", "advice": ""},
            {"check": "clock", "status": "warn", "answer": "late", "advice": "Set it"},
        ],
    }


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")))  # a terminal gets no control characters


@given(check=TEXT, answer=TEXT, advice=TEXT)
def test_any_text_can_be_told(check, answer, advice):
    finding = fail(check, answer, advice)
    assert all(each in line(finding).plain for each in answer.splitlines())
    json.dumps(report([finding]))
