from __future__ import annotations

import html
import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.subtitles import (
    CUE_CHARACTERS,
    JOIN_WITHIN_S,
    LINGER_MS,
    Caption,
    Format,
    Summary,
    clock,
    render,
    writer_of,
)
from pipeline.transcript import GAP_MARK

CUE = re.compile(r"(\d+):(\d\d):(\d\d)[.,](\d{3}) --> (\d+):(\d\d):(\d\d)[.,](\d{3})\n(.*)\n")


def caption(start, end, text, language="en", continues=False):
    return Caption(start=start, end=end, text=text, language=language, continues=continues)


def cues(rendered):
    """Begin, end (ms) and text of each cue."""
    found = []
    for *stamps, text in CUE.findall(rendered):
        h, m, s, ms, h2, m2, s2, ms2 = map(int, stamps)
        found.append((((h * 60 + m) * 60 + s) * 1000 + ms, ((h2 * 60 + m2) * 60 + s2) * 1000 + ms2, text))
    return found


HELLO = caption(0.5, 2.0, "Hello there.")
AGAIN = caption(3723.25, 3725.0, "Here we are again.")


# Each format


def test_plain_text_is_an_utterance_a_line():
    assert render(Format.TXT, [HELLO, AGAIN]) == "Hello there.\nHere we are again.\n"


def test_webvtt():
    assert render(Format.VTT, [HELLO, AGAIN]) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.400\nHello there.\n\n01:02:03.250 --> 01:02:05.400\nHere we are again.\n"
    )


def test_subrip():
    assert render(Format.SRT, [HELLO, AGAIN]) == (
        "1\n00:00:00,500 --> 00:00:02,400\nHello there.\n\n2\n01:02:03,250 --> 01:02:05,400\nHere we are again.\n"
    )


def test_json_is_an_object_a_line_and_a_last_one_for_the_recording():
    summary = Summary(length_s=4.0004, damaged=3, missing_s=7.1234)
    rendered = render(Format.JSON, [HELLO, caption(2.0, 3.0, GAP_MARK, "")], name="ä.wav", summary=summary)
    assert [json.loads(line) for line in rendered.splitlines()] == [
        {"type": "caption", "file": "ä.wav", "start": 0.5, "end": 2.0, "text": "Hello there.", "language": "en"},
        {"type": "caption", "file": "ä.wav", "start": 2.0, "end": 3.0, "text": GAP_MARK, "language": ""},
        {"type": "file", "file": "ä.wav", "length": 4.0, "captions": 2, "gaps": 1, "damaged": 3, "missing": 7.123},
    ]
    assert "ä" in rendered


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        (Format.TXT, ""),
        (Format.VTT, "WEBVTT\n"),
        (Format.SRT, ""),
        (
            Format.JSON,
            '{"type": "file", "file": "a", "length": 7.0, "captions": 0, "gaps": 0, "damaged": 0, "missing": 0.0}\n',
        ),
    ],
)
def test_a_recording_without_speech_has_an_empty_transcript_that_is_well_formed(format_, expected):
    assert render(format_, [], name="a", summary=Summary(length_s=7.0)) == expected


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        (Format.VTT, "R&D <b> a --> b", "R&amp;D &lt;b&gt; a --&gt; b"),
        (Format.VTT, "&amp;", "&amp;amp;"),
        (Format.SRT, "R&D <b> a --> b", "R&D <b> a → b"),
        (Format.TXT, "R&D <b> a --> b", "R&D <b> a --> b"),
    ],
)
def test_what_a_format_would_take_for_its_own_is_escaped(format_, text, expected):
    assert expected in render(format_, [caption(0, 1, text)])


def test_a_line_break_in_a_caption_is_a_space():
    for format_ in (Format.TXT, Format.VTT, Format.SRT):
        assert "one two three" in render(format_, [caption(0, 1, "one\ntwo\n\nthree")])


# Utterances that were cut


@pytest.mark.parametrize(
    ("language", "one", "other", "joined"),
    [
        ("en", "We went to the", "market and back.", "We went to the market and back.\n"),
        ("he", "הלכנו אל", "השוק וחזרה.", "הלכנו אל השוק וחזרה.\n"),
        ("ar", "ذهبنا إلى", "السوق.", "ذهبنا إلى السوق.\n"),
        ("ja", "私たちは市場へ", "行きました。", "私たちは市場へ行きました。\n"),
        ("zh", "我们去了", "市场。", "我们去了市场。\n"),
    ],
)
def test_what_goes_on_after_a_cut_goes_on_in_its_line_as_its_language_has_it(language, one, other, joined):
    captions = [caption(0, 15, one, language), caption(15, 17, other, language, continues=True)]
    assert render(Format.TXT, captions) == joined


def test_what_went_before_a_withheld_utterance_is_not_joined_to_what_came_after():
    went_on = [caption(0, 15, "We went to the"), caption(30, 32, "and came back.", continues=True)]
    assert render(Format.TXT, went_on) == "We went to the\nand came back.\n"


