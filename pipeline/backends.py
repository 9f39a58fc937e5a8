"""Which backend the settings ask for."""

from __future__ import annotations

from .backend import Backend, EngineSettings
from .fallback import FallbackBackend
from .local import LocalBackend
from .remote import RemoteBackend


def make_backend(settings: EngineSettings) -> Backend:
    """Not started yet: the engine runs it."""
    if settings.remote is None:
        return LocalBackend(settings)
    remote = RemoteBackend(settings.remote)
    return FallbackBackend(remote, LocalBackend(settings)) if settings.remote.fallback else remote
