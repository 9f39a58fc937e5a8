"""The pipeline: speaks audio and text; knows nothing of rooms or signaling.

`SpeakerPipeline` is one speaker from decoded frames to transcripts; `Engine` is the recogniser they share.
"""

from .audio import SAMPLE_RATE, WIRE_RATE, seconds
from .channels import Bounded, ChannelClosed, ChannelStats, DropOldest, Latest
from .child_process import ModelSettings
from .engine import Engine, EngineSettings, EngineState
from .errors import EngineError, EngineFatal, PipelineError, UnknownLanguage
from .languages import Language, catalogue, parse_language
from .scheduler import Kind
from .segmenter import SegmenterSettings
from .speaker import SpeakerPipeline, SpeakerSettings
from .totals import Totals
from .transcript import GAP_MARK, FinalTranscript, PartialTranscript, Transcript

__all__ = [
    "GAP_MARK",
    "SAMPLE_RATE",
    "WIRE_RATE",
    "Bounded",
    "ChannelClosed",
    "ChannelStats",
    "DropOldest",
    "Engine",
    "EngineError",
    "EngineFatal",
    "EngineSettings",
    "EngineState",
    "FinalTranscript",
    "Kind",
    "Language",
    "Latest",
    "ModelSettings",
    "PartialTranscript",
    "PipelineError",
    "SegmenterSettings",
    "SpeakerPipeline",
    "SpeakerSettings",
    "Totals",
    "Transcript",
    "UnknownLanguage",
    "catalogue",
    "parse_language",
    "seconds",
]
