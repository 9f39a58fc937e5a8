"""Speech of a known text, and sounds in which there is none."""

from __future__ import annotations

import fractions

import av
import numpy as np

from pipeline import WIRE_RATE
from pipeline.audio import SAMPLE_RATE
from pipeline.decode import Downsampler
from soak.clip import FRAME, shipped_clips


def clip(name):
    return next(each for each in shipped_clips() if each.name == name)


def frames(pcm, *, pts=0):
    """48 kHz mono samples as a track delivers them: every 20 ms a frame."""
    for at in range(0, len(pcm) - FRAME + 1, FRAME):
        frame = av.AudioFrame.from_ndarray(pcm[at : at + FRAME].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = WIRE_RATE, pts + at, fractions.Fraction(1, WIRE_RATE)
        yield frame


def downsampled(name):
    """A shipped clip as the recogniser gets it: 16 kHz mono."""
    downsampler = Downsampler()
    chunks = [chunk for frame in frames(clip(name).decode()) for chunk in downsampler.feed(frame)]
    return np.concatenate([chunk.pcm for chunk in chunks])


def tones(*frequencies, amplitude=6000, length_s=4.0):
    waves = sum(np.sin(2 * np.pi * hz * _moments(length_s)) for hz in frequencies)
    return (amplitude * waves / len(frequencies)).astype(np.int16)


def hiss(amplitude=6000, length_s=4.0):
    noise = np.random.default_rng(7).normal(0, amplitude / 3, len(_moments(length_s)))
    return noise.clip(-32000, 32000).astype(np.int16)


def typing(amplitude=20_000, length_s=4.0):
    """Five strokes a second, each a burst that dies away within 15 ms."""
    since = _moments(length_s) % 0.2
    return (hiss(amplitude, length_s) * np.exp(-since / 0.004)).astype(np.int16)


def beeps(length_s=4.0):
    """One a second."""
    return (tones(440.0, amplitude=8000, length_s=length_s) * (_moments(length_s) % 1 < 0.4)).astype(np.int16)


def nothing(length_s=4.0):
    return np.zeros(len(_moments(length_s)), dtype=np.int16)


def _moments(length_s):
    return np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
