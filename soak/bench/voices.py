"""Voices for the wire: real speech as Opus packets, made once, with the audio level (RFC 6464) of each.

Encoded as browsers encode a microphone: 48 kHz mono, 20 ms, in-band FEC on, DTX off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from pipeline import WIRE_RATE
from soak.clip import FRAME, BadManifest, Clip, Pcm, speech_frames

from .readers import HISS

VOICE_S: Final = 60.0  # a voice is at least as long as this, and then begins again
PAUSE_S: Final = 0.8  # between two clips
QUIET_S: Final = 10.0
QUIET: Final = (0.0, 1.0, 1.8, 3.2)  # root mean square in units of 1/32768: muted, and -90, -85 and -80 dB full scale
WANDER_S: Final = 5.0  # in which a room's noise goes up and down …
WANDER_DB: Final = 2.0  # … by so much
MAX_VOICES: Final = 8  # 8 minutes of speech are 2 MB of packets, and take some seconds to encode
BITS_PER_S: Final = 32_000
EXPECTED_LOSS_PERCENT: Final = 10  # below some loss, libopus puts no FEC into its packets
FULL_SCALE: Final = 32_768.0
SILENT: Final = 127  # the level of digital silence (RFC 6464 §3)
FAINT: Final = 70  # what is fainter is nobody's speech, however it stands out
SPEAKS: Final = 0x80


@dataclass(frozen=True, slots=True)
class Voice:
    """Of each 20 ms, the Opus payload, and the byte that tells its level and whether somebody speaks."""

    payloads: tuple[bytes, ...] = field(repr=False)
    levels: bytes = field(repr=False)

    @property
    def length_s(self) -> float:
        return len(self.payloads) * FRAME / WIRE_RATE


def talkers(clips: Sequence[Clip], most: int = MAX_VOICES) -> list[Voice]:
    """One voice of each human speaker, in the manifest's order, but no more than are needed. Raises `BadManifest`."""
    by_voice: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.text.strip():
            by_voice.setdefault(clip.voice, []).append(clip)
    if not by_voice:
        raise BadManifest("no clip with a text: nobody would talk")
    return [encoded(monologue(own)) for own in list(by_voice.values())[: min(most, MAX_VOICES)]]


def monologue(clips: Sequence[Clip]) -> Pcm:
    """The clips one after another, with pauses, again and again until `VOICE_S` are full."""
    rng = np.random.default_rng(0)
    pcms: list[Pcm] = []
    decoded = [clip.decode() for clip in clips]
    for pcm in cycle(decoded):
        pcms += [pcm, _hiss(rng, round(PAUSE_S * WIRE_RATE), HISS)]
        if sum(map(len, pcms)) >= VOICE_S * WIRE_RATE:
            return np.concatenate(pcms)
    return np.zeros(0, dtype=np.int16)


def listeners() -> list[Voice]:
    """Microphones of people who only listen: one is muted, the others are in quiet rooms."""
    rng = np.random.default_rng(1)
    at_s = np.arange(round(QUIET_S * WIRE_RATE)) / WIRE_RATE
    wander = 10 ** (WANDER_DB * np.sin(2 * np.pi * at_s / WANDER_S) / 20)
    return [encoded(_hiss(rng, len(at_s), rms * wander)) for rms in QUIET]


def levels(pcm: Pcm) -> npt.NDArray[np.uint8]:
    """Of each 20 ms, the level in -dBov: 0 is the loudest, 127 digital silence (RFC 6464 §3)."""
    power = np.mean(_frames(pcm).astype(np.float64) ** 2, axis=1) / FULL_SCALE**2
    decibels = -10 * np.log10(np.maximum(power, 1e-13))
    whole: npt.NDArray[np.uint8] = np.clip(np.round(decibels), 0, SILENT).astype(np.uint8)
    return whole


def encoded(pcm: Pcm, *, bits_per_s: int = BITS_PER_S) -> Voice:
    """The voice that says `pcm`. What does not fill 20 ms at its end is left out."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = WIRE_RATE, "mono", av.AudioFormat("s16")
    encoder.bit_rate = bits_per_s
    encoder.options = {
        "application": "voip",
        "frame_duration": "20",
        "fec": "1",
        "packet_loss": str(EXPECTED_LOSS_PERCENT),
    }
    payloads: list[bytes] = []
    frames = _frames(pcm)
    for number, samples in enumerate(frames):
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = WIRE_RATE, number * FRAME
        payloads += map(bytes, encoder.encode(frame))
    payloads += map(bytes, encoder.encode(None))  # one more, maybe: what the encoder looked ahead
    level = levels(pcm)
    speaks = np.where(speech_frames(pcm) & (level < FAINT), SPEAKS, 0).astype(np.uint8)
    return Voice(tuple(payloads[: len(frames)]), (level | speaks).tobytes())


def _frames(pcm: Pcm) -> Pcm:
    return pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)


def _hiss(rng: np.random.Generator, count: int, rms: float | npt.NDArray[np.float64]) -> Pcm:
    return np.asarray(np.round(rng.standard_normal(count) * rms), dtype=np.int16)
