"""Voice activity: is there speech in these 20 ms? Two detectors, and the cheap one spares most of the dear one's work.

WebRTC's detector costs 3 µs a frame, and hears fans, keyboards and music as speech. Silero's network costs 80 µs per
32 ms and tells speech from noise, so it is asked only while the other one hears something.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections import deque
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import webrtcvad

from .audio import FRAME, SAMPLE_RATE, Pcm

log = logging.getLogger("roomscribe.pipeline.vad")

DEFAULT_MODE: Final = 2  # 0…3: 3 false alarms in 100 gaps, 9 misses in 100 voiced frames; 3 misses 20
WINDOW: Final = 512  # what Silero judges at once: 32 ms
CONTEXT: Final = 64  # samples before a window that it sees too
BATCH: Final = 2  # windows a call while somebody speaks: more are cheaper each, and later
WARM_UP: Final = 8 * WINDOW  # what is heard again when the gate opens, so that the network knows where it is
ON: Final = 0.45
OFF: Final = 0.35
#: Read when onnxruntime is imported, which else tells its maker about this machine, and keeps a number for it in HOME.
NO_TELEMETRY: Final = ("ORT_DISABLE_TELEMETRY", "1")
GATE_FRAMES: Final = 25  # the gate stays open this long after the cheap detector last heard something


class VoiceDetector(Protocol):
    """`feed` takes exactly one `FRAME` of 16 kHz samples; verdicts come in order, some frames later.

    `flush` gives those still owed: the track ended, or nothing comes for a while.
    """

    def feed(self, frame: Pcm) -> list[bool]: ...

    def flush(self) -> list[bool]: ...


class WebRtcVoiceDetector:
    """The GMM detector of the WebRTC project. Its verdicts come at once."""

    def __init__(self, mode: int = DEFAULT_MODE) -> None:
        self._vad = webrtcvad.Vad(mode)

    def feed(self, frame: Pcm) -> list[bool]:
        if len(frame) != FRAME:
            raise ValueError(f"expected {FRAME} samples, got {len(frame)}")
        return [bool(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE))]

    def flush(self) -> list[bool]:
        return []


class SileroModel:
    """The network that faster-whisper ships, loaded once for the process. Raises `OSError` or `ImportError`."""

    def __init__(self) -> None:
        os.putenv(*NO_TELEMETRY)
        import onnxruntime  # here: a machine without it still has the other detector

        spec = importlib.util.find_spec("faster_whisper")  # not imported: it would bring the whole recogniser along
        if spec is None or spec.origin is None:
            raise ImportError("faster_whisper is not installed")
        [path] = (Path(spec.origin).parent / "assets").glob("silero_vad_v*.onnx")
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def judge(self, windows: npt.NDArray[np.float32], state: State) -> tuple[list[float], State]:
        """Speech probability of each window, shape `(n, CONTEXT + WINDOW)`, and the state after them."""
        probabilities, h, c = self._session.run(None, {"input": windows, "h": state[0], "c": state[1]})
        return [float(each) for each in np.ravel(probabilities)], (h, c)


class VoiceDetectors:
    """Where a speaker's detector comes from. The network is loaded once; without it, the cheap detector does alone."""

    def __init__(self) -> None:
        self.silero: SileroModel | None = None
        try:
            self.silero = SileroModel()
        except Exception as error:  # noqa: BLE001 — a broken installation of any kind: captions go on without it
            log.warning("noise will be taken for speech more often: Silero's detector cannot be loaded: %s", error)

    def new(self) -> VoiceDetector:
        return WebRtcVoiceDetector() if self.silero is None else SileroVoiceDetector(self.silero)


State = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def _fresh() -> State:
    return np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)


class SileroVoiceDetector:
    """Silero behind the gate of WebRTC's detector. One per speaker; `model` is shared."""

    def __init__(self, model: SileroModel, mode: int = DEFAULT_MODE) -> None:
        self._model = model
        self._gate = WebRtcVoiceDetector(mode)
        self._open_for = 0  # frames that the gate stays open without hearing anything
        self._past: Pcm = np.zeros(WARM_UP + CONTEXT, dtype=np.int16)
        self._waiting: Pcm = np.zeros(0, dtype=np.int16)  # < BATCH windows not judged yet
        self._state = _fresh()
        self._speech = False
        self._judged: deque[bool] = deque(maxlen=64)  # verdicts of windows, the oldest covers sample `_from`
        self._owed = 0  # frames without a verdict
        self._from = 0  # samples from the oldest judged window's begin to the oldest owed frame's begin

    def feed(self, frame: Pcm) -> list[bool]:
        [heard] = self._gate.feed(frame)
        if heard:
            if not self._open_for:
                self._warm_up()
            self._open_for = GATE_FRAMES
        elif self._open_for and not self._speech:
            self._open_for -= 1
            if not self._open_for:
                return [*self._close(), *self._keep(frame, False)]
        if not self._open_for:
            return self._keep(frame, False)
        self._owed += 1
        self._waiting = np.concatenate((self._waiting, frame))
        batch = BATCH if self._speech else 1  # an onset, and the end of a pause, are waited for
        if len(self._waiting) >= batch * WINDOW:
            self._judge(batch)
        return self._verdicts()

    def flush(self) -> list[bool]:
        verdicts = [self._speech] * self._owed
        self._close()
        return verdicts

    def _keep(self, frame: Pcm, verdict: bool) -> list[bool]:
        self._past = np.concatenate((self._past[FRAME:], frame))
        return [verdict]

    def _close(self) -> list[bool]:
        """The gate closes: what is still owed was silence for both detectors."""
        self._past = np.concatenate((self._past, self._waiting))[-(WARM_UP + CONTEXT) :]
        owed = [self._speech] * self._owed
        self._waiting, self._owed, self._from, self._open_for = self._waiting[:0], 0, 0, 0
        self._judged.clear()
        self._speech = False
        return owed

    def _warm_up(self) -> None:
        self._state, self._speech = _fresh(), False
        _, self._state = self._model.judge(_windows(self._past), self._state)

    def _judge(self, count: int) -> None:
        size = count * WINDOW
        before = self._past[-CONTEXT:]
        pcm, self._waiting = self._waiting[:size], self._waiting[size:]
        probabilities, self._state = self._model.judge(_windows(np.concatenate((before, pcm))), self._state)
        for probability in probabilities:
            self._speech = probability > (OFF if self._speech else ON)
            self._judged.append(self._speech)
        self._past = np.concatenate((self._past, pcm))[-(WARM_UP + CONTEXT) :]

    def _verdicts(self) -> list[bool]:
        """Of each frame whose middle lies in a judged window."""
        verdicts = []
        while self._owed:
            window = (self._from + FRAME // 2) // WINDOW
            if window >= len(self._judged):
                break
            verdicts.append(self._judged[window])
            self._owed -= 1
            self._from += FRAME
        while self._from >= WINDOW and self._judged:
            self._judged.popleft()
            self._from -= WINDOW
        return verdicts


def _windows(pcm: Pcm) -> npt.NDArray[np.float32]:
    """Whole windows, each with the `CONTEXT` samples before it; `pcm` begins with the first one's context."""
    samples = pcm.astype(np.float32) / 32768.0
    count = (len(samples) - CONTEXT) // WINDOW
    return np.stack([samples[at * WINDOW : at * WINDOW + CONTEXT + WINDOW] for at in range(count)])
