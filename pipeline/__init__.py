"""The pipeline: speaks audio and text; knows nothing of rooms or signaling.

`SpeakerPipeline` is one speaker from decoded frames to transcripts; `Engine` is the recogniser they share.
"""

from .audio import SAMPLE_RATE, WIRE_RATE, seconds
from .backend import EngineSettings
from .backends import make_backend
from .channels import Bounded, ChannelClosed, ChannelStats, DropOldest, Latest
from .child_process import ModelSettings
from .engine import Engine, EngineState
from .errors import EngineError, EngineFatal, PipelineError, UnknownLanguage
from .guards import Rule
from .languages import Language, catalogue, parse_language
from .media import Media, MediaSettings
from .overload import Step
from .partials import PartialSettings
from .receiver import RtpReceiver
from .request import Kind
from .segmenter import SegmenterSettings
from .speaker import SpeakerPipeline, SpeakerSettings
from .totals import QueueTotals, Totals
from .transcript import GAP_MARK, NO_WISHES, FinalTranscript, PartialTranscript, Transcript, Wishes
from .vad import VoiceDetectors

__all__ = [
    "GAP_MARK",
    "NO_WISHES",
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
    "Media",
    "MediaSettings",
    "ModelSettings",
    "PartialSettings",
    "PartialTranscript",
    "PipelineError",
    "QueueTotals",
    "RtpReceiver",
    "Rule",
    "SegmenterSettings",
    "SpeakerPipeline",
    "SpeakerSettings",
    "Step",
    "Totals",
    "Transcript",
    "UnknownLanguage",
    "VoiceDetectors",
    "Wishes",
    "catalogue",
    "make_backend",
    "parse_language",
    "seconds",
]
