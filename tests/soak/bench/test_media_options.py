from __future__ import annotations

import pytest

from soak.bench.media_options import BadOption, MediaOptions, programs, read_against, read_share


@pytest.mark.parametrize(
    ("text", "share"),
    [("0.1", 0.1), ("10", 0.1), ("10%", 0.1), ("100", 1.0), ("100%", 1.0), ("1", 1.0), ("1%", 0.01), ("0", 0.0)],
)
def test_a_share_may_be_written_as_a_percentage(text, share):
    assert read_share("--talking", text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "many", "101", "-1", "150%", "nan"])
def test_what_is_no_share_is_refused_with_the_option_and_an_example(text):
    with pytest.raises(BadOption, match=r"--talking .*10%"):
        read_share("--talking", text)


def test_receivers_to_compare_with_are_separated_by_commas():
    assert read_against("") == ()
    assert read_against("pion, stock,pion") == ("pion", "stock")


def test_an_unknown_receiver_is_refused_with_those_that_are_known():
    with pytest.raises(BadOption, match="'janus' is not known; use stock, pion"):
        read_against("stock,janus")


@pytest.mark.parametrize("option", ["rooms", "senders"])
def test_there_are_no_more_rooms_or_senders_than_speakers(option):
    with pytest.raises(BadOption, match=f"--{option} 3: there are 2 speakers"):
        MediaOptions(speakers=2, **{option: 3})


@pytest.mark.parametrize(("speakers", "talking", "talkers"), [(40, 0.1, 4), (2, 0.1, 1), (2, 0.0, 0), (3, 1.0, 3)])
def test_at_least_one_talks_where_anybody_is_to(speakers, talking, talkers):
    assert MediaOptions(speakers=speakers, talking=talking).talkers == talkers


def test_many_speakers_are_fed_by_two_processes_unless_told_otherwise():
    assert MediaOptions(speakers=300).sending_processes == 1
    assert MediaOptions(speakers=301).sending_processes == 2
    assert MediaOptions(speakers=301, senders=1).sending_processes == 1


def test_ours_goes_first_and_each_is_told_what_the_others_are():
    ours, stock = programs(MediaOptions(speakers=6, seconds=20.0, rooms=2, against=("stock",)), {})
    assert ours.command[1:3] == ("-m", "soak.bench.media_ours")
    assert stock.command[1:3] == ("-m", "soak.bench.media_stock")
    assert ours.command[3:] == stock.command[3:] == ("6", "20", '{"rooms": 2, "hearing": false}')


def test_pion_is_started_as_its_baseline_says(tmp_path):
    pionrecv = tmp_path / "pionrecv"
    pionrecv.write_text("#!/bin/sh\n", encoding="utf-8")
    pionrecv.chmod(0o755)
    _, pion = programs(MediaOptions(speakers=6, seconds=2.5, against=("pion",)), {"PIONRECV": str(pionrecv)})
    assert pion.command == (str(pionrecv), "6", "2.5", "dec")


@pytest.mark.parametrize(
    ("environment", "words"),
    [({}, "PIONRECV is not set"), ({"PIONRECV": "/nowhere/pionrecv"}, "PIONRECV=/nowhere/pionrecv is no program")],
)
def test_without_its_program_pion_is_refused_with_the_variable_that_names_it(environment, words):
    with pytest.raises(BadOption, match=words):
        programs(MediaOptions(against=("pion",)), environment)
