"""Input and result are drawn: see tests/pipeline/drawn.py."""

from __future__ import annotations

import pytest

from pipeline import SpeakerSettings
from pipeline.audio import FRAME, samples
from pipeline.segmenter import (
    Phase,
    Reason,
    Segmenter,
    SegmenterSettings,
    UtterancePaused,
    UtteranceResumed,
    UtteranceStarted,
)
from tests.pipeline.drawn import Player, hangover, segment


@pytest.mark.parametrize(
    ("given_frames", "expected"),
    [
        (".......", ""),
        ("..##......", ""),
        ("..##.##.##......", ""),
        ("......####......", "      [==]"),
        ("......####.###.......", "      [======]"),
        ("..###....###.........", "  [========]"),
        ("..###.....###.....", "  [=]     [=]"),
        ("###.....", "[=]"),
    ],
    ids=[
        "silence",
        "a click is not an utterance",
        "nor are three",
        "a word",
        "a breath does not split a sentence",
        "nor does a pause a little shorter than the hangover",
        "a pause as long as the hangover does",
        "speech from the first sample on",
    ],
)
def test_speech_between_silences_is_an_utterance(given_frames, expected):
    assert segment(given_frames).picture == expected


def test_the_start_is_told_as_soon_as_the_onset_is_long_enough_and_not_before():
    player = segment("..##")
    assert player.events == []
    player.play("#")
    assert player.events == [UtteranceStarted(start=2 * FRAME, onset=2 * FRAME)]


def test_an_utterance_keeps_some_audio_around_its_speech():
    heard = "......####.........."
    drawn = "    [=======]"
    assert segment(heard, pre_roll=2, keep=3).picture == drawn


def test_the_pre_roll_never_reaches_into_the_utterance_before():
    heard = "..###.....###....."
    drawn = "[======][======]"
    assert segment(heard, pre_roll=8, keep=3).picture == drawn


def test_the_pre_roll_never_reaches_before_the_first_sample():
    assert segment(".####.....", pre_roll=8).picture == "[===]"


def test_no_more_is_kept_than_the_hangover_has_heard():
    assert segment(".####.....", keep=20).picture == " [=======]"


def test_the_end_tells_where_speech_ended_and_how_much_of_it_there_was():
    (ended,) = segment("..###.##........", keep=2).ended
    assert (ended.speech_end, ended.voiced) == (8 * FRAME, 5 * FRAME)


# A pause may be the end


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ("..####........", "    S    P  E"),
        ("..####..##........", "    S        P  E"),
        ("..####....#........", "    S    PR   P  E"),
        ("..####......#........", "    S    P  R   P  E"),
        ("..####....#....#........", "    S    PR   PR   P  E"),
        ("..##....", ""),
    ],
    ids=[
        "a pause is told before it is an end",
        "a breath is no pause",
        "speech after a pause",
        "speech just before the end",
        "two pauses",
        "a click and a pause are nothing",
    ],
)
def test_a_pause_is_told_and_so_is_speech_that_goes_on(heard, told):
    assert segment(heard, pause=4, hangs=7).timeline == told


def test_a_pause_tells_what_the_utterance_will_have_been():
    player = segment("..####....", pause=3, hangs=9, pre_roll=1)
    assert player.of(UtterancePaused) == [UtterancePaused(start=1 * FRAME, end=9 * FRAME, speech_end=6 * FRAME)]
    player.play("#")
    assert player.of(UtteranceResumed) == [UtteranceResumed(speech_end=6 * FRAME)]


def test_a_pause_that_is_an_end_at_once_is_told_only_as_an_end():
    assert segment("..####......", pause=4, hangs=4).timeline == "    S    E"


def test_by_default_a_pause_is_told_before_any_end():
    defaults = SegmenterSettings()
    assert defaults.onset <= defaults.pause < min(defaults.hangover.shortest, defaults.hangover.in_long_utterance)


# The hangover follows the speaker


def test_who_soon_goes_on_is_given_more_time_the_next_time():
    player = segment("###.....###.....###........", hangs=hangover(5, longest=8, up=3, soon=8))
    assert player.picture == "[=]     [=========]"


def test_who_stops_for_long_is_answered_sooner_again():
    adapting = hangover(5, longest=8, up=3, down=3, soon=8)
    player = segment("###.....###........" + "." * 20 + "###.....", hangs=adapting)
    assert player.segmenter.hangover == 5 * FRAME
    assert player.picture.endswith("[=]")


def test_in_a_long_utterance_a_short_pause_is_an_end():
    player = segment("########..##.....", hangs=hangover(5, long_utterance=9, in_long_utterance=2))
    assert player.picture == "[======]"
    assert player.reasons == [Reason.SILENCE]


