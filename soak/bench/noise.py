"""What a microphone hears when nobody speaks. Deterministic; 16 kHz mono int16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline import SAMPLE_RATE

Pcm = npt.NDArray[np.int16]
Wave = npt.NDArray[np.float64]  # -1 … 1


def _decibels(wave: Wave, level: float) -> Wave:
    """Scaled to a root mean square of `level` dB full scale."""
    rms = np.sqrt(np.mean(wave**2)) + 1e-12
    scaled: Wave = np.clip(wave / rms * 10 ** (level / 20), -1.0, 1.0)
    return scaled


def _white(count: int, rng: np.random.Generator) -> Wave:
    return rng.standard_normal(count)


def _coloured(count: int, rng: np.random.Generator, power: float) -> Wave:
    """Noise whose energy falls with frequency: 1 is pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 20.0)
    return np.fft.irfft(spectrum / frequency ** (power / 2), count)


def _hum(count: int, rng: np.random.Generator) -> Wave:
    time = np.arange(count) / SAMPLE_RATE
    wave: Wave = 0.02 * rng.standard_normal(count)
    for n in (1, 2, 3, 5, 7):
        wave += np.sin(2 * np.pi * 50 * n * time) / n
    return wave


def _bursts(count: int, rng: np.random.Generator, *, per_s: float, length_s: float, power: float) -> Wave:
    """Short decaying noises at random times."""
    wave = np.zeros(count)
    length = int(length_s * SAMPLE_RATE)
    decay = np.exp(-np.linspace(0, 6, length))
    for at in rng.integers(0, max(1, count - length), int(per_s * count / SAMPLE_RATE)):
        burst = _coloured(length, rng, power) * decay
        wave[at : at + length] += burst / (np.abs(burst).max() + 1e-12) * rng.uniform(0.3, 1.0)
    return wave


def _keyboard(count: int, rng: np.random.Generator) -> Wave:
    return _bursts(count, rng, per_s=6, length_s=0.03, power=0.5)


def _breath(count: int, rng: np.random.Generator) -> Wave:
    time = np.arange(count) / SAMPLE_RATE
    breath: Wave = _coloured(count, rng, 1.0) * np.clip(np.sin(2 * np.pi * time / 4.0), 0, None) ** 2
    return breath


def _music(count: int, rng: np.random.Generator) -> Wave:
    """Broken chords on something like a piano."""
    wave = np.zeros(count)
    length = int(0.8 * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    for step, at in enumerate(range(0, count - length, int(0.25 * SAMPLE_RATE))):
        root = (220.0, 174.6, 261.6, 196.0)[step // 16 % 4]
        note = root * 2 ** ((0, 4, 7, 12, 16, 12, 7, 4)[step % 8] / 12)
        partials = sum(np.sin(2 * np.pi * note * n * time) / n**1.5 for n in range(1, 6))
        wave[at : at + length] += partials * np.exp(-4 * time) * rng.uniform(0.7, 1.0)
    return wave


def _ringing(count: int, rng: np.random.Generator) -> Wave:
    time = np.arange(count) / SAMPLE_RATE
    on = (time % 3.0) < 1.0
    tone: Wave = (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)) * on
    return tone + 0.001 * rng.standard_normal(count)


def _fan(count: int, rng: np.random.Generator) -> Wave:
    time = np.arange(count) / SAMPLE_RATE
    return _coloured(count, rng, 1.5) * (1 + 0.3 * np.sin(2 * np.pi * 11 * time))


KINDS: Final[dict[str, Callable[[int, np.random.Generator], Wave]]] = {
    "silence": lambda count, rng: np.zeros(count),
    "comfort noise": lambda count, rng: _decibels(_coloured(count, rng, 1.0), -65),
    "faint white": lambda count, rng: _decibels(_white(count, rng), -45),
    "loud white": lambda count, rng: _decibels(_white(count, rng), -20),
    "pink": lambda count, rng: _decibels(_coloured(count, rng, 1.0), -25),
    "fan": lambda count, rng: _decibels(_fan(count, rng), -28),
    "hum": lambda count, rng: _decibels(_hum(count, rng), -25),
    "keyboard": lambda count, rng: _decibels(_keyboard(count, rng), -30),
    "breath": lambda count, rng: _decibels(_breath(count, rng), -35),
    "music": lambda count, rng: _decibels(_music(count, rng), -22),
    "ringing": lambda count, rng: _decibels(_ringing(count, rng), -20),
    "door": lambda count, rng: _decibels(_bursts(count, rng, per_s=0.5, length_s=0.4, power=2.0), -30),
}


def noises(total_s: float) -> dict[str, Pcm]:
    """`total_s` seconds in all, shared by the kinds."""
    count = int(total_s / len(KINDS) * SAMPLE_RATE)
    made = {}
    for number, (name, make) in enumerate(KINDS.items()):
        wave = make(count, np.random.default_rng(number))
        made[name] = (wave * 32767).astype(np.int16)
    return made
