"""Voices sound, and say how loud they are, as those of browsers do."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest

from soak.bench.voices import SPEAKS, VOICE_S, encoded, levels, listeners, monologue, talkers
from soak.clip import FRAME, BadManifest, read_manifest, shipped_clips

CLIPS = {clip.name: clip for clip in shipped_clips()}
LEVEL = 0x7F
LBRR = 0x40  # in the first byte after the TOC: this packet can stand in for the one before (RFC 6716 §4.2.3)


@pytest.fixture(scope="module")
def command():
    return CLIPS["command-something"].decode()


@pytest.fixture(scope="module")
def voice(command):
    return encoded(command)


@pytest.fixture(scope="module")
def quiet():
    return listeners()


def tone(peak):
    return np.round(peak * np.sin(np.arange(FRAME) * 2 * np.pi / 48)).astype(np.int16)


@pytest.mark.parametrize(
    ("pcm", "level"),
    [
        (tone(32_767), 3),
        (tone(3_277), 23),
        (tone(33), 63),
        (np.full(FRAME, -32_768, dtype=np.int16), 0),
        (np.zeros(FRAME, dtype=np.int16), 127),
    ],
)
def test_a_level_is_the_distance_from_the_loudest_in_decibels(pcm, level):
    assert levels(pcm).tolist() == [level]


def test_every_20_ms_has_a_packet_and_a_level(voice, command):
    assert len(voice.payloads) == len(voice.levels) == len(command) // FRAME


def test_a_voice_can_be_understood_again(voice, command):
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 48_000, "mono", av.AudioFormat("s16")
    frames = [frame for payload in voice.payloads for frame in decoder.decode(av.Packet(payload))]
    heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])

    loudness = np.corrcoef(levels(heard)[1:], levels(command)[: len(levels(heard)) - 1])
    assert len(heard) == len(voice.payloads) * FRAME
    assert loudness[0, 1] > 0.95


def test_packets_of_speech_can_stand_in_for_lost_ones(voice):
    speech = [
        payload for payload, level in zip(voice.payloads, voice.levels, strict=True) if level & SPEAKS and level < 0xA8
    ]
    assert sum(payload[1] & LBRR > 0 for payload in speech) > 0.8 * len(speech)


def test_speech_is_marked_as_such_and_the_rest_is_not(voice):
    speaks = [level & SPEAKS > 0 for level in voice.levels]
    assert not any(speaks[:10])
    assert 0.2 < sum(speaks) / len(speaks) < 0.9


def test_who_only_listens_never_speaks_but_sends_all_the_time(quiet):
    for voice in quiet:
        assert not any(level & SPEAKS for level in voice.levels)
        assert all(voice.payloads)


def test_who_only_listens_is_muted_or_has_the_steady_faint_noise_of_a_room(quiet):
    muted, *rooms = ([level & LEVEL for level in voice.levels] for voice in quiet)
    assert set(muted) == {127}
    assert [round(sum(room) / len(room)) for room in rooms] == pytest.approx([90, 85, 80], abs=1)
    assert all(max(room) - min(room) <= 6 for room in rooms)


def test_a_monologue_lasts_as_long_as_it_should_however_short_the_clips_are():
    words = monologue([CLIPS["command-goforward"]])
    assert VOICE_S <= len(words) / 48_000 < VOICE_S + 5


def manifest(folder, *entries):
    path = folder / "manifest.jsonl"
    clips = [{"audio": str(CLIPS["command-something"].path), **entry} for entry in entries]
    path.write_text("".join(json.dumps(clip) + "\n" for clip in clips), encoding="utf-8")
    return read_manifest(path)


def test_each_human_speaker_is_one_voice_and_noise_is_none(tmp_path):
    clips = manifest(
        tmp_path,
        {"text": "words", "speaker": "ann"},
        {"text": "more words", "speaker": "ann"},
        {"text": " ", "speaker": "a fan"},
        {"text": "words", "speaker": "bob"},
    )
    assert len(talkers(clips)) == 2


def test_no_more_voices_are_made_than_are_needed(tmp_path):
    clips = manifest(tmp_path, {"text": "words", "speaker": "ann"}, {"text": "words", "speaker": "bob"})
    assert talkers(clips, 0) == []


def test_without_any_words_nobody_can_talk(tmp_path):
    with pytest.raises(BadManifest, match="no clip with a text"):
        talkers(manifest(tmp_path, {"text": "", "speaker": "a fan"}))
