"""The table of all settings, group by group. `docs/settings.md` is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from .of_service import API, CHAT_SERVER, LIMITS, LOGS
from .of_speech import CAPTIONS, MEDIA, RECOGNITION, REMOTE
from .setting import PREFIX, Setting

__all__ = ["GROUPS", "PREFIX", "TABLE", "Setting"]

GROUPS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Chat server and signaling server": CHAT_SERVER,
    "The API": API,
    "Recognition on this machine": RECOGNITION,
    "Recognition by another server": REMOTE,
    "Captions": CAPTIONS,
    "Media": MEDIA,
    "Rooms and limits": LIMITS,
    "Logs": LOGS,
}
TABLE: Final = tuple(replace(row, group=group) for group, rows in GROUPS.items() for row in rows)
