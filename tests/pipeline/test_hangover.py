from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import samples
from pipeline.hangover import Hangover, HangoverSettings

SETTINGS = HangoverSettings()
SOON, LATER = SETTINGS.soon - 1, SETTINGS.soon


class Talker:
    """Says a word, pauses, says the next one."""

    def __init__(self, settings=SETTINGS):
        self.hangover = Hangover(settings)
        self.at = 0

    def say(self, *pauses, sentence=False, silence=None):
        """`silence` None: as much as it takes to end an utterance."""
        for pause in pauses:
            self.hangover.began(onset=self.at)
            self.at += samples(0.5)
            self.hangover.ended(at=self.at, silence=self.patience if silence is None else silence, sentence=sentence)
            self.at += pause
        return self

    @property
    def patience(self):
        return self.hangover.samples(length=0)


def steps(up):
    """How many pauses it takes to get from one end to the other."""
    return -(-(SETTINGS.longest - SETTINGS.shortest) // (SETTINGS.up if up else SETTINGS.down))


def test_a_stranger_is_answered_soon():
    assert Talker().patience == SETTINGS.shortest


def test_a_single_word_teaches_nothing():
    assert Talker().say(SOON).patience == SETTINGS.shortest


def test_who_soon_goes_on_is_given_more_time():
    assert Talker().say(SOON, SOON).patience == min(SETTINGS.shortest + SETTINGS.up, SETTINGS.longest)


def test_who_goes_on_later_is_given_no_more():
    assert Talker().say(LATER, LATER).patience == SETTINGS.shortest


def test_no_one_is_given_more_than_the_longest():
    assert Talker().say(*[SOON] * (steps(up=True) + 5)).patience == SETTINGS.longest


def test_who_really_stops_is_answered_sooner_again_and_not_below_the_shortest():
    talker = Talker().say(*[SOON] * (steps(up=True) + 1))
    assert talker.say(LATER, LATER).patience == max(SETTINGS.longest - SETTINGS.down, SETTINGS.shortest)
    assert talker.say(*[LATER] * (steps(up=False) + 5)).patience == SETTINGS.shortest


@pytest.mark.parametrize("patient", [False, True])
def test_in_a_long_utterance_a_short_pause_will_do(patient):
    talker = Talker().say(*[SOON] * 20 * patient)
    ordinary, short = talker.patience, SETTINGS.in_long_utterance
    assert talker.hangover.samples(length=SETTINGS.long_utterance - 1) == ordinary
    assert talker.hangover.samples(length=SETTINGS.long_utterance) == short < ordinary


def test_after_a_sentence_a_short_pause_will_do():
    hangover = Talker().say(*[SOON] * 20).hangover
    assert hangover.samples(length=0, sentence=True) == SETTINGS.after_sentence < hangover.samples(length=0)


def test_who_goes_on_soon_after_a_sentence_was_not_interrupted():
    assert Talker().say(*[SOON] * 20, sentence=True).patience == SETTINGS.shortest


def test_who_is_silent_for_long_after_a_sentence_really_stops_when_silent():
    talker = Talker().say(*[SOON] * 20)
    assert talker.say(LATER, LATER, sentence=True).patience < SETTINGS.longest


def test_what_something_else_ended_teaches_nothing():
    assert Talker().say(*[SOON] * 20, silence=SETTINGS.shortest - 1).patience == SETTINGS.shortest


def test_a_long_utterance_never_needs_more_silence_than_a_short_one():
    impatient = HangoverSettings(shortest=10, longest=20, in_long_utterance=15)
    assert Talker(impatient).hangover.samples(length=impatient.long_utterance) == 10


# Laws

pauses = st.lists(st.integers(1, 3 * SETTINGS.soon), max_size=60)


@given(pauses, st.integers(0, 2 * SETTINGS.long_utterance))
def test_it_stays_within_its_bounds(pauses, length):
    talker = Talker().say(*pauses)
    assert SETTINGS.shortest <= talker.patience <= SETTINGS.longest
    assert min(SETTINGS.shortest, SETTINGS.in_long_utterance) <= talker.hangover.samples(length=length)
    assert talker.hangover.samples(length=length) <= talker.patience


@given(pauses, pauses)
def test_speakers_learn_nothing_from_each_other(pauses, others):
    ada, will = Talker(), Talker()
    will.say(*others)
    assert ada.say(*pauses).patience == Talker().say(*pauses).patience


@given(pauses)
def test_more_hesitation_never_means_less_patience(pauses):
    hesitant = [min(pause, SOON) for pause in pauses]
    assert Talker().say(*hesitant).patience >= Talker().say(*pauses).patience
