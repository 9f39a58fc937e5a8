"""Files as recorders leave them, for the tests of what reads them."""

from __future__ import annotations

import fractions
import wave

import av
import numpy as np

from pipeline.audio import WIRE_RATE
from tests.pipeline.voices import clip

#: Names with the ending that decides the container, and what is in it: codec, rate, layout.
FORMATS = {
    "speech.wav": ("pcm_s16le", 48_000, "mono"),
    "stereo.wav": ("pcm_s16le", 44_100, "stereo"),
    "surround.flac": ("flac", 48_000, "5.1"),
    "narrow.wav": ("pcm_s16le", 8_000, "mono"),
    "speech.flac": ("flac", 16_000, "mono"),
    "speech.mp3": ("libmp3lame", 44_100, "stereo"),
    "film.mp4": ("aac", 44_100, "stereo"),
    "browser.webm": ("libopus", 48_000, "mono"),
    "speech.ogg": ("libopus", 48_000, "stereo"),
}


def speech(*names, pause_s=1.0):
    """Shipped clips with a pause after each: 48 kHz mono."""
    pause = np.zeros(int(pause_s * WIRE_RATE), dtype=np.int16)
    return np.concatenate([part for name in names for part in (clip(name).decode(), pause)])


def tone(length_s, *, rate=WIRE_RATE, amplitude=8000):
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(int(length_s * rate)) / rate)).astype(np.int16)


def silence(length_s, *, rate=WIRE_RATE):
    return np.zeros(int(length_s * rate), dtype=np.int16)


def frame(pcm, *, at=0, rate=WIRE_RATE, layout="mono"):
    """One frame of any length; `at` in samples. Every channel hears the same."""
    channels = av.AudioLayout(layout).nb_channels
    out = av.AudioFrame.from_ndarray(np.repeat(pcm, channels).reshape(1, -1), format="s16", layout=layout)
    out.sample_rate, out.pts, out.time_base = rate, at, fractions.Fraction(1, rate)
    return out


def write(path, pcm, codec=None, rate=None, layout=None, *, at=0, video_s=0.0):
    """48 kHz mono into a file, in the format of its name (`FORMATS`). `at`: the first sample, in samples of 48 kHz."""
    default = FORMATS.get(path.name, FORMATS["speech.wav"])
    codec, rate, layout = codec or default[0], rate or default[1], layout or default[2]
    with av.open(str(path), "w") as container:
        picture = video(container) if video_s or path.suffix == ".mp4" else None
        stream = container.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=stream.codec_context.format or "s16", layout=layout, rate=rate)
        if picture is not None:
            draw(container, picture, video_s or len(pcm) / WIRE_RATE)
        for each in [*resampler.resample(frame(pcm, at=at)), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return path


def video(container):
    stream = container.add_stream("mpeg4", rate=5)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuv420p"
    return stream


def draw(container, stream, length_s):
    for at in range(int(length_s * 5)):
        picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
        picture.pts, picture.time_base = at, fractions.Fraction(1, 5)
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def film_without_sound(path):
    with av.open(str(path), "w") as container:
        draw(container, video(container), 1.0)
    return path


def header_only(path):
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(WIRE_RATE)
    return path
