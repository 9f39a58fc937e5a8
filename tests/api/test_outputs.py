from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from api.outputs import BadOutput, Errand, OutputClosed, OutputFailed, Stdout, open_sink, plan
from pipeline.subtitles import Format


def targets(errands):
    return [str(errand.target) for errand in errands]


def sink(path, *, force=False):
    return open_sink(Errand(source=Path("a.wav"), target=path), force=force, heading="")


# Which transcript goes where


def test_without_an_output_all_goes_to_standard_output():
    assert plan([Path("a.wav"), Path("b.wav")], "", Format.TXT) == [
        Errand(source=Path("a.wav"), target=None),
        Errand(source=Path("b.wav"), target=None),
    ]


@pytest.mark.parametrize(
    ("files", "output", "expected"),
    [
        (["a.wav"], "out.txt", ["out.txt"]),
        (["a.wav"], "new/", ["new/a.vtt"]),
        (["a.wav"], "there", ["there/a.vtt"]),
        (["x/a.b.wav", "y/c"], "new", ["new/a.b.vtt", "new/c.vtt"]),
    ],
)
def test_a_file_for_one_recording_and_a_folder_for_several(tmp_path, monkeypatch, files, output, expected):
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    assert targets(plan([Path(file) for file in files], output, Format.VTT)) == expected


@pytest.mark.parametrize(
    ("files", "output", "expected"),
    [
        (["a.wav", "b.wav"], "a.wav", "is a file; for several recordings, name a folder"),
        (["a.wav"], "a.wav/", "is a file"),
        (["a.wav"], "a.wav", "is one of the recordings"),
        (["a.wav"], "./there/../a.wav", "is one of the recordings"),
        (["a.wav", "a.mp3"], "new", "a.wav and a.mp3: both would be written to new/a.txt"),
        (["a.wav", "a.wav"], "new", "both would be written"),
    ],
)
def test_what_does_not_go_together_is_said_before_any_work(tmp_path, monkeypatch, files, output, expected):
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("a.wav").touch()
    with pytest.raises(BadOutput, match=expected):
        plan([Path(file) for file in files], output, Format.TXT)


# A file, whole or not at all


def test_a_transcript_is_in_its_place_only_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with sink(path) as out:
        out.write("one\n")
        assert not path.exists()
        out.write("Größe […]\n")
    assert path.read_bytes() == "one\nGröße […]\n".encode()
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_file_may_be_read_by_whom_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        with sink(tmp_path / "a.txt"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("existing", ["", "old"])
def test_when_it_fails_in_the_middle_nothing_is_left_and_nothing_is_lost(tmp_path, existing):
    path = tmp_path / "a.txt"
    if existing:
        path.write_text(existing)

    def interrupted():
        with sink(path, force=True) as out:
            out.write("half a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == (["a.txt"] if existing else [])
    assert not existing or path.read_text() == existing


def test_what_exists_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    with pytest.raises(OutputFailed, match=r"a\.txt: exists already: give --force"):
        sink(path)
    with sink(path, force=True) as out:
        out.write("new")
    assert path.read_text() == "new"


def test_what_came_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.txt"

    def overtaken():
        with sink(path) as out:
            out.write("new")
            path.write_text("mine")

    with pytest.raises(OutputFailed, match="exists already"):
        overtaken()
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("place", ["file/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_explained(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputFailed, match="--output"):
        sink(tmp_path / place, force=True)


@pytest.mark.parametrize(
    "name",
    ["a" * 251, "会" * 83 + "ab", "a" + "会" * 83, os.fsdecode(b"\xff" * 251)],
    ids=["one byte a character", "three", "cut within a character", "no characters"],
)
def test_a_name_of_full_length_will_do(tmp_path, name):
    assert len(os.fsencode(name)) in (250, 251)
    with sink(tmp_path / f"{name}.txt") as out:
        out.write("new")
    assert os.listdir(tmp_path) == [f"{name}.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda *_, **__: open("/dev/full", "w"))  # noqa: SIM115

    def written(text):
        with sink(tmp_path / "a.txt") as out:
            out.write(text)

    for text in ("short", "x" * 100_000):
        with pytest.raises(OutputFailed, match=r"a\.txt: cannot be written \(No space left on device\)"):
            written(text)


# Standard output


def test_on_standard_output_a_heading_goes_before_what_comes():
    stream = io.StringIO()
    with Stdout("==> a.wav <==\n", stream) as out:
        assert stream.getvalue() == ""
        out.write("one\n")
        out.write("two\n")
    assert stream.getvalue() == "==> a.wav <==\none\ntwo\n"


def test_a_recording_without_words_has_its_heading_too():
    stream = io.StringIO()
    with Stdout("==> a.wav <==\n", stream) as out:
        out.write("")
    assert stream.getvalue() == "==> a.wav <==\n"


def test_a_reader_who_has_gone_ends_it_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(OutputClosed):
        Stdout("", stream).write("one\n")


def test_standard_output_that_cannot_be_written_is_explained():
    class Full(io.StringIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputFailed, match=r"standard output cannot be written \(No space left"):
        Stdout("", Full()).write("one\n")


def test_it_writes_to_what_standard_output_is_at_the_time(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with open_sink(Errand(source=Path("a"), target=None), force=False, heading="") as out:
        out.write("one\n")
    assert stream.getvalue() == "one\n"