@pytest.mark.parametrize(("pause_s", "joined"), [(0.0, True), (JOIN_WITHIN_S, True), (JOIN_WITHIN_S + 0.1, False)])
def test_a_short_pause_at_the_cut_is_none(pause_s, joined):
    went_on = [caption(0, 15, "one"), caption(15 + pause_s, 32, "two", continues=True)]
    assert render(Format.TXT, went_on) == ("one two\n" if joined else "one\ntwo\n")


# How long a cue stays


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        ([(1.0, 3.0)], [(1000, 3400)]),  # lingers
        ([(1.0, 1.2)], [(1000, 2000)]),  # long enough to be read
        ([(1.0, 3.0), (3.1, 5.0)], [(1000, 3100), (3100, 5400)]),  # makes room for the next
        ([(1.0, 1.2), (1.5, 5.0)], [(1000, 1500), (1500, 5400)]),
        ([(1.0, 3.0), (3.0, 5.0)], [(1000, 3000), (3000, 5400)]),
        ([(1.0, 3.0), (2.5, 5.0)], [(1000, 3000), (3000, 5400)]),  # never overlaps, even if the captions do
        ([(0.0, 0.0), (0.0, 0.0)], [(0, 1), (1, 1001)]),  # and is never of no length
    ],
)
def test_a_cue_stays_until_it_can_be_read_unless_the_next_one_begins(captions, expected):
    rendered = render(Format.SRT, [caption(begin, end, "Yes.") for begin, end in captions])
    assert [(begin, end) for begin, end, _ in cues(rendered)] == expected


def test_a_long_caption_becomes_cues_that_share_its_time_by_their_characters():
    text = ("This is a sentence of forty-one characters. " * 4).strip()
    found = cues(render(Format.VTT, [caption(10.0, 20.0, text)]))

    assert all(len(piece) <= CUE_CHARACTERS for *_, piece in found)
    assert len(found) > 1
    assert found[0][0] == 10_000
    assert found[-1][1] == 20_000 + LINGER_MS
    per_character = [(end - begin) / len(piece) for begin, end, piece in found]
    assert max(per_character) < 1.05 * min(per_character)


def test_long_japanese_is_cut_between_characters_and_nothing_is_put_between():
    text = "私たちは昨日の午後に市場へ行って魚と野菜をたくさん買いました。" * 5
    found = cues(render(Format.SRT, [caption(0, 20, text, "ja")]))
    assert len(found) > 1
    assert "".join(piece for *_, piece in found) == text


def test_captions_come_out_as_soon_as_the_next_one_is_known():
    writer = writer_of(Format.VTT, name="a")
    assert writer.add(HELLO) == "WEBVTT\n"
    assert "Hello there." in writer.add(AGAIN)
    assert "again" in writer.end(Summary())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "00:00:00"), (0.9994, "00:00:00"), (59.9999, "00:01:00"), (3599, "00:59:59"), (360_000, "100:00:00")],
)
def test_times_for_people(seconds, expected):
    assert clock(seconds) == expected


# Laws

words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12).filter(str.strip)
texts = st.lists(words, min_size=1, max_size=40).map(" ".join)
times = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=1, max_size=6)


@st.composite
def recordings(draw):
    """Captions in order that do not overlap."""
    at, found = 0.0, []
    for wait, length in draw(times):
        language = draw(st.sampled_from(["en", "ja", "ar", ""]))
        found.append(caption(at + wait, at + wait + length, draw(texts), language, draw(st.booleans())))
        at += wait + length
    return found


@given(recordings(), st.sampled_from([Format.VTT, Format.SRT]))
def test_cues_never_overlap_and_lose_no_word(captions, format_):
    rendered = render(format_, captions)
    found = cues(rendered)

    assert all(begin < end for begin, end, _ in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
    assert rendered.count("-->") == len(found)
    said = "".join("".join(each.text.split()) for each in captions).replace("-->", "→")
    shown = "".join("".join(piece.split()) for *_, piece in found)
    assert (html.unescape(shown) if format_ is Format.VTT else shown).replace("-->", "→") == said


@given(recordings())
def test_cues_are_numbered_and_apart(captions):
    blocks = render(Format.SRT, captions).rstrip("\n").split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [str(number) for number in range(1, len(blocks) + 1)]
    assert all(block.count("\n") == 2 for block in blocks)


@given(recordings())
def test_plain_text_has_a_line_for_each_utterance_that_does_not_go_on(captions):
    rendered = render(Format.TXT, captions)
    joined = [b.continues and b.start - a.end <= JOIN_WITHIN_S for a, b in itertools.pairwise(captions)]
    assert rendered.count("\n") == 1 + joined.count(False)
    assert "".join(rendered.split()) == "".join("".join(each.text.split()) for each in captions)


@given(recordings())
def test_json_gives_back_what_went_in(captions):
    *lines, last = map(json.loads, render(Format.JSON, captions, name="a").splitlines())
    assert [line["text"] for line in lines] == [each.text for each in captions]
    assert last["captions"] == len(captions)
