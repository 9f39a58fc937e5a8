from __future__ import annotations

import itertools
import os
import socket
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import SAMPLE_RATE, WIRE_RATE, samples
from pipeline.audio_file import CHUNK, FILL_LIMIT, AudioFile, AudioFileError, Track, shown
from tests.pipeline.recordings import FORMATS, film_without_sound, frame, header_only, silence, tone, write

FEW = 24  # samples, 1.5 ms: FFmpeg's resampler gives nothing for a stream that is shorter than its filter


def heard(path):
    with AudioFile(path) as file:
        return list(file.chunks())


def joined(chunks):
    return np.concatenate([chunk.pcm for chunk in chunks])


def hiss(length_s):
    return np.random.default_rng(3).normal(0, 3000, int(length_s * WIRE_RATE)).astype(np.int16)


def loud(pcm):
    """Where sound begins and ends, in seconds."""
    at = np.flatnonzero(np.abs(pcm.astype(int)) > 1000)
    return at[0] / SAMPLE_RATE, at[-1] / SAMPLE_RATE


def fed(*frames, origin=0):
    """The chunks of a track, and where it ends."""
    track = Track(origin=Fraction(origin))
    chunks = [chunk for each in frames for chunk in track.feed(each)]
    return [*chunks, *track.finish()], track.end


# Formats


@pytest.mark.parametrize("name", FORMATS)
def test_any_format_becomes_16_khz_mono_at_its_own_place(tmp_path, name):
    pcm = np.concatenate((silence(0.7), tone(1.5), silence(0.4)))

    chunks = heard(write(tmp_path / name, pcm))

    begin, end = loud(joined(chunks))
    assert begin == pytest.approx(0.7, abs=0.06)
    assert end == pytest.approx(2.2, abs=0.06)
    assert 2000 < np.abs(joined(chunks)).max() < 10_000


def test_chunks_are_short_and_each_begins_where_the_one_before_ended(tmp_path):
    chunks = heard(write(tmp_path / "speech.wav", tone(3.3)))

    assert all(0 < len(chunk.pcm) <= CHUNK for chunk in chunks)
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
    assert chunks[-1].end == samples(3.3)


def test_the_last_sample_is_not_lost(tmp_path):
    pcm = np.concatenate((silence(1.0), tone(0.31)))
    assert loud(joined(heard(write(tmp_path / "speech.wav", pcm))))[1] == pytest.approx(1.31, abs=0.01)


def test_sound_that_begins_after_the_picture_stays_with_the_picture(tmp_path):
    path = write(tmp_path / "late.mkv", tone(1.0), "pcm_s16le", at=5 * WIRE_RATE, video_s=6.0)
    chunks = heard(path)
    assert chunks[0].start == pytest.approx(samples(5.0), abs=samples(0.01))


def test_it_knows_how_long_a_file_is(tmp_path):
    with AudioFile(write(tmp_path / "speech.wav", tone(3.0))) as file:
        assert file.length_s == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["10:30.wav", "http:__x.wav", "%d #1?.wav", "-.wav", "ü \n.wav", b"\xff.wav"])
def test_any_name_will_do(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    write(tmp_path / "speech.wav", tone(0.3)).rename(path)
    assert joined(heard(path)).any()
    assert shown(path).encode()


# What is missing in a file


def test_a_short_gap_becomes_silence_of_its_length():
    chunks, end = fed(frame(tone(0.5)), frame(tone(0.5), at=WIRE_RATE))

    pcm = joined(chunks)
    assert end == len(pcm) == samples(1.5)
    assert not pcm[samples(0.55) : samples(0.95)].any()
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]


def test_a_long_gap_is_a_jump():
    chunks, end = fed(frame(tone(0.7)), frame(tone(0.7), at=3600 * WIRE_RATE))

    assert len(joined(chunks)) == samples(1.4)
    assert next(chunk.start for chunk in chunks if chunk.start >= samples(1.0)) == samples(3600)
    assert end == samples(3600.7)


@pytest.mark.parametrize("off_s", [-0.09, -0.001, 0.001, 0.09])
def test_a_timestamp_that_is_a_little_off_changes_nothing(off_s):
    chunks, end = fed(frame(tone(0.5)), frame(tone(0.5), at=int((0.5 + off_s) * WIRE_RATE)))
    assert end == len(joined(chunks)) == samples(1.0)


