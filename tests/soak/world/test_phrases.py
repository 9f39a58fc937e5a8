"""What people in a soak say is real speech, of which the product makes one utterance each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import VoiceDetectors
from pipeline.caption import polish
from pipeline.decoders import choose_decoder
from pipeline.gate import GateSettings
from pipeline.receiver import RtpReceiver
from soak.bench.ear import Ear
from soak.bench.rtp_stream import TICK_S, Negotiated, Stream, tails
from soak.bench.voices import SPEAKS, Voice, encoded, listeners
from soak.clip import FRAME, shipped_clips
from soak.world.phrases import EDGE, LONGEST, MARGIN, SHORTEST, phrase_set, pieces

NEGOTIATED = Negotiated(111, 1)
BEFORE, AFTER = 100, 60  # packets of a quiet room: 2 s and 1.2 s
SHORT, WHOLE = phrase_set(True), phrase_set(False)


@pytest.fixture(scope="module")
def detectors():
    return VoiceDetectors()


@pytest.fixture(scope="module")
def room():
    *_, loudest = listeners()
    return loudest


def utterances(detectors, voice, *, sentences):
    """How many the product makes of it, all the way from the packets."""
    ear = Ear(detectors, lambda _: sentences)
    receiver = RtpReceiver(judge=ear.hearing.judge, listener=ear, wake=lambda _: None, gate=GateSettings())
    receiver.negotiated(payload_types=[NEGOTIATED.payload_type], level_id=NEGOTIATED.level_id)
    stream = Stream(tails(voice, NEGOTIATED.level_id), NEGOTIATED, ssrc=1)
    decoder = choose_decoder().new()
    for number in range(len(voice.payloads)):
        now = number * TICK_S
        receiver.packet(stream.packet(), now=now)
        receiver.poll(now=now)
        ear.hear(receiver.stream.decode(decoder, receiver.take()))
    decoder.close()
    return len(ear.utterances)  # the end of the packets is not what ended them


def at_rest(phrase, room):
    """The phrase between a little and enough quiet."""
    return Voice(
        room.payloads[:BEFORE] + phrase.voice.payloads + room.payloads[BEFORE : BEFORE + AFTER],
        room.levels[:BEFORE] + phrase.voice.levels + room.levels[BEFORE : BEFORE + AFTER],
    )


@pytest.mark.parametrize("sentences", [False, True], ids=["a pause is a breath", "a pause ends a sentence"])
def test_each_piece_is_exactly_one_utterance_to_the_product(detectors, room, sentences):
    heard = {phrase.number: utterances(detectors, at_rest(phrase, room), sentences=sentences) for phrase in SHORT}
    assert heard == dict.fromkeys(range(len(SHORT)), 1)


def test_there_are_enough_pieces_for_a_conversation_and_few_enough_to_tell_apart():
    assert 20 <= len(SHORT) <= 32
    assert [phrase.number for phrase in SHORT] == list(range(len(SHORT)))


def test_no_two_pieces_share_a_word():
    said = [word for phrase in SHORT for word in phrase.text.split()]
    assert len(said) == 3 * len(SHORT)
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("phrase", SHORT, ids=lambda phrase: phrase.text)
def test_the_words_of_a_piece_reach_readers_as_they_are(phrase):
    assert polish(phrase.text, code="en", continues=False) == phrase.text.capitalize()


def test_whole_clips_have_the_texts_that_they_were_recorded_with():
    assert [phrase.text for phrase in WHOLE] == [clip.text for clip in shipped_clips() if clip.text.strip()]


@pytest.mark.parametrize("phrase", [*SHORT, *WHOLE], ids=lambda phrase: phrase.text)
def test_a_phrase_knows_where_speech_begins_and_ends_in_it(phrase):
    speaks = np.flatnonzero(np.frombuffer(phrase.voice.levels, dtype=np.uint8) & SPEAKS) * TICK_S
    assert 0 < phrase.first_s < phrase.last_s < phrase.length_s
    assert speaks[0] <= phrase.first_s + 0.1
    assert -0.01 < speaks[-1] + TICK_S - phrase.last_s < 0.4  # a breath may follow


@pytest.mark.parametrize("phrase", SHORT, ids=lambda phrase: phrase.text)
def test_a_piece_is_short_and_begins_and_ends_without_a_click(phrase):
    assert SHORTEST * TICK_S <= phrase.last_s - phrase.first_s + 0.1 <= LONGEST * TICK_S + 0.1
    assert np.abs(phrase.pcm[: EDGE * FRAME]).max() < 50
    assert np.abs(phrase.pcm[-EDGE * FRAME :]).max() < 50
    assert np.abs(np.diff(phrase.pcm[: (EDGE + 1) * FRAME].astype(int))).max() < 600


def test_they_are_the_same_every_time():
    again = phrase_set.__wrapped__(True)
    assert all(np.array_equal(one.pcm, other.pcm) for one, other in zip(SHORT, again, strict=True))
    assert [phrase.voice.levels for phrase in again] == [phrase.voice.levels for phrase in SHORT]


def test_texts_and_samples_stay_out_of_logs():
    assert not [phrase for phrase in SHORT if phrase.text in repr(phrase)]


@given(runs=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30)), min_size=1, max_size=20))
def test_whatever_the_rhythm_no_piece_is_too_short_or_too_long(runs):
    rng = np.random.default_rng(0)
    loud = np.concatenate([[False] * 20] + [[True] * speech + [False] * quiet for speech, quiet in runs])
    pcm = (rng.standard_normal(len(loud) * FRAME) * np.repeat(np.where(loud, 3000, 3), FRAME)).astype(np.int16)

    lengths = [len(piece) // FRAME for piece in pieces(pcm)]

    assert all(SHORTEST <= length <= LONGEST + 2 * MARGIN for length in lengths)
    assert sum(lengths) <= len(loud) + 2 * MARGIN * len(lengths)


def test_a_voice_is_its_own_samples_encoded():
    assert SHORT[0].voice == encoded(SHORT[0].pcm)
