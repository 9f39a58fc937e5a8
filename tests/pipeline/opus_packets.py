"""Speech as Opus packets, and how alike two decodings of them are."""

from __future__ import annotations

import functools

import av
import numpy as np

from pipeline.audio import WIRE_RATE
from soak.clip import shipped_clips

NONSENSE = b"\xff\xff\xff"  # says that it holds more than 120 ms
LAGS = 1600  # samples: how far two decodings may be apart


@functools.cache
def speech():
    """Some seconds, 48 kHz mono."""
    return next(clip for clip in shipped_clips() if clip.name == "austen-0930").decode()


@functools.cache
def packets(*, ms=20, bits=32_000, loss_percent=0):
    """`speech` as a browser sends it. From some `loss_percent` on, each packet carries a copy of the one before it."""
    return encoded(speech().reshape(-1, 1), ms=ms, bits=bits, loss_percent=loss_percent)


def encoded(pcm, *, ms=20, bits=32_000, loss_percent=0, application="voip"):
    """48 kHz samples of shape `(n, channels)`; the last packet that is not full is left out."""
    layout = ("mono", "stereo")[pcm.shape[1] - 1]
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = WIRE_RATE, layout, av.AudioFormat("s16")
    encoder.bit_rate = bits
    encoder.options = {"application": application, "frame_duration": str(ms)}
    encoder.options |= {"fec": str(int(loss_percent > 0)), "packet_loss": str(loss_percent)}
    size = WIRE_RATE * ms // 1000
    made = []
    for at in range(0, len(pcm) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(pcm[at : at + size].reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = WIRE_RATE, at
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made


def decoded(decoder, payloads):
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def likeness(one, other):
    """Correlation of two decodings, and by how many samples the first one is later, at the lag where it is highest."""
    one, other = one.astype(float), other.astype(float)
    size = len(one) + len(other)
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    by_lag = np.roll(np.fft.irfft(spectrum, size), LAGS)[: 2 * LAGS]
    lag = int(np.argmax(by_lag)) - LAGS
    return by_lag.max() / np.sqrt((one**2).sum() * (other**2).sum()), lag


def spectral_distance(heard, said):
    """How much of the loudness over frequency is wrong: 0 all right, 1 as wrong as silence."""
    window = np.hanning(len(said))
    heard, said = np.abs(np.fft.rfft(heard * window)), np.abs(np.fft.rfft(said * window))
    return np.abs(heard - said).sum() / said.sum()


def loud(pcm):
    """As loud as speech."""
    return np.sqrt(np.mean(pcm.astype(float) ** 2)) > 500
