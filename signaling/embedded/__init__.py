"""A small HPB-compatible signaling server for the demo and the fast tests; see `server.py`."""

from .server import EmbeddedServer
from .settings import EmbeddedSettings, EmbeddedStats

__all__ = ["EmbeddedServer", "EmbeddedSettings", "EmbeddedStats"]
