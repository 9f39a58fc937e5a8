"""Everything that can go wrong between audio and text.

PipelineError
├── EngineError
│   ├── EngineFatal     the model cannot be had or loaded: nothing will mend itself
│   ├── EngineDied      the child died while it held this request     (retried once for finals)
│   └── DecodeFailed    this one stretch of audio could not be decoded
└── UnknownLanguage     a language id that the loaded model does not know
"""

from __future__ import annotations


class PipelineError(Exception):
    """Root of all pipeline failures."""

    component = "pipeline"


class EngineError(PipelineError):
    component = "pipeline.engine"


class EngineFatal(EngineError):
    """The engine cannot start; the message says what to do."""


class EngineDied(EngineError):
    """The child process went away."""


class DecodeFailed(EngineError):
    """The recogniser raised on this audio."""


class Superseded(EngineError):
    """The final of the same utterance took this partial's place."""


class UnknownLanguage(PipelineError):
    """The model does not speak this language."""

    component = "pipeline.languages"
