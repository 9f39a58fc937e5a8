"""Sessions: each outlives its connection by the resume window, with what it missed meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .errors import Refused
from .gate import Identity
from .replies import Payload

IN_CALL = 1  # the bit that decides; 2 has audio, 4 has video, 8 is a phone
INTERNAL_DEFAULT = 3  # what an internal client is shown as, unless its feature says that it will tell: §2.6


@dataclass(slots=True, eq=False)
class Session:
    """Mutable: the hub owns `conn` and `missed`, `Rooms` owns the rest."""

    sessionid: str
    identity: Identity
    missed: deque[Payload]
    """Messages while disconnected; its `maxlen` is `max_buffered_messages`."""
    conn: int | None = None
    room: str = ""
    """The token of the room it is in; empty: in none."""
    nextcloud_session_id: str = ""
    in_call: int = field(init=False)

    def __post_init__(self) -> None:
        tells_itself = not self.internal or "internal-incall" in self.identity.features
        self.in_call = 0 if tells_itself else INTERNAL_DEFAULT

    @property
    def internal(self) -> bool:
        return self.identity.internal

    @property
    def user_id(self) -> str:
        return self.identity.user_id


class Sessions:
    """All live sessions by their public id."""

    def __init__(self, *, max_sessions: int, max_missed: int, new_id: Callable[[], str]) -> None:
        self._max_sessions = max_sessions
        self._max_missed = max_missed
        self._new_id = new_id
        self._sessions: dict[str, Session] = {}  # ≤ max_sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def get(self, sessionid: str) -> Session | None:
        return self._sessions.get(sessionid)

    def create(self, identity: Identity) -> Session:
        """Raises Refused where the server is full. Internal sessions count, unlike on the real server."""
        if len(self._sessions) >= self._max_sessions:
            raise Refused("session_limit_exceeded", "Too many sessions on this server.")
        session = Session(self._new_id(), identity, deque(maxlen=self._max_missed))
        self._sessions[session.sessionid] = session
        return session

    def remove(self, session: Session) -> None:
        del self._sessions[session.sessionid]

    def rival(self, session: Session, nextcloud_session_id: str) -> Session | None:
        """The older session of the same Nextcloud session, which has to go: a browser that reconnected.

        Nextcloud would tell whether the newcomer may use that id; it is no secret, everybody in the room sees it.
        Here the same user may, and a guest may unless the older guest is still connected; else Refused is raised.
        """
        if session.internal or not nextcloud_session_id:
            return None
        for other in self:
            if other is session or other.internal or other.nextcloud_session_id != nextcloud_session_id:
                continue
            if other.user_id != session.user_id or (not session.user_id and other.conn is not None):
                raise Refused("duplicate_session", "Another session uses this Nextcloud session.")
            return other
        return None
