"""`roomscribe transcribe` as a user runs it: a separate process, its output and its exit status."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from api.cli import build
from pipeline import Engine
from pipeline.errors import DecodeFailed
from tests.pipeline.recordings import silence, speech, write

pytestmark = pytest.mark.model

PROGRAM = "from api.cli import main; main()"


async def start(*arguments, stderr=-1, **settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOMSCRIBE_")}
    environment |= {f"ROOMSCRIBE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-c", PROGRAM, "transcribe", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=-1, stderr=stderr)


async def run(*arguments, **settings):
    """Exit status, standard output, standard error."""
    process = await start(*arguments, **settings)
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def ada(tmp_path):
    return write(tmp_path / "ada.flac", speech("austen-0930"), "flac", 16_000)


@pytest.fixture
def bob(tmp_path):
    return write(tmp_path / "bob.mp3", speech("command-goforward"), "libmp3lame", 44_100, "stereo")


async def test_one_recording_is_text_on_standard_output(ada):
    status, out, err = await run(ada)
    assert (status, err) == (0, "")
    assert out.endswith("made amiable himself.\n")
    assert out.count("\n") == 1


async def test_several_are_told_apart_and_what_failed_spoils_nothing(tmp_path, ada, bob):
    gone, quiet = tmp_path / "gone.wav", write(tmp_path / "quiet.wav", silence(2.0))
    status, out, err = await run(ada, gone, quiet, bob)

    assert status == 1
    headings = [line for line in out.splitlines() if line.startswith("==>")]
    assert headings == [f"==> {path} <==" for path in (ada, quiet, bob)]
    assert "amiable" in out
    assert "forward" in out
    assert err.strip() == f"{gone}: there is no such file: check the name"


async def test_json_lines_name_their_file_and_end_with_its_sum(ada, bob):
    status, out, _ = await run(ada, bob, "--format", "json", "--language", "en")

    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["file"] for line in lines if line["type"] == "file"] == [str(ada), str(bob)]
    first, last = lines[0], lines[-1]
    assert (first["type"], first["language"]) == ("caption", "en")
    assert 0.2 < first["start"] < first["end"] < 3.7
    assert last["captions"] == sum(line["type"] == "caption" and line["file"] == str(bob) for line in lines)


async def test_what_lacks_of_a_recording_is_told_and_the_rest_is_transcribed(tmp_path, ada, bob):
    film = write(tmp_path / "film.mp4", speech("austen-0930"), "aac", 44_100, "mono")
    data = bytearray(film.read_bytes())
    middle = data.index(b"mdat") + 12_000
    film.write_bytes(data[:middle] + b"\xff" * 3000 + data[middle + 3000 :])
    bob.write_bytes(bob.read_bytes()[:12_000])

    status, out, err = await run(film, bob, ada, "--format", "json")

    sums = [line for line in map(json.loads, out.splitlines()) if line["type"] == "file"]
    damaged, cut_off = err.splitlines()
    assert status == 1
    assert "amiable" in out
    assert f"{film}: is damaged: {sums[0]['damaged']} pieces were passed over" in damaged
    assert f"{bob}: was cut off: its last 00:00:0" in cut_off
    assert [bool(each["damaged"]) for each in sums] == [True, False, False]
    assert [each["missing"] > 1.0 for each in sums] == [False, True, False]


async def test_a_folder_gets_a_file_for_each_and_nothing_is_overwritten_unasked(tmp_path, ada, bob):
    folder = tmp_path / "out"
    (tmp_path / "out").mkdir()
    (folder / "ada.srt").write_text("mine")

    status, out, err = await run(ada, bob, "--format", "srt", "--output", folder)
    assert (status, out) == (1, "")
    assert "ada.srt: exists already: give --force" in err
    assert (folder / "ada.srt").read_text() == "mine"
    assert (folder / "bob.srt").read_text().startswith("1\n00:00:0")

    status, out, err = await run(ada, "--format", "vtt", "--output", folder / "ada.srt", "--force", "--quiet")
    assert (status, out, err) == (0, "", "")
    assert (folder / "ada.srt").read_text().startswith("WEBVTT\n\n00:00:00.")
    assert sorted(os.listdir(folder)) == ["ada.srt", "bob.srt"]


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        (["--language", "xx"], {}, "--language: 'xx' is not a known language id"),
        (["--language", "de"], {}, "--language: 'de' needs a multilingual model"),
        (["--model", "/nowhere"], {}, "no model for ROOMSCRIBE_MODEL='/nowhere'"),
        (["--output", "{}"], {}, "is one of the recordings"),
        (["--format", "doc"], {}, "'doc' is not one of"),
        ([], {"WORKERS": "many"}, "ROOMSCRIBE_WORKERS: expected a whole number"),
    ],
)
async def test_a_wrong_option_or_setting_is_explained(ada, arguments, settings, expected):
    status, out, err = await run(ada, *(each.format(ada) for each in arguments), **settings)
    assert (status, out) == (2, "")
    assert expected in " ".join(err.split())


@pytest.mark.parametrize("settings", [{"MODEL": "/nowhere"}, {"WORKERS": "many"}])
async def test_a_misspelt_setting_is_told_with_the_one_that_was_meant(ada, settings):
    _, _, err = await run(ada, WORKRES="hush", **settings)

    assert "ROOMSCRIBE_WORKRES is no setting and has no effect: did you mean ROOMSCRIBE_WORKERS?" in err
    assert "hush" not in err


async def test_without_a_recording_it_says_how_it_is_used():
    status, _, err = await run()
    assert status == 2
    assert "FILE" in err


def test_speech_that_could_not_be_transcribed_is_marked_and_counted(ada, monkeypatch):
    async def transcribe(self, job):
        raise DecodeFailed("too strange")

    monkeypatch.setattr(Engine, "transcribe", transcribe)
    result = CliRunner().invoke(build(names=["transcribe"]), ["transcribe", str(ada)])

    assert (result.exit_code, result.stdout) == (1, "[…]\n")
    assert "ada.flac: 1 utterances could not be transcribed and are marked […]: try it again" in result.stderr


def test_a_recognition_server_that_is_not_there_is_not_waited_for_for_ever(ada, monkeypatch):
    monkeypatch.setenv("ROOMSCRIBE_ASR_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("api.transcribe.SERVER_S", 0.3)
    result = CliRunner().invoke(build(names=["transcribe"]), ["transcribe", str(ada)])

    assert result.exit_code == 2
    assert "the recognition server of ROOMSCRIBE_ASR_URL did not answer" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_when_told_to_stop_it_leaves_nothing_half_done(tmp_path, number):
    path = write(tmp_path / "long.wav", np.tile(speech("sonnet-1"), 60), "pcm_s16le", 8_000)
    folder = tmp_path / "out"
    process = await start(path, "--output", f"{folder}/")
    async with asyncio.timeout(60):
        while not folder.exists() or not os.listdir(folder):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)  # so that some of it is there
        children = psutil.Process(process.pid).children()
        process.send_signal(number)
        _, err = await process.communicate()

    assert process.returncode == 130
    assert err == b""
    assert os.listdir(folder) == []
    assert children
    assert not any(child.is_running() for child in children)


async def test_a_reader_who_has_seen_enough_ends_it_quietly(tmp_path):
    path = write(tmp_path / "long.wav", np.tile(speech("sonnet-1"), 20), "pcm_s16le", 8_000)
    process = await start(path)
    async with asyncio.timeout(60):
        assert await process.stdout.readline()
        process._transport.get_pipe_transport(1).close()
        err = await process.stderr.read()
        status = await process.wait()
    assert (status, err) == (1, b"")


@pytest.mark.parametrize(("quiet", "shown"), [([], True), (["--quiet"], False)])
async def test_progress_is_shown_where_somebody_watches(tmp_path, ada, quiet, shown):
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = await start(ada, "--output", tmp_path / "a.txt", *quiet, stderr=terminal)
    os.close(terminal)
    async with asyncio.timeout(60):
        await process.communicate()
    said = b""
    try:
        while more := os.read(master, 4096):
            said += more
    except OSError:  # that is how a terminal ends
        pass
    os.close(master)

    assert process.returncode == 0
    assert ("ada.flac: 00:00:04, 1 captions, " in said.decode()) is shown
    assert (b"real time" in said) is shown
    assert shown or not said


async def test_help_says_what_comes_out_and_how_it_ends():
    status, out, _ = await run("--help")
    assert status == 0
    for word in ("txt", "vtt", "srt", "json", "--output", "--force", "Exit status", "130"):
        assert word in out
