"""Speech of a known text for the tests that need the real model."""

from __future__ import annotations

import fractions

import av
import numpy as np

from pipeline import WIRE_RATE
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
