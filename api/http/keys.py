"""What handlers find in the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from bot import Supervisor


@dataclass(slots=True)
class Life:
    """What the operator decided at run time, and since when we live (in the loop's time)."""

    since: float
    enabled: bool = True


SUPERVISOR: Final = web.AppKey("supervisor", Supervisor)
LIFE: Final = web.AppKey("life", Life)
DEFAULT_LANGUAGE: Final = web.AppKey("default_language", str)
APP_ID: Final = web.AppKey("app_id", str)
APP_VERSION: Final = web.AppKey("app_version", str)
DOCUMENT: Final[web.AppKey[dict[str, Any]]] = web.AppKey("document", dict)
