"""The environment that we were started with. Nobody else reads it."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """A copy of it: for the settings, and for children, which are handed it."""
    return dict(os.environ)  # noqa: TID251 — the one place
