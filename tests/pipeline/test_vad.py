import numpy as np
import pytest

from pipeline.audio import FRAME, SAMPLE_RATE
from pipeline.vad import WebRtcVoiceDetector
from soak.clip import shipped_clips, speech_bounds


def frames(pcm):
    whole = len(pcm) - len(pcm) % FRAME
    return np.split(pcm[:whole], whole // FRAME)


def share_of_speech(pcm, mode=2):
    detector = WebRtcVoiceDetector(mode)
    verdicts = [detector.is_speech(frame) for frame in frames(pcm)]
    return sum(verdicts) / len(verdicts)


def spoken():
    """The speech of a shipped clip, thinned out to 16 kHz: good enough to be recognised as a voice."""
    pcm = shipped_clips()[0].decode()
    first, last = speech_bounds(pcm)
    return np.ascontiguousarray(pcm[first:last:3])


def test_digital_silence_is_no_speech():
    assert share_of_speech(np.zeros(SAMPLE_RATE, dtype=np.int16)) == 0.0


def test_a_voice_is_speech():
    assert share_of_speech(spoken()) > 0.8


def test_a_stricter_mode_hears_less_speech():
    assert share_of_speech(spoken(), mode=3) <= share_of_speech(spoken(), mode=0)


@pytest.mark.parametrize("count", [0, FRAME - 1, FRAME + 1, 2 * FRAME])
def test_only_whole_frames_are_judged(count):
    with pytest.raises(ValueError, match=f"expected 320 samples, got {count}"):
        WebRtcVoiceDetector().is_speech(np.zeros(count, dtype=np.int16))
