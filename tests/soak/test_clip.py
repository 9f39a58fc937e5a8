from __future__ import annotations

import json
import wave

import numpy as np
import pytest

from soak.clip import FRAME, BadManifest, Clip, read_manifest, shipped_clips, speech_bounds

SECOND = 48_000


def write_wav(path, pcm, *, rate=SECOND):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


def tone(seconds, *, rate=SECOND, loudness=8000):
    return (loudness * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def silence(seconds):
    return np.zeros(round(seconds * SECOND), dtype=np.int16)


def clip(path):
    return Clip(path=path, text="a tone", voice="", language="en")


@pytest.fixture
def manifest(tmp_path):
    """Writes a manifest beside a clip `a.wav`."""
    write_wav(tmp_path / "a.wav", tone(0.1))

    def write(*lines):
        path = tmp_path / "manifest.jsonl"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return path

    return write


# Shipped clips


def test_every_shipped_clip_can_be_decoded_and_is_mostly_speech():
    clips = shipped_clips()
    assert len({each.name for each in clips}) == len(clips) > 0
    for each in clips:
        pcm = each.decode()
        first, last = speech_bounds(pcm)
        assert (pcm.dtype, pcm.ndim) == (np.int16, 1)
        assert last - first > len(pcm) / 2


def test_every_shipped_clip_says_who_speaks_and_what():
    for each in shipped_clips():
        assert each.text
        assert each.voice
        assert each.language == "en"
        assert each.text not in repr(each)


# Decoding


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_any_sample_rate_becomes_48_khz_of_the_same_length(tmp_path, rate):
    pcm = clip(write_wav(tmp_path / "tone.wav", tone(0.5, rate=rate), rate=rate)).decode()
    assert len(pcm) == pytest.approx(SECOND / 2, abs=10)
    assert np.abs(pcm).max() == pytest.approx(8000, rel=0.1)


def test_a_file_that_is_no_audio_is_refused_by_name(tmp_path):
    path = tmp_path / "noise.wav"
    path.write_text("these are not the samples you are looking for")
    with pytest.raises(BadManifest, match=r"noise\.wav: cannot be decoded"):
        clip(path).decode()


def test_a_file_without_a_single_sample_is_refused_by_name(tmp_path):
    with pytest.raises(BadManifest, match=r"empty\.wav: cannot be decoded"):
        clip(write_wav(tmp_path / "empty.wav", silence(0))).decode()


# Speech bounds


def test_the_bounds_are_those_of_the_loud_part_to_the_frame():
    pcm = np.concatenate((silence(0.3), tone(1.0), silence(0.5)))
    assert speech_bounds(pcm) == (round(0.3 * SECOND), round(1.3 * SECOND))


def test_quiet_noise_around_speech_is_not_speech():
    pcm = np.concatenate((tone(0.3, loudness=80), tone(1.0), tone(0.5, loudness=80)))
    assert speech_bounds(pcm) == (round(0.3 * SECOND), round(1.3 * SECOND))


@pytest.mark.parametrize("count", [1, FRAME - 1, FRAME, 2 * FRAME])
def test_a_clip_of_speech_only_is_speech_from_end_to_end(count):
    assert speech_bounds(tone(1.0)[100 : 100 + count]) == (0, count)


# Manifests


def test_a_manifest_names_clips_beside_it(manifest):
    path = manifest(
        {"audio": "a.wav", "text": "one", "speaker": "ada", "lang": "de"}, "", {"audio": "a.wav", "text": ""}
    )
    one, two = read_manifest(path)
    assert (one.path, one.text, one.voice, one.language) == (path.parent / "a.wav", "one", "ada", "de")
    assert (two.voice, two.language) == ("", "en")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not valid JSON"),
        ("[]", "expected"),
        ("null", "expected"),
        ("7", "expected"),
        ({"audio": "a.wav"}, "text: is required"),
        ({"text": "one"}, "audio: is required"),
        ({"audio": 7, "text": "one"}, "audio: expected a text"),
        ({"audio": "a.wav", "text": "one", "lang": ["en"]}, "lang: expected a text"),
    ],
    ids=str,
)
def test_a_line_that_names_no_clip_is_refused_with_its_number_and_field(manifest, line, problem):
    with pytest.raises(BadManifest, match=rf"manifest\.jsonl:2: {problem}"):
        read_manifest(manifest({"audio": "a.wav", "text": "one"}, line))


def test_a_clip_that_is_not_there_is_refused_with_line_and_path(manifest):
    with pytest.raises(BadManifest, match=r"manifest\.jsonl:1: there is no file .*b\.wav"):
        read_manifest(manifest({"audio": "b.wav", "text": "one"}))


@pytest.mark.parametrize("lines", [[], ["", " "]], ids=["empty", "blank"])
def test_a_manifest_without_clips_is_refused(manifest, lines):
    with pytest.raises(BadManifest, match="holds no clip"):
        read_manifest(manifest(*lines))


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(BadManifest, match="cannot be read"):
        read_manifest(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(BadManifest, match="cannot be read"):
        read_manifest(tmp_path / "latin.jsonl")
