"""The two front doors: the HTTP application and the command line."""

from .http.app import create_app
from .http.listening import StartFailed
from .service import Service, check_signaling, running
from .settings.load import HttpSettings, Settings, SettingsError, environment, load

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
