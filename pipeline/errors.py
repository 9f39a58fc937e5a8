"""Everything that can go wrong between audio and text.

PipelineError
├── EngineError
│   ├── EngineFatal     the model cannot be had or loaded: nothing will mend itself
│   ├── EngineDied      the child died while it held this request     (retried once for finals, alone)
│   │   ├── ServerAway  the server cannot be asked at present         (retried once for finals)
│   │   └── ChildNotStarted  the system did not give what a child process needs
│   ├── DecodeFailed    this one stretch of audio could not be decoded
│   ├── Superseded      something newer of the same speaker took this request's place in the line
│   ├── Shed            given up so that the others are not late (the last step of `pipeline.overload`)
│   └── SchedulerFull   more finals wait than the bound allows (`pipeline.scheduler`)
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


class ChildNotStarted(EngineDied):
    """The system did not give what a child process needs. `remedy` says what to do, where that is known."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class ServerAway(EngineDied):
    """The recognition server cannot be asked at present: no fault of this audio."""


class DecodeFailed(EngineError):
    """The recogniser raised on this audio."""


class Superseded(EngineError):
    """A final or a newer partial of the same speaker took this partial's place in the line."""


class Shed(EngineError):
    """Too many people talk for this machine: this stretch of audio was given up, and is marked in the captions."""


class UnknownLanguage(PipelineError):
    """The model does not speak this language."""

    component = "pipeline.languages"