def test_timestamps_that_go_back_do_not_stop_the_clock():
    frames = [frame(tone(0.5), at=at * WIRE_RATE // 2) for at in (10, 11, 0, 1, 2)]
    chunks, end = fed(*frames)
    assert chunks[0].start == samples(5.0)
    assert end == samples(7.5)


def test_frames_without_timestamps_follow_one_another():
    frames = [frame(tone(0.5)) for _ in range(3)]
    for each in frames[1:]:
        each.pts = None
    assert fed(*frames)[1] == samples(1.5)


def test_time_0_is_where_the_container_begins():
    chunks, _ = fed(frame(tone(0.5), at=7 * WIRE_RATE), origin=5)
    assert chunks[0].start == samples(2.0)


def test_sound_from_before_time_0_begins_at_0():
    chunks, end = fed(frame(tone(0.5), at=-WIRE_RATE // 50), frame(tone(0.5), at=WIRE_RATE // 2 - WIRE_RATE // 50))
    assert chunks[0].start == 0
    assert end == samples(1.0)


def test_a_stream_may_change_its_rate_and_layout():
    chunks, end = fed(
        frame(tone(0.5)),
        frame(tone(0.5, rate=44_100), at=22_050, rate=44_100, layout="stereo"),
        frame(tone(0.5), at=WIRE_RATE),
    )
    assert end == len(joined(chunks)) == pytest.approx(samples(1.5), abs=3)


@given(st.lists(st.tuples(st.integers(-200_000, 400_000), st.integers(1, 60_000)), min_size=1, max_size=12))
def test_whatever_the_timestamps_chunks_never_overlap_and_no_sound_is_lost(frames):
    at, fed_samples, made = 0, 0, []
    for jump, length in frames:
        at += jump
        made.append(frame(np.full(length, 99, np.int16), at=at))
        at += length
        fed_samples += length

    chunks, end = fed(*made)

    assert all(len(chunk.pcm) <= CHUNK for chunk in chunks)
    assert all(one.end <= other.start for one, other in itertools.pairwise(chunks))
    got = sum(len(chunk.pcm) for chunk in chunks)
    assert got >= fed_samples // 3 - FEW * len(frames)
    assert got <= fed_samples // 3 + len(frames) * (FILL_LIMIT + 2)
    assert end >= got


# What cannot be transcribed


def missing(path):
    return path


def folder(path):
    path.mkdir()
    return path


def empty(path):
    path.touch()
    return path


def text(path):
    path.write_text("Minutes of the meeting. " * 1000)
    return path


def pipe(path):
    os.mkfifo(path)
    return path


def wav_cut_short(path):
    path.write_bytes(write(path, tone(1.0)).read_bytes()[:20])
    return path


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (missing, "there is no such file: check the name"),
        (folder, "is a folder: name the files in it"),
        (empty, "is empty: check that it was copied"),
        (text, "cannot be decoded (Invalid data"),
        (pipe, "is not a regular file: save the recording to one"),
        (film_without_sound, "has no audio stream: choose a file that has sound"),
        (header_only, "holds no sound (its audio stream is empty)"),
        (wav_cut_short, "cannot be decoded"),
    ],
)
def test_what_cannot_be_transcribed_is_explained(tmp_path, make, expected):
    path = make(tmp_path / ("a.mp4" if make is film_without_sound else "a.wav"))

    with pytest.raises(AudioFileError) as error:
        heard(path)

    assert str(error.value).startswith(f"{path}: ")
    assert expected in str(error.value)


@pytest.mark.parametrize("name", ["speech.mp3", "speech.ogg", "speech.flac", "browser.webm"])
def test_a_file_that_is_damaged_in_the_middle_is_heard_to_its_end(tmp_path, name):
    path = write(tmp_path / name, np.concatenate((tone(2.0), silence(6.0), tone(2.0))))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)

    assert loud(joined(heard(path)))[1] > 7.0


def test_pieces_that_cannot_be_decoded_are_counted(tmp_path):
    path = write(tmp_path / "film.mp4", tone(5.0))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 3000] = b"\xff" * 3000
    path.write_bytes(data)

    with AudioFile(path) as file:
        pcm = joined(list(file.chunks()))

    assert file.damaged
    assert len(pcm) > samples(3.0)


def cut(path, share=0.6):
    """Copied only so far."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def missing_s(path):
    """What lacks at its end."""
    with AudioFile(path) as file:
        end = [chunk.end for chunk in file.chunks()][-1]
        assert file.missing_s in (0.0, pytest.approx(5.0 - end / SAMPLE_RATE, abs=0.1))
        return file.missing_s


TELLING = ("speech.wav", "stereo.wav", "speech.flac", "speech.mp3", "browser.webm", "speech.mka", "speech.aiff")


@pytest.mark.parametrize("name", TELLING)
def test_a_file_that_was_cut_off_tells_how_much_is_missing(tmp_path, name):
    codecs = {"speech.mka": ("libopus", 48_000, "mono"), "speech.aiff": ("pcm_s16be", 48_000, "mono")}
    path = write(tmp_path / name, hiss(5.0), *codecs.get(name, ()))
    assert missing_s(path) == 0.0
    assert missing_s(cut(path)) == pytest.approx(2.0, abs=0.3)


def test_nothing_is_missing_where_only_the_picture_goes_on(tmp_path):
    for name in ("film.mp4", "film.mkv"):
        path = write(tmp_path / name, tone(5.0), "aac", 44_100, "mono", video_s=9.0)
        assert missing_s(path) == 0.0


def test_of_a_film_that_was_cut_off_it_is_the_sound_that_counts(tmp_path):
    path = cut(write(tmp_path / "film.mkv", hiss(5.0), "aac", 44_100, "mono", video_s=9.0))
    assert 1.0 < missing_s(path) < 4.0


def test_a_length_that_is_guessed_does_not_count(tmp_path):
    quiet_first = np.concatenate((silence(4.0), hiss(1.0)))  # the guess is made from the bit rate of its beginning
    assert missing_s(write(tmp_path / "raw.aac", quiet_first, "aac", 48_000, "mono")) == 0.0


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_recorder_that_could_not_tell_the_size_has_lost_nothing(tmp_path, size):
    path = write(tmp_path / "speech.wav", tone(5.0))
    data = bytearray(path.read_bytes())
    data[4:8] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert missing_s(path) == 0.0


def test_a_playlist_reaches_no_other_machine(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        playlist = tmp_path / "list.m3u8"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(AudioFileError):
            heard(playlist)
        with pytest.raises(TimeoutError):
            server.accept()
