from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import VoiceDetectors
from pipeline.audio import FRAME, SAMPLE_RATE
from pipeline.judge import MAX_UNJUDGED
from pipeline.vad import CONTEXT, GATE_FRAMES, WINDOW, SileroModel, SileroVoiceDetector, WebRtcVoiceDetector
from soak.clip import shipped_clips
from tests.pipeline.voices import downsampled, hiss, nothing, tones, typing

FEW = 0.03  # of the frames of a noise


def frames(pcm):
    whole = len(pcm) - len(pcm) % FRAME
    return np.split(pcm[:whole], whole // FRAME)


def verdicts(detector, pcm):
    heard = [verdict for frame in frames(pcm) for verdict in detector.feed(frame)]
    return [*heard, *detector.flush()]


def share(verdicts):
    return sum(verdicts) / len(verdicts)


def loud(pcm):
    """The frames that a person would call speech, in a clip that holds nothing else."""
    levels = [float(np.mean(frame.astype(float) ** 2)) for frame in frames(pcm)]
    return [level > np.percentile(levels, 95) / 100 for level in levels]  # 20 dB


NOISES = {
    "white noise": hiss(),
    "a loud hum": tones(50, amplitude=12_000),
    "a quiet hum": tones(50, amplitude=300),
    "a keyboard": typing(),
    "a chord": tones(220.0, 277.2, 329.6),
    "digital silence": nothing(),
}


class Counting:
    """A model that counts how often it is asked."""

    def __init__(self, model):
        self.model = model
        self.calls = 0

    def judge(self, windows, state):
        self.calls += 1
        return self.model.judge(windows, state)


class Ear:
    """A model that takes any loud window for speech."""

    def judge(self, windows, state):
        return [float(np.abs(window[CONTEXT:]).max() > 0.02) for window in windows], state


class Whim:
    """A model that says whatever comes next in its list."""

    def __init__(self, probabilities):
        self.probabilities = itertools.cycle(probabilities)

    def judge(self, windows, state):
        return [next(self.probabilities) for _ in windows], state


@pytest.fixture(scope="module")
def silero():
    return SileroModel()


# The cheap detector


def test_digital_silence_is_no_speech():
    assert share(verdicts(WebRtcVoiceDetector(), nothing())) == 0.0


def test_a_voice_is_speech():
    pcm = downsampled("austen-0930")
    heard = verdicts(WebRtcVoiceDetector(), pcm)
    assert share([verdict for verdict, voice in zip(heard, loud(pcm), strict=True) if voice]) > 0.9


def test_a_stricter_mode_hears_less_speech():
    pcm = downsampled("austen-0930")
    assert share(verdicts(WebRtcVoiceDetector(3), pcm)) <= share(verdicts(WebRtcVoiceDetector(0), pcm))


@pytest.mark.parametrize("count", [0, FRAME - 1, FRAME + 1, 2 * FRAME])
@pytest.mark.parametrize("detector", [WebRtcVoiceDetector(), SileroVoiceDetector(Ear())], ids=["WebRTC", "Silero"])
def test_only_whole_frames_are_judged(detector, count):
    with pytest.raises(ValueError, match=f"expected {FRAME} samples, got {count}"):
        detector.feed(np.zeros(count, dtype=np.int16))


# Silero behind it


@pytest.mark.parametrize("name", [clip.name for clip in shipped_clips()])
def test_the_network_hears_speech(silero, name):
    pcm = downsampled(name)
    heard = verdicts(SileroVoiceDetector(silero), pcm)
    assert share([verdict for verdict, voice in zip(heard, loud(pcm), strict=True) if voice]) > 0.85


@pytest.mark.parametrize("noise", NOISES)
def test_the_network_takes_no_noise_for_speech(silero, noise):
    assert share(verdicts(SileroVoiceDetector(silero), NOISES[noise])) < FEW


@pytest.mark.parametrize("noise", ["white noise", "a keyboard", "a chord"])
def test_the_cheap_detector_alone_would(noise):
    assert share(verdicts(WebRtcVoiceDetector(), NOISES[noise])) > 10 * FEW


def test_a_voice_is_heard_over_a_noise(silero):
    pcm = downsampled("austen-0930")
    heard = verdicts(SileroVoiceDetector(silero), pcm + hiss(600, 20.0)[: len(pcm)])
    assert share([verdict for verdict, voice in zip(heard, loud(pcm), strict=True) if voice]) > 0.8


def test_the_network_is_not_asked_while_it_is_quiet(silero):
    model = Counting(silero)
    verdicts(SileroVoiceDetector(model), np.concatenate((nothing(), NOISES["a quiet hum"], nothing())))
    assert model.calls == 0


def test_the_network_is_asked_no_more_when_it_has_been_quiet_for_a_while(silero):
    model = Counting(silero)
    detector = SileroVoiceDetector(model)
    verdicts(detector, downsampled("austen-0930"))
    asked = model.calls
    assert asked
    for frame in frames(nothing(10.0)):
        detector.feed(frame)
    windows_while_the_gate_closes = (GATE_FRAMES + SAMPLE_RATE // FRAME) * FRAME // WINDOW
    assert model.calls <= asked + windows_while_the_gate_closes


def test_verdicts_stay_with_their_frames():
    word, gap = hiss(12_000, 0.6), nothing(1.0)
    pcm = np.concatenate((gap, word, gap, word, gap))
    spoken = [bool(np.abs(frame).max()) for frame in frames(pcm)]
    heard = verdicts(SileroVoiceDetector(Ear()), pcm)
    for at in range(2, len(spoken) - 2):
        around = set(spoken[at - 2 : at + 3])
        assert heard[at] in around  # a window is a little longer than a frame


def test_after_a_flush_it_hears_on(silero):
    pcm = downsampled("austen-0870")
    detector = SileroVoiceDetector(silero)
    middle = len(pcm) // 2 // FRAME * FRAME
    first, second = verdicts(detector, pcm[:middle]), verdicts(detector, pcm[middle:])
    heard = zip([*first, *second], loud(pcm), strict=True)
    assert share([verdict for verdict, voice in heard if voice]) > 0.85


def test_a_flush_of_nothing_gives_nothing(silero):
    detector = SileroVoiceDetector(silero)
    assert detector.flush() == []
    verdicts(detector, hiss())
    assert detector.flush() == []


def test_speakers_share_the_network_and_nothing_else(silero):
    ada, will = downsampled("austen-0930"), hiss()
    ears = [SileroVoiceDetector(silero) for _ in range(2)]
    heard = [[], []]
    for pair in zip(frames(ada), frames(will), strict=False):
        for one, frame in enumerate(pair):
            heard[one] += ears[one].feed(frame)
    alone = verdicts(SileroVoiceDetector(silero), ada)
    assert heard[0] == alone[: len(heard[0])]


# Laws, for any audio and any model

SOUNDS = {"#": frames(hiss(12_000, 0.2)), ".": frames(nothing(0.2)), "k": frames(typing(length_s=0.2))}
drawings = st.lists(st.one_of(st.text("#.k", max_size=8), st.sampled_from(["#" * 30, "." * 60, "f"])), max_size=12)


@given(drawings.map("".join), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9))
def test_each_frame_gets_one_verdict_soon(drawing, whims):
    detector = SileroVoiceDetector(Whim(whims))
    fed = judged = 0
    for at, sound in enumerate(drawing):
        if sound == "f":
            judged += len(detector.flush())
            assert judged == fed
        else:
            fed += 1
            judged += len(detector.feed(SOUNDS[sound][at % 10]))
        assert 0 <= fed - judged < MAX_UNJUDGED
    assert judged + len(detector.flush()) == fed


@given(drawings.map("".join))
def test_where_the_network_hears_nothing_nothing_is_heard(drawing):
    detector = SileroVoiceDetector(Whim([0.0]))
    heard = [
        verdict for at, each in enumerate(drawing) if each != "f" for verdict in detector.feed(SOUNDS[each][at % 10])
    ]
    assert not any([*heard, *detector.flush()])


# Where detectors come from


def test_every_speaker_gets_a_detector_of_its_own():
    detectors = VoiceDetectors()
    ada, will = detectors.new(), detectors.new()
    assert isinstance(ada, SileroVoiceDetector)
    assert ada is not will


def test_without_the_network_the_cheap_detector_does_alone_and_the_log_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    assert isinstance(VoiceDetectors().new(), WebRtcVoiceDetector)
    assert "noise will be taken for speech more often" in caplog.text


def test_the_network_s_library_neither_calls_its_maker_nor_numbers_this_machine(tmp_path):
    # It would write that number, and what it means to send, below HOME, unless it believes itself under test.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS")}
    program = "from pipeline.vad import SileroModel; SileroModel()"
    subprocess.run([sys.executable, "-c", program], env=environment | {"HOME": str(tmp_path)}, check=True, timeout=60)
    assert [*tmp_path.iterdir()] == []
