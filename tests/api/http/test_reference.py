"""The page about the API: everything that the document says, and nothing that a browser would run."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from api.http.openapi import describe
from api.http.reference import render
from api.http.routes import ROUTES

VOID = {"meta", "link"}
CLOSED_BY_OTHERS = {"th"}


class Reader(HTMLParser):
    """Text, ids, and whether all tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], set(), ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID | CLOSED_BY_OTHERS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def page():
    return read(render(describe(ROUTES)))


def test_every_call_has_its_place_and_the_contents_lead_to_it(page):
    for route in ROUTES:
        assert f"{route.method} {route.path}" in page.text
        assert route.summary.replace("`", "") in page.text
        assert route.handler.__name__ in page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} == set(page.ids)


def test_every_field_and_every_answer_is_told(page):
    for text in (
        "roomToken",
        "ncSessionId",
        "string of 1 to 255 characters",
        "required",
        "412",
        "550",
        "Needs no secret",
    ):
        assert text in page.text


def test_it_is_whole_and_runs_nothing(page):
    assert page.open == []
    assert "script" not in page.tags
    assert all(link.startswith(("#", "/")) for link in page.links)


def test_what_the_document_says_is_text_and_no_markup():
    described = describe(ROUTES)
    described["info"]["description"] = "<script>alert(1)</script> & `<b>`"

    page = read(render(described))

    assert "script" not in page.tags
    assert "<script>alert(1)</script> & <b>" in page.text
