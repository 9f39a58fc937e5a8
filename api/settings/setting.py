"""One setting: a row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .aliases import Alias
from .kinds import Kind

PREFIX: Final = "ROOMSCRIBE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`name` is without the prefix; `parse` raises `ValueError`. `reason`: why one would change it, or why the default
    is what it is.
    """

    name: str
    default: str
    meaning: str
    reason: str
    parse: Kind
    group: str = ""
    aliases: tuple[Alias, ...] = ()
    required: bool = False
    secret: bool = False

    @property
    def own(self) -> str:
        """The environment's name for it."""
        return PREFIX + self.name

    @property
    def unit(self) -> str:
        return self.parse.unit

    @property
    def range(self) -> str:
        return self.parse.range
