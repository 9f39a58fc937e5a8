"""The names of the people in a room: words that are likely to be said there. Pure.

A name may help the recogniser to spell it, and may mislead it where nobody says it; `Names` only collects them.
"""

from __future__ import annotations

import re
from typing import Final

from signaling import Person

MAX_NAMES: Final = 12  # the first who came; more would crowd out what is really said
MAX_NAME: Final = 40  # characters
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of characters: JSON can spell them


class Names:
    """One a room."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # by session id; ≤ MAX_NAMES

    def joined(self, people: tuple[Person, ...]) -> None:
        for person in people:
            name = " ".join(_CONTROL.sub(" ", person.display_name).split())
            if name and len(name) <= MAX_NAME and (person.session_id in self._names or len(self._names) < MAX_NAMES):
                self._names[person.session_id] = name

    def left(self, session_ids: tuple[str, ...]) -> None:
        for session_id in session_ids:
            self._names.pop(session_id, None)

    def hints(self) -> str:
        """All names, each once; empty if there are none."""
        return ", ".join(dict.fromkeys(self._names.values()))