def test_after_a_sentence_a_short_pause_is_an_end():
    player = segment("####....", hangs=hangover(9, after_sentence=5))
    player.segmenter.sentence_over(speech_end=4 * FRAME)
    player.play(".")
    assert player.picture == "[==]"
    assert player.reasons == [Reason.SILENCE]


def test_who_went_on_after_all_had_not_ended_the_sentence():
    player = segment("####....#....", hangs=hangover(9, after_sentence=5))
    player.segmenter.sentence_over(speech_end=4 * FRAME)
    player.play(".")
    assert player.ended == []


def test_a_sentence_is_over_only_for_the_pause_after_it():
    player = segment("####...", hangs=hangover(9, after_sentence=5))
    player.segmenter.sentence_over(speech_end=4 * FRAME)
    player.play("#.....")
    assert player.ended == []


# Too long


def test_a_long_speech_is_cut_and_goes_on_with_the_very_next_sample():
    player = segment("..############......", max_length=5, hangs=2, cut_within=0)
    assert player.picture == "  [===][===][]"
    assert player.reasons == [Reason.TOO_LONG, Reason.TOO_LONG, Reason.SILENCE]
    assert [event.continues for event in player.of(UtteranceStarted)] == [False, True, True]


@pytest.mark.parametrize(
    ("heard", "drawn"),
    [
        ("##########---######.......", "[==========][=====]"),
        ("#########..########.......", "[=========][======]"),
        ("#######---#---####.......", "[===========][===]"),
        ("--------------------......", "[=============][===]"),
        ("#---###############.......", "[=============][==]"),
    ],
    ids=[
        "in faint speech",
        "in a breath",
        "of equals, in the last",
        "of nothing but equals, in the last",
        "not so long ago as that",
    ],
)
def test_a_long_speech_is_cut_at_its_quietest_place(heard, drawn):
    assert segment(heard, max_length=16, cut_within=10).picture == drawn


def test_silence_before_the_first_word_is_no_place_to_cut():
    player = segment("....############......", pre_roll=4, max_length=8, hangs=2, cut_within=8)
    assert all(ended.voiced for ended in player.ended)
    assert player.ended[0].end - player.ended[0].start >= 4 * FRAME


def test_each_part_of_a_cut_speech_has_its_own_speech():
    player = segment("########..########.......", max_length=16, cut_within=10)
    assert [each.voiced // FRAME for each in player.ended] == [8, 8]


def test_an_utterance_that_gets_too_long_in_a_pause_ends_there():
    player = segment("..####.......", max_length=6, hangs=5)
    assert player.picture == "  [==]"
    assert player.reasons == [Reason.TOO_LONG]
    assert player.segmenter.phase is Phase.QUIET


def test_a_track_that_stops_in_mid_word_is_closed_by_the_tick():
    player = segment("..####")
    assert player.wait(0.69).ended == []
    assert player.wait(0.02).picture == "  [==]"
    assert player.reasons == [Reason.STALLED]


def test_a_tick_between_frames_changes_nothing():
    player = segment("..###")
    for _ in range(10):
        player.wait(0.2).play("#")
    assert player.ended == []


def test_a_tick_without_an_utterance_gives_nothing():
    assert segment("..##").wait(10).wait(10).events == []


def test_an_onset_that_stalled_does_not_count_for_the_next_one():
    assert segment("..##").wait(1).play("##.....").events == []


def test_a_jump_of_media_time_closes_what_is_open():
    player = segment("..####").jump(10).play("#")
    assert player.picture == "  [==]"
    assert player.reasons == [Reason.ENDED]


def test_the_pre_roll_never_reaches_over_a_jump():
    player = segment("...", pre_roll=5).jump(10).play(".####.....")
    assert player.picture == " " * 13 + "[===]"


def test_the_end_of_the_track_closes_what_is_open():
    player = segment("..####.", keep=9).end()
    assert player.picture == "  [===]"
    assert player.end().reasons == [Reason.ENDED]


def test_what_is_voiced_and_speaking_is_told_only_of_an_open_utterance():
    def state(player):
        return player.segmenter.speaking, player.segmenter.voiced // FRAME

    assert state(segment("..##")) == (False, 0)
    assert state(segment("..####")) == (True, 4)
    assert state(segment("..####.")) == (False, 4)
    assert state(segment("..####.....")) == (False, 0)


def test_by_default_an_utterance_fits_into_the_thirty_seconds_that_whisper_hears_and_into_the_ring():
    player = Player(Segmenter(SegmenterSettings())).play("#" * 1600)
    assert player.ended
    assert all(cut.end - cut.start <= min(samples(30.0), SpeakerSettings().ring) for cut in player.ended)
