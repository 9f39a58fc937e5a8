"""The child on its own, driven by hand over its two pipes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from pipeline import ModelSettings
from pipeline.request import Hypothesis
from pipeline.wire import pack, read_frame
from tests.pipeline.voices import downsampled

GUARD_S = 20.0


@contextlib.contextmanager
def child(engine_settings, model=None):
    """A child that was told which model to load."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.engine_child"],
        env=engine_settings.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        send(process, asdict(model or engine_settings.model))
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def send(process, header, payload=b""):
    process.stdin.write(pack(header, payload))
    process.stdin.flush()


def answer(process):
    frame = read_frame(process.stdout)
    return None if frame is None else frame[0]


def header(samples, *, kind="final"):
    return {
        "kind": kind,
        "language": "en",
        "samples": samples,
        "beam": 1,
        "hints": "",
        "allowed": [],
        "translate": False,
    }


def request(number, *, kind="final", seconds=1):
    pcm = np.zeros(16_000 * seconds, dtype="<i2")
    return {"id": number, "requests": [header(len(pcm), kind=kind)]}, pcm.tobytes()


@pytest.mark.model
def test_the_end_of_its_input_ends_the_child(engine_settings):
    with child(engine_settings) as process:
        ready = answer(process)
        assert 0 < ready.pop("warm_up_s") < 30
        english = {"languages": ["en"], "translations": []}
        assert ready == {"ready": True, "source": "package", "short_inputs": True, **english}
        process.stdin.close()
        assert process.wait(GUARD_S) == 0


@pytest.mark.model
def test_the_end_of_its_input_ends_the_child_in_the_middle_of_its_work(engine_settings):
    with child(engine_settings) as process:
        answer(process)
        for number in range(20):
            send(process, *request(number, seconds=30))
        process.stdin.close()
        assert process.wait(GUARD_S) == 0


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_for_the_whole_group_leaves_the_child_answering_until_its_input_ends(engine_settings, number):
    with child(engine_settings) as process:
        answer(process)
        process.send_signal(number)
        send(process, *request(1))
        assert answer(process)["id"] == 1
        process.stdin.close()
        assert process.wait(GUARD_S) == 0


def test_an_input_that_ends_before_it_says_anything_ends_the_child(engine_settings):
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.engine_child"],
        env=engine_settings.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GUARD_S,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, b"")


@pytest.mark.model
def test_a_request_that_cannot_be_served_is_answered_and_the_next_one_is_served(engine_settings):
    with child(engine_settings) as process:
        answer(process)
        send(process, *request(1, kind="a rumour"))
        refused = answer(process)
        assert refused["id"] == 1
        assert refused["error"] == "ValueError", "its text may be of what was said"
        send(process, *request(2))
        served = answer(process)
        assert served["id"] == 2
        assert Hypothesis(**served["hypotheses"][0]).text == ""


@pytest.mark.model
def test_requests_of_one_frame_are_answered_in_their_order(engine_settings):
    clips = [downsampled(name) for name in ("austen-0930", "command-goforward")]
    with child(engine_settings) as process:
        answer(process)
        requests = [header(len(pcm)) for pcm in clips]
        send(process, {"id": 7, "requests": requests}, b"".join(pcm.astype("<i2").tobytes() for pcm in clips))
        answered = answer(process)
    assert answered["id"] == 7
    texts = [Hypothesis(**each).text.lower() for each in answered["hypotheses"]]
    assert ["amiable" in texts[0], "forward" in texts[1]] == [True, True]


@pytest.mark.model
def test_without_a_margin_the_child_takes_the_full_window(engine_settings):
    with child(engine_settings, replace(engine_settings.model, margin_s=0.0)) as process:
        assert answer(process)["short_inputs"] is False


def test_a_model_that_is_none_is_explained_and_ends_the_child(engine_settings, tmp_path):
    with child(engine_settings, ModelSettings(model=str(tmp_path))) as process:
        explained = answer(process)["fatal"]
        assert f"the folder {tmp_path}: it lacks model.bin and config.json" in explained
        assert "ROOMSCRIBE_MODEL" in explained
        assert answer(process) is None
        assert process.wait(GUARD_S) == 1


def test_a_model_that_is_damaged_is_explained_and_ends_the_child(engine_settings, tmp_path):
    for file in ("model.bin", "config.json"):
        (tmp_path / file).write_bytes(b"{}")
    with child(engine_settings, ModelSettings(model=str(tmp_path), download=False)) as process:
        fatal = answer(process)["fatal"]
        assert f"the model '{tmp_path}' (ROOMSCRIBE_MODEL) cannot be loaded with ROOMSCRIBE_DEVICE=cpu, " in fatal
        assert process.wait(GUARD_S) == 1


def test_an_installation_that_is_broken_is_explained_and_ends_the_child(engine_settings, tmp_path):
    (tmp_path / "faster_whisper.py").write_text("raise ImportError('a library is missing')")
    search_path = f"{tmp_path}{os.pathsep}{engine_settings.environment['PYTHONPATH']}"
    broken = replace(engine_settings, environment={**engine_settings.environment, "PYTHONPATH": search_path})
    with child(broken) as process:
        assert "int8: a library is missing" in answer(process)["fatal"]
        assert process.wait(GUARD_S) == 1
