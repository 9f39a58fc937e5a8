"""The bot: composes signaling and pipeline into one room, and rooms into a process."""

from .admission import AdmissionSettings
from .errors import BotError, NoSuchRoom, NotReady, ProcessFull, RoomFailed, SecretRejected, TooManyTargets, rejection
from .gauges import Gauges
from .ice import LOOPBACK, InvalidAddress, LocalAddresses
from .ice_servers import ChatServerSettings
from .peer import close_connection
from .room import RoomBot, RoomState
from .settings import RoomSettings, SignalingSettings
from .supervisor import Supervisor

__all__ = [
    "LOOPBACK",
    "AdmissionSettings",
    "BotError",
    "ChatServerSettings",
    "Gauges",
    "InvalidAddress",
    "LocalAddresses",
    "NoSuchRoom",
    "NotReady",
    "ProcessFull",
    "RoomBot",
    "RoomFailed",
    "RoomSettings",
    "RoomState",
    "SecretRejected",
    "SignalingSettings",
    "Supervisor",
    "TooManyTargets",
    "close_connection",
    "rejection",
]
