"""The two front doors: the HTTP application and the command line.

A name is loaded when it is asked for: a small command, such as the image's health check, needs next to nothing of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .http.app import create_app
    from .http.listening import StartFailed
    from .service import Service, check_signaling, running
    from .settings.environment import environment
    from .settings.load import HttpSettings, Settings, SettingsError, load

__all__ = [
    "HttpSettings",
    "Service",
    "Settings",
    "SettingsError",
    "StartFailed",
    "check_signaling",
    "create_app",
    "environment",
    "load",
    "running",
]

_PLACES: Final = {
    "HttpSettings": ".settings.load",
    "Service": ".service",
    "Settings": ".settings.load",
    "SettingsError": ".settings.load",
    "StartFailed": ".http.listening",
    "check_signaling": ".service",
    "create_app": ".http.app",
    "environment": ".settings.environment",
    "load": ".settings.load",
    "running": ".service",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
