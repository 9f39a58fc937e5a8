"""What the embedded signaling server is told, and what it tells about itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from .backend import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """Limits and secrets of one embedded signaling server.

    Memory follows from the limits: a disconnected session holds at most `max_buffered_messages` messages, each
    about as large as what a client may send, `max_message_bytes`.
    """

    internal_secret: str = field(repr=False)
    """Shared with internal clients, who prove it by HMAC. Empty: no internal client is let in."""
    backend_url: str
    """The base URL of the Nextcloud that a hello must name: equal scheme and host, then a prefix of the path."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port; `EmbeddedServer.url` tells which."""
    hello_timeout_s: float = 2.0
    resume_window_s: float = 30.0
    ticket_ttl_s: float = 12 * 3600
    max_message_bytes: int = 65536
    """A client that sends a larger message is disconnected."""
    ping_interval_s: float = 54.0
    max_sessions: int = 1000
    max_rooms: int = 100
    max_buffered_messages: int = 256
    """Kept for a disconnected session that may resume; the oldest are dropped and counted."""

    def __post_init__(self) -> None:
        canonical(self.backend_url)  # raises ValueError where it is no http(s) URL
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be within 0..65535, not {self.port}")
        for name in ("hello_timeout_s", "ticket_ttl_s", "ping_interval_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        for name in ("max_message_bytes", "max_sessions", "max_rooms"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("resume_window_s", "max_buffered_messages"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    @property
    def max_connections(self) -> int:
        """Twice the sessions: while it resumes, a session may have its old socket and its new one."""
        return 2 * self.max_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStats:
    """The server at one moment; `dropped_messages` counts since it was made."""

    sessions: int
    connections: int
    rooms: int
    dropped_messages: int
