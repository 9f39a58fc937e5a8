"""The bot: composes signaling and pipeline into one room, and rooms into a process."""

from .admission import AdmissionSettings
from .errors import (
    BadLanguagePair,
    BotError,
    NoSuchRoom,
    NotATarget,
    NotReady,
    ProcessFull,
    RoomFailed,
    SecretRejected,
    TooManyTargets,
    TranslationUnsupported,
    rejection,
)
from .gauges import Gauges
from .ice import LOOPBACK, InvalidAddress, LocalAddresses
from .ice_servers import ChatServerSettings
from .metrics import Metrics
from .pace import Pace
from .peer import close_connection
from .room import RoomBot, RoomState
from .settings import RoomSettings, SignalingSettings
from .status import RoomStatus
from .supervisor import Supervisor

__all__ = [
    "LOOPBACK",
    "AdmissionSettings",
    "BadLanguagePair",
    "BotError",
    "ChatServerSettings",
    "Gauges",
    "InvalidAddress",
    "LocalAddresses",
    "Metrics",
    "NoSuchRoom",
    "NotATarget",
    "NotReady",
    "Pace",
    "ProcessFull",
    "RoomBot",
    "RoomFailed",
    "RoomSettings",
    "RoomState",
    "RoomStatus",
    "SecretRejected",
    "SignalingSettings",
    "Supervisor",
    "TooManyTargets",
    "TranslationUnsupported",
    "close_connection",
    "rejection",
]
