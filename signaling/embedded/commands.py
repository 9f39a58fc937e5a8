"""What the hub wants done: the only things its shell has to know how to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .replies import Payload


@dataclass(frozen=True, slots=True)
class Send:
    conn: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once everything before this was sent. No `lost` is expected, nor harmful."""

    conn: int


Command: TypeAlias = Send | Close
