"""What the value of a setting may be. A kind reads a text and knows its range, which the table and every error say.

`own_kinds` has those that the rest of roomscribe has to be loaded for.
"""

from __future__ import annotations

import abc
import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

MAX_SHOWN: Final = 100  # characters of a wrong value that are repeated
MAX_TEXT: Final = 4096  # characters, as many as a path may have
MAX_SECRETS: Final = 8  # each one more comparison with every request
MAX_SOCKET_PATH: Final = 107  # bytes that the kernel takes
UNIX: Final = "unix:"
NOT_SHOWN: Final = "(not shown)"

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}", re.IGNORECASE)
_USER: Final = re.compile(r"^(\w+:/+)?.*@", re.DOTALL)
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(abc.ABC):
    """Call it with a text: returns the value, or raises `ValueError`, whose text says the range and what came."""

    unit: str = ""

    @property
    @abc.abstractmethod
    def range(self) -> str:
        """What is taken, in words that follow "expected"."""

    @abc.abstractmethod
    def read(self, text: str) -> Any:
        """The value. Raises `ValueError`, whose text nobody sees: it may hold what must not be shown."""

    def shown(self, text: str) -> str:
        """A text as it may be shown."""
        return text

    def __call__(self, text: str) -> Any:
        try:
            return self.read(text)
        except ValueError:
            pass
        shown = self.shown(text)
        raise ValueError(f"expected {self.range}, got {shown if shown == NOT_SHOWN else repr(shown[:MAX_SHOWN])}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Kind):
    """From `low` to `high`, both included."""

    low: float
    high: float

    @property
    def range(self) -> str:
        return f"a number {self._bounds()}"

    def read(self, text: str) -> float:
        return self._within(float(text))

    def _within(self, value: T) -> T:
        if not self.low <= value <= self.high:  # type: ignore[operator]  # nan is not, either
            raise ValueError
        return value

    def _bounds(self) -> str:
        unit = f" ({self.unit})" if self.unit else ""
        return f"from {self.low:g} to {self.high:g}{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Number):
    """The same, without fractions."""

    @property
    def range(self) -> str:
        return f"a whole number {self._bounds()}"

    def read(self, text: str) -> int:
        return self._within(int(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Kind):
    """One of some words, in capitals or not."""

    words: tuple[str, ...]

    @property
    def range(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, text: str) -> Any:
        found = next((word for word in self.words if word.lower() == text.lower()), None)
        if found is None:
            raise ValueError
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(OneOf):
    """True or False."""

    words: tuple[str, ...] = ("on", "off")

    def read(self, text: str) -> bool:
        return bool(OneOf.read(self, text) == "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Kind):
    """`what` it names."""

    what: str

    @property
    def range(self) -> str:
        return f"{self.what}, of at most {MAX_TEXT} characters, none of them a control character"

    def read(self, text: str) -> str:
        if len(text) > MAX_TEXT or not text.isprintable():
            raise ValueError
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Kind):
    """What is sent in an HTTP header. Not shown where it is `hidden`."""

    what: str
    hidden: bool = False

    @property
    def range(self) -> str:
        return f"{self.what} of printable ASCII characters without spaces, as it is sent in a header"

    def read(self, text: str) -> str:
        if not _is_plain(text) or " " in text or len(text) > MAX_TEXT:
            raise ValueError
        return text

    def shown(self, text: str) -> str:
        return NOT_SHOWN if self.hidden else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Kind):
    """Never shown."""

    @property
    def range(self) -> str:
        return "a secret of printable ASCII characters: no umlauts, no control characters"

    def read(self, text: str) -> str:
        if not _is_plain(text) or len(text) > MAX_TEXT:
            raise ValueError
        return text

    def shown(self, text: str) -> str:
        return NOT_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets(Secret):
    """Several, each one good."""

    @property
    def range(self) -> str:
        return (
            f"at most {MAX_SECRETS} secrets with white space between them, of printable ASCII characters: no umlauts, "
            "no control characters"
        )

    def read(self, text: str) -> Any:
        found = tuple(dict.fromkeys(text.split()))
        if len(found) > MAX_SECRETS or not all(_is_plain(each) and len(each) <= MAX_TEXT for each in found):
            raise ValueError
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress(Kind):
    """Where a server listens."""

    @property
    def range(self) -> str:
        return f"an IP address, a host name, or {UNIX} and the absolute path of a socket"

    def read(self, text: str) -> str:
        path = text.removeprefix(UNIX)
        if path == text:
            fine = _is_host(text)
        else:
            fine = path.startswith("/") and path.isprintable() and len(path.encode()) <= MAX_SOCKET_PATH
        if not fine:
            raise ValueError
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress(Kind):
    """A server's URL, kept as it came."""

    example: str

    @property
    def range(self) -> str:
        return self._plain()

    def _plain(self) -> str:
        return f"a URL such as {self.example}, with a host that can exist and a port from 1 to 65535 if any"

    def read(self, text: str) -> str:
        if not is_reachable(text, "http", "https"):
            raise ValueError
        return text

    def shown(self, text: str) -> str:
        """Without what may be private: a user with a password, and what follows ? or #."""
        return _QUERY.sub("", without_user(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessAddress(WebAddress):
    """Empty, or a URL without anything private in it; `key` names the setting where that belongs."""

    key: str

    @property
    def range(self) -> str:
        return f"{self._plain()}, without user, password, ? and #; a key belongs into {self.key}"

    def read(self, text: str) -> str:
        if any(each in text for each in "@?#"):
            raise ValueError
        return WebAddress.read(self, text) if text else ""


def without_user(text: str) -> str:
    """An address as it may be shown: whatever stands before an @ may be a password."""
    return _USER.sub(r"\1…@", text)


def is_reachable(text: str, *schemes: str) -> bool:
    """Is this a URL with one of these schemes, whose host can exist?"""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in schemes and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number, or none that there is
        return False
    return fine and text.isprintable() and " " not in text


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_host(host: str) -> bool:
    """An address, or a name as DNS takes it: labels of 1 to 63 characters. Any other would be asked for in vain."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            labels = host.removesuffix(".").encode("idna").decode().split(".")  # which checks their lengths, too
        except UnicodeError:
            return False
        return all(_LABEL.fullmatch(each) for each in labels)
    return True
