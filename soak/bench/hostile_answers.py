"""What came back on a connection, read without trust, and what must never be in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

MOST_ANSWERS: Final = 200  # on one connection
TRACEBACK: Final = re.compile(rb"Traceback \(most recent|File \"[^\"]+\", line \d+|\bException\b.*\bat 0x|<module>")
FOREIGN_FILE: Final = re.compile(rb"root:x:0:0|ROOMSCRIBE_HPB_SECRET=|from __future__ import")
BODILESS: Final = frozenset({204, 304})
STATUS_LINE: Final = re.compile(rb"HTTP/\d\.\d (\d{3})(?: [^\r\n]*)?\r\n")
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def granted(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """What no answer may hold: `secrets`, and `paths` at which the service's own files lie."""

    secrets: tuple[bytes, ...] = field(repr=False)
    paths: tuple[bytes, ...]

    def found(self, answers: bytes) -> tuple[str, ...]:
        """The names of what was found, for the report."""
        marks = (
            ("traceback", TRACEBACK.search(answers) is not None),
            ("file", FOREIGN_FILE.search(answers) is not None),
            ("path", _any(self.paths, answers)),
            ("secret", _any(self.secrets, answers)),
        )
        return tuple(name for name, here in marks if here)


def answers(received: bytes, *, bodiless: bool = False) -> Sequence[Answer]:
    """All that are whole, or end with the connection. What is no HTTP ends the list with a status of 0."""
    found: list[Answer] = []
    at = 0
    while at < len(received) and len(found) < MOST_ANSWERS:
        line = STATUS_LINE.match(received, at)
        end = received.find(b"\r\n\r\n", at)
        if line is None or end < 0:
            found.append(Answer(status=0, head=received[at : at + 200], body=b""))
            break
        status, head = int(line[1]), received[at : end + 4]
        at = end + 4
        if 100 <= status < 200:
            continue
        if bodiless or status in BODILESS:
            body = b""
        elif CHUNKED.search(head) is not None:
            end = received.find(b"0\r\n\r\n", at)
            body, at = (received[at:], len(received)) if end < 0 else (received[at:end], end + 5)
        elif (length := LENGTH.search(head)) is not None:
            body = received[at : at + int(length[1])]
            at += int(length[1])
        else:
            body, at = received[at:], len(received)
        found.append(Answer(status=status, head=head, body=body))
    return found


def _any(needles: Iterable[bytes], text: bytes) -> bool:
    return any(needle in text for needle in needles)
