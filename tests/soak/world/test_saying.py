"""Of each phrase it is known when its words went out, and how many of them the network let through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.bench.voices import Voice
from soak.world.phrases import Phrase, phrase_set
from soak.world.saying import Saying

NOTHING = np.zeros(0, dtype=np.int16)


def phrase(packets=6, *, first_s=0.04, last_s=0.08):
    """By default, packets 2 and 3 of 6 have speech."""
    voice = Voice((b"opus",) * packets, bytes(packets))
    return Phrase(0, "river candle garden", NOTHING, voice, first_s=first_s, last_s=last_s)


def spoken(saying, *fates, begin=10.0):
    """Beat by beat, was each packet sent?"""
    for number, sent in enumerate(fates):
        saying.beat(begin + number, sent=sent)
    return saying.said(begin + len(fates))


async def test_only_the_packets_with_speech_count():
    said = spoken(Saying(phrase()), False, False, True, True, False, False)
    assert (said.first_at, said.last_at) == (12.0, 13.0)
    assert (said.sent, said.of, said.delivered) == (2, 2, 1.0)


async def test_what_the_network_swallowed_was_not_delivered():
    assert spoken(Saying(phrase()), True, True, True, False, True, True).delivered == 0.5


async def test_a_phrase_that_is_broken_off_was_not_delivered_to_its_end():
    said = spoken(Saying(phrase()), True, True, True)
    assert (said.first_at, said.last_at, said.delivered) == (12.0, 12.0, 0.5)


async def test_a_phrase_that_never_came_to_its_first_word_was_said_at_no_time_but_now():
    said = spoken(Saying(phrase()), True)
    assert (said.first_at, said.last_at, said.delivered) == (11.0, 11.0, 0.0)


async def test_it_is_over_after_its_last_packet():
    saying = Saying(phrase(3))
    spoken(saying, True, True)
    assert not saying.ended
    spoken(saying, True)
    assert saying.ended


@pytest.mark.parametrize("each", [*phrase_set(True), *phrase_set(False)], ids=lambda each: each.text)
async def test_a_real_phrase_has_its_speech_where_it_says(each):
    said = spoken(Saying(each), *[True] * len(each.voice.payloads), begin=0.0)
    assert said.first_at * 0.02 == pytest.approx(each.first_s, abs=0.001)
    assert (said.last_at + 1) * 0.02 == pytest.approx(each.last_s, abs=0.02)
    assert said.delivered == 1.0


@given(fates=st.lists(st.booleans(), min_size=10, max_size=10), first=st.integers(0, 9), length=st.integers(1, 10))
async def test_the_share_delivered_is_that_of_the_speech(fates, first, length):
    last = min(first + length, 10)
    said = spoken(Saying(phrase(10, first_s=first * 0.02, last_s=last * 0.02)), *fates)
    assert (said.sent, said.of) == (sum(fates[first:last]), last - first)
