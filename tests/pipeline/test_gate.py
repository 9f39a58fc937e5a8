"""What is sent and what becomes of it is drawn: see tests/pipeline/levels.py."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gate import MAX_PRE_ROLL, ActivityGate, GateSettings
from tests.pipeline.levels import CLOSE_AFTER, FRAME, LOUD, NOISE, PRE_ROLL, SENT, Microphone


@pytest.mark.parametrize(
    ("sent", "fate"),
    [
        ("__________", "----------"),
        ("______#________", "---pppooooo----"),
        ("______####________", "---pppoooooooo----"),
        ("_#____", "pooooo"),
        ("___#___#_____", "pppooooooooo-"),
        ("___#____#_____", "pppoooooooooo-"),
        ("___#_______#___", "pppooooopppoooo"),
        ("___#_____________#", "pppooooo------pppo"),
        ("______+________", "---pppooooo----"),
    ],
    ids=[
        "silence is not decoded",
        "a word is, with what came before it, and some of what follows",
        "a longer word",
        "a word at the very beginning",
        "a breath does not close the gate",
        "nor does a longer one",
        "of a pause, nothing is decoded twice",
        "a pause",
        "a soft word",
    ],
)
def test_words_are_decoded_and_silence_is_not(sent, fate):
    assert Microphone().send(sent) == fate


@pytest.mark.parametrize(
    ("sent", "fate"),
    [
        ("______?????________", "---pppooooooooo----"),
        ("_____dddddd", "-----------"),
        ("_____DDDDDD", "-----------"),
        ("___#dddddd", "pppooooo--"),
        ("___#DDDDDD", "pppooooo--"),
        ("___#d   d   d#", "pppoo   -   po"),
        ("_____xxxx___", "------------"),
        ("__x#x_xxxx_", "pppooooo---"),
        ("_x_x_#", "--pppo"),
    ],
    ids=[
        "audio without a level is for the voice detector",
        "DTX is silence",
        "DTX is silence whatever its level",
        "DTX closes the gate",
        "whatever its level",
        "DTX in which media time goes on closes it as soon",
        "what was lost opens nothing",
        "what was lost goes the way of its neighbours",
        "also as pre-roll",
    ],
)
def test_what_is_no_audio_with_a_level_has_its_rule(sent, fate):
    assert Microphone().send(sent) == fate


# The sender's own opinion


def test_what_the_sender_calls_voice_is_decoded_however_quiet():
    assert Microphone().in_a_room(".").send("....v.......") == "-pppooooo---"


def test_a_sender_that_calls_everything_voice_tells_nothing():
    microphone = Microphone().in_a_room("v")
    assert microphone.send("vvvvvvvv") == "--------"
    assert microphone.send("!vvvvvvv") == "ooooo---"


def test_digital_silence_is_no_voice_whatever_the_sender_says():
    assert Microphone().send("______VVVV") == "----------"


# The noise of the room


def test_in_a_quiet_room_the_softest_word_is_decoded():
    assert Microphone().in_a_room("_").levels(127, 127, 91, 90) == "----"
    assert Microphone().in_a_room("_").levels(127, 127, 89) == "ppo"


def test_in_a_noisy_room_noise_is_not_decoded_and_words_are():
    microphone = Microphone().in_a_room(".")
    assert microphone.send("..........") == "----------"
    assert microphone.send("....+.....") == "-pppooooo-"


@pytest.mark.parametrize("noise", [40, 50, 60, 70, 80])
def test_a_word_is_what_is_six_decibels_above_the_noise_or_louder_than_any_noise(noise):
    microphone = Microphone()
    assert microphone.levels(*[noise] * 60 * 50)[-1] == ("o" if noise < 54 else "-")
    softest = max(noise - 7, 53)
    assert microphone.levels(*[max(noise, 60)] * 100)[-1] == "-"
    assert microphone.levels(softest + 1) == "-"
    assert microphone.levels(softest) == "o"


def test_a_noise_that_begins_is_decoded_until_it_is_known_to_be_one():
    microphone = Microphone().in_a_room("_")
    fate = microphone.send("." * 50 * 60)
    known_after_s = (96 - (NOISE + 6)) / 3  # three decibels a second, from the lowest floor that matters
    assert fate.count("o") / 50 == pytest.approx(known_after_s, abs=0.2)
    assert fate == "o" * fate.count("o") + "-" * fate.count("-")


def test_a_noise_that_ends_is_forgotten_at_once():
    microphone = Microphone().in_a_room(".")
    assert microphone.send("_" * 10) == "-" * 10
    assert microphone.levels(NOISE) == "o"


def test_a_long_speech_with_pauses_does_not_become_noise():
    microphone = Microphone().in_a_room(".")
    for _ in range(120):
        assert "-" not in microphone.send("+" * 45 + "." * 3)


def test_dtx_and_loss_say_nothing_about_the_noise():
    microphone = Microphone().in_a_room(".")
    microphone.send("dxD" * 500)
    assert microphone.send("......") == "------"
    assert microphone.send("+") == "o"


# Pre-roll


def test_the_pre_roll_is_half_a_second_before_the_first_word():
    microphone = Microphone(pre_roll=25)
    assert microphone.send("_" * 30 + "#") == "-" * 5 + "p" * 25 + "o"


def test_no_more_frames_are_kept_than_the_bound():
    assert Microphone(pre_roll=1000).send("_" * 30 + "#") == "-" * (30 - MAX_PRE_ROLL) + "p" * MAX_PRE_ROLL + "o"


def test_what_is_older_than_the_pre_roll_is_not_decoded_even_when_little_came_since():
    assert Microphone().send("___d   d#") == "----   po"


def test_what_came_before_a_jump_of_media_time_belongs_to_something_else():
    second = " " * 50
    microphone = Microphone(pre_roll=1000)
    assert microphone.send(f"__{second}__#") == f"pp{second}ppo"
    microphone = Microphone(pre_roll=1000)
    assert microphone.send(f"__{second} __#") == f"--{second} ppo"


def test_frames_leave_in_their_order():
    microphone = Microphone()
    microphone.send("____#_____#__")
    starts = [frame.timestamp for frame in microphone.passed]
    assert starts == sorted(starts)


# Around it


def test_it_says_whether_it_is_open():
    microphone = Microphone()
    assert not microphone.gate.open
    microphone.send("__#__")
    assert microphone.gate.open
    microphone.send("_____")
    assert not microphone.gate.open


def test_it_counts_what_was_decoded_and_what_never_will_be():
    microphone = Microphone()
    fate = microphone.send("______#________")
    assert microphone.gate.passed == fate.count("p") + fate.count("o") == 8
    microphone.gate.flush()
    assert microphone.gate.kept == fate.count("-") == 7


def test_at_the_end_of_the_source_the_pre_roll_is_dropped_and_nothing_of_the_source_remains():
    microphone = Microphone().in_a_room(".")
    microphone.send("#")
    microphone.gate.flush()
    assert not microphone.gate.open
    assert microphone.send("___") == "---"
    microphone.gate.flush()
    microphone.at = 0
    assert microphone.send(".....") == "ooooo", "another room, for all it knows"


def test_without_being_told_of_the_end_it_mixes_no_sources_in_the_pre_roll():
    microphone = Microphone()
    microphone.send("____")
    microphone.at = 0
    assert microphone.send("#") == "o"
    assert len(microphone.passed) == 1


def test_a_source_that_begins_while_the_gate_is_open_does_not_keep_it_open():
    microphone = Microphone().in_a_room("_")
    microphone.send("#")
    microphone.gate.flush()
    microphone.at = 0
    assert microphone.send("______") == "------"


def test_a_gate_that_is_disabled_is_always_open():
    microphone = Microphone(enabled=False)
    everything = "".join(SENT)
    assert microphone.send(everything * 3) == "o" * len(everything) * 3
    microphone.gate.flush()
    assert microphone.gate.open
    assert (microphone.gate.passed, microphone.gate.kept) == (3 * len(everything), 0)


def test_by_default_it_keeps_half_a_second_and_closes_after_one():
    assert ActivityGate().open is False
    assert (GateSettings().pre_roll_s, GateSettings().close_after_s) == (0.5, 1.0)


# Laws

pictures = st.one_of(
    st.text("".join(SENT) + " ", max_size=80),
    st.lists(st.sampled_from(["_" * 20, "." * 20, "#" * 5, "+" * 3, "d   ", " " * 60, "x", "v", "?"]), max_size=20).map(
        "".join
    ),
)


@given(pictures)
def test_every_loud_frame_is_decoded_at_once_and_so_is_what_has_no_level(picture):
    fates = Microphone().send(picture)
    assert all(fate == "o" for sent, fate in zip(picture, fates, strict=True) if sent in "#!?")


@given(pictures)
def test_all_around_a_loud_frame_is_decoded(picture):
    fates = Microphone().send(picture)
    for at, sent in enumerate(picture):
        if sent in "#!?":
            assert "-" not in fates[max(at - PRE_ROLL, 0) : at + 1 + CLOSE_AFTER]


@given(pictures, st.integers(0, 30), st.integers(0, 10))
def test_frames_are_decoded_once_at_most_and_in_order(picture, pre_roll, close_after):
    microphone = Microphone(pre_roll=pre_roll, close_after=close_after)
    microphone.send(picture)
    assert all(earlier.end <= later.timestamp for earlier, later in itertools.pairwise(microphone.passed))


@given(pictures)
def test_nothing_is_decoded_without_a_reason_nearby(picture):
    fates = Microphone().send(picture)
    for at, fate in enumerate(fates):
        if fate in "op":
            assert set(picture[max(at - CLOSE_AFTER, 0) : at + 1 + PRE_ROLL]) & set("#!+.v?")


@given(pictures)
def test_every_frame_is_decoded_or_kept(picture):
    microphone = Microphone()
    fates = microphone.send(picture)
    microphone.gate.flush()
    assert (microphone.gate.passed, microphone.gate.kept) == (len(microphone.passed), fates.count("-"))
    assert microphone.gate.passed + microphone.gate.kept == len(picture) - picture.count(" ")


@given(st.lists(st.integers(0, 127), max_size=200))
def test_louder_than_the_loudest_floor_always_passes_and_quieter_than_the_quietest_never_opens(levels):
    microphone = Microphone(pre_roll=0, close_after=0)
    fates = microphone.levels(*levels)
    assert all(fate == "o" for level, fate in zip(levels, fates, strict=True) if level < 54)
    assert all(fate == "-" for level, fate in zip(levels, fates, strict=True) if level > 90)


@given(st.lists(st.integers(54, 90), min_size=1, max_size=200), st.integers(7, 30))
def test_a_word_that_rises_above_all_that_was_heard_is_never_lost(levels, above):
    microphone = Microphone()
    microphone.levels(*levels)
    assert microphone.levels(max(min(levels) - above, LOUD)) == "o"
    assert microphone.passed[-1].end == (len(levels) + 1) * FRAME


# May somebody have spoken in what was lost after this?

MINUTE = 60 * 50


@pytest.mark.parametrize(
    ("sent", "may_speak"),
    [
        ("." * 50, True),
        ("_" * 50, False),
        ("V" * 50, False),
        ("d" * 50, False),
        ("?", True),
        ("." * 50 + "_" * (MINUTE + 50), False),
        ("#" + "_" * (MINUTE - 50), True),
        ("#" + "_" * (MINUTE + 50), False),
        ("_" * 50 + "d" * 40 + ".", True),
        ("", False),
    ],
    ids=[
        "the noise of a room: the microphone is on",
        "digital silence: it is muted",
        "whatever its sender calls it",
        "so it is with DTX alone",
        "of what has no level, nobody knows",
        "somebody who muted long ago",
        "after having spoken: they may again",
        "unless that is long ago",
        "a microphone just unmuted",
        "nothing came yet",
    ],
)
def test_a_microphone_that_is_on_may_bring_words_at_any_time(sent, may_speak):
    microphone = Microphone()
    microphone.send(sent)
    assert microphone.gate.may_speak(at=microphone.at * FRAME) is may_speak


def test_another_source_may_be_another_microphone():
    microphone = Microphone()
    microphone.send("####")
    microphone.gate.flush()
    assert not microphone.gate.may_speak(at=microphone.at * FRAME)
