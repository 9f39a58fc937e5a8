"""What was written in a journal is read again, however the run ended; and what is no journal is said to be none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.report.plot import Band
from soak.run.journal import FORMAT, NAME, BadJournal, Journal, Story, read
from soak.verdict.sample import LOAD, REST, WARM_UP, Sample

OPTIONS = {"profile": {"name": "smoke"}, "seed": 1}


def sample(leg=0, at_s=5.0, phase=LOAD, joins=3, **values):
    return Sample(leg=leg, at_s=at_s, phase=phase, joins=joins, utterances=7, reconnects=1, values=values)


def entries():
    """One of each kind that can be written."""
    numbers = st.integers(0, 10**6)
    seconds = st.floats(0, 1e6)
    values = st.dictionaries(st.sampled_from(["rss_kb", "heap_kb", "tasks"]), st.floats(0, 1e9))
    samples = st.builds(
        Sample,
        leg=st.integers(0, 3),
        at_s=seconds,
        phase=st.sampled_from([WARM_UP, LOAD, REST]),
        joins=numbers,
        utterances=numbers,
        reconnects=numbers,
        values=values,
    )
    tallies = st.tuples(st.integers(0, 3), st.dictionaries(st.text(max_size=5), numbers, max_size=3))
    bands = st.builds(Band, start_s=seconds, end_s=seconds, label=st.text(max_size=9))
    faults = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.text(max_size=5), max_size=3)
    return samples | tallies | bands | faults


def write(journal, entry):
    match entry:
        case Sample():
            journal.sample(entry)
        case Band():
            journal.band(entry)
        case (leg, tally):
            journal.tally(leg, tally)
        case _:
            journal.fault(entry)


def told(written):
    story = Story(options=OPTIONS)
    for entry in written:
        match entry:
            case Sample():
                story.samples.append(entry)
            case Band():
                story.bands.append(entry)
            case (leg, tally):
                story.tallies[leg] = tally
            case _:
                story.faults.append(entry)
    return story


@given(st.lists(entries(), max_size=12), st.integers(0, 12))
def test_what_was_written_in_one_life_or_two_is_read_again(tmp_path_factory, written, second_from):
    folder = tmp_path_factory.mktemp("run")
    with Journal(folder) as journal:
        journal.begin(OPTIONS)
        for entry in written[:second_from]:
            write(journal, entry)
    with Journal(folder) as journal:
        for entry in written[second_from:]:
            write(journal, entry)
    assert read(folder) == told(written)


@given(st.lists(entries(), min_size=1, max_size=6), st.data())
def test_of_a_journal_that_was_torn_off_anywhere_every_whole_line_is_read(tmp_path_factory, written, data):
    folder = tmp_path_factory.mktemp("run")
    with Journal(folder) as journal:
        journal.begin(OPTIONS)
        for entry in written:
            write(journal, entry)
    whole = (folder / NAME).read_bytes()
    header, _, rest = whole.partition(b"\n")
    torn = rest[: data.draw(st.integers(0, len(rest)))]
    (folder / NAME).write_bytes(header + b"\n" + torn)

    left = told(written[: torn.count(b"\n")])
    assert read(folder) in (left, told(written[: torn.count(b"\n") + 1]))  # the last one may lack its end of line only
    with Journal(folder) as journal:
        journal.sample(sample(leg=9))
    assert read(folder).samples[-1] == sample(leg=9), "what comes after the torn line is a line of its own"


def test_a_line_is_on_disk_while_the_journal_is_still_open(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin(OPTIONS)
        journal.sample(sample(rss_kb=1.5))
        assert read(tmp_path).samples == [sample(rss_kb=1.5)]


def test_two_runs_never_write_one_journal(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin(OPTIONS)
        with pytest.raises(BadJournal, match="another soak writes it"), Journal(tmp_path):
            pass
        journal.sample(sample())
    with Journal(tmp_path) as journal:
        journal.sample(sample())
    assert len(read(tmp_path).samples) == 2


def test_the_newest_tally_of_each_leg_counts(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin(OPTIONS)
        journal.tally(0, {"received": 1})
        journal.tally(0, {"received": 2})
        journal.tally(1, {"received": 5})
    assert read(tmp_path).tallies == {0: {"received": 2}, 1: {"received": 5}}


@pytest.mark.parametrize(
    ("samples", "tallies", "legs", "elapsed_s"),
    [
        ([], {}, 0, 0.0),
        ([sample(at_s=5.0)], {}, 1, 5.0),
        ([sample(at_s=5.0), sample(leg=1, at_s=9.0)], {0: {}}, 2, 9.0),
        ([sample(at_s=5.0)], {0: {}, 1: {}}, 2, 5.0),  # the second never got as far as a sample
    ],
)
def test_how_many_legs_there_were_and_how_long_they_took(samples, tallies, legs, elapsed_s):
    story = Story(options=OPTIONS, samples=samples, tallies=tallies)
    assert (story.legs, story.elapsed_s) == (legs, elapsed_s)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not the journal of a soak"),
        ("a letter to nobody\n", "not the journal of a soak"),
        ('["run"]\n', "not the journal of a soak"),
        (json.dumps({"kind": "run", "format": FORMAT + 1, "options": {}}), "another version"),
        (json.dumps({"kind": "run", "format": FORMAT}), "another version"),
        (json.dumps({"kind": "run", "format": FORMAT, "options": []}), "another version"),
        (
            json.dumps({"kind": "run", "format": FORMAT, "options": {}}) + '\n{"kind": "sample", "leg": 0}\n',
            "not understood",
        ),
        (
            json.dumps({"kind": "run", "format": FORMAT, "options": {}}) + '\n{"kind": "tally", "leg": 0}\n',
            "not understood",
        ),
    ],
)
def test_what_is_no_journal_is_refused_with_its_name_and_what_to_do(tmp_path, text, reason):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(BadJournal, match=reason) as caught:
        read(tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert "begin a new run" in str(caught.value)


def test_bytes_that_are_no_text_are_no_journal_either(tmp_path):
    (tmp_path / NAME).write_bytes(bytes(range(256)))
    with pytest.raises(BadJournal, match="not the journal"):
        read(tmp_path)


def test_a_folder_without_a_journal_is_refused(tmp_path):
    with pytest.raises(BadJournal, match="--resume takes the folder of a run") as caught:
        read(tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)


def test_a_line_of_a_kind_that_is_not_known_is_passed_over(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin(OPTIONS)
        journal.sample(sample())
    with (tmp_path / NAME).open("a") as file:
        file.write('{"kind": "weather", "sky": "blue"}\n')
    assert read(tmp_path).samples == [sample()]
