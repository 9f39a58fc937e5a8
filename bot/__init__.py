"""The bot: composes signaling and pipeline into one room, and rooms into a process."""

from .errors import BotError, NoSuchRoom, NotReady, RoomFailed, SecretRejected, TooManyRooms, TooManyTargets, rejection
from .gauges import Gauges
from .ice import LOOPBACK, InvalidAddress, LocalAddresses
from .ice_servers import ChatServerSettings
from .peer import close_connection
from .room import RoomBot, RoomState
from .settings import RoomSettings, SignalingSettings
from .supervisor import Supervisor

__all__ = [
    "LOOPBACK",
    "BotError",
    "ChatServerSettings",
    "Gauges",
    "InvalidAddress",
    "LocalAddresses",
    "NoSuchRoom",
    "NotReady",
    "RoomBot",
    "RoomFailed",
    "RoomSettings",
    "RoomState",
    "SecretRejected",
    "SignalingSettings",
    "Supervisor",
    "TooManyRooms",
    "TooManyTargets",
    "close_connection",
    "rejection",
]
