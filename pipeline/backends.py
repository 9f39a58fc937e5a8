"""Which backend the settings ask for."""

from __future__ import annotations

from .backend import Backend, EngineSettings
from .local import LocalBackend


def make_backend(settings: EngineSettings) -> Backend:
    """Not started yet: the engine runs it."""
    return LocalBackend(settings)
