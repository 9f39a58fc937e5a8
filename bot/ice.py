"""Which local addresses ICE gathers from.

aioice leaves 127.0.0.1 out and offers no setting for it; operators of multi-homed hosts and containers need one as
well, and tests must stay on loopback. aioice looks its addresses up in one module-level function, inside the task
that gathers: that function is replaced, once, by one that asks a context variable, so each peer connection keeps
its own choice. `check` proves at start that aioice still has the function.
"""

from __future__ import annotations

import contextlib
import inspect
import ipaddress
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import aioice.ice

AUTO: Final = "auto"


class InvalidAddress(ValueError):
    """Not an IP address and not `auto`."""

    component = "bot.ice"


@dataclass(frozen=True, slots=True)
class LocalAddresses:
    """`fixed` addresses, beside those that aioice finds itself when `auto`."""

    fixed: tuple[str, ...] = ()
    auto: bool = True

    @classmethod
    def parse(cls, text: str) -> LocalAddresses:
        """Read a comma-separated list of IP addresses and the word `auto`. Raises `InvalidAddress`."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        fixed = []
        for word in words:
            if word == AUTO:
                continue
            try:
                fixed.append(str(ipaddress.ip_address(word)))
            except ValueError as error:
                raise InvalidAddress(f"{word!r} is neither an IP address nor `{AUTO}`") from error
        return cls(tuple(dict.fromkeys(fixed)), AUTO in words or not words)

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """What gathers in this context uses these addresses."""
        _install()
        token = _chosen.set(self)
        try:
            yield
        finally:
            _chosen.reset(token)


LOOPBACK: Final = LocalAddresses(("127.0.0.1",), auto=False)

_chosen: ContextVar[LocalAddresses | None] = ContextVar("roomscribe_ice_addresses", default=None)
_original: Callable[[bool, bool], list[str]] = aioice.ice.get_host_addresses


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    chosen = _chosen.get()
    if chosen is None:
        return _original(use_ipv4, use_ipv6)
    found = [*chosen.fixed, *(_original(use_ipv4, use_ipv6) if chosen.auto else ())]
    wanted = {4: use_ipv4, 6: use_ipv6}
    return [address for address in dict.fromkeys(found) if wanted[ipaddress.ip_address(address).version]]


def _install() -> None:
    aioice.ice.get_host_addresses = _host_addresses


def check() -> None:
    """Raises `RuntimeError` when the installed aioice does not have the function that is replaced here."""
    source = inspect.getsource(aioice.ice.Connection.gather_candidates)
    if "get_host_addresses(" not in source:
        raise RuntimeError("this aioice cannot be told its local addresses; roomscribe needs aioice 0.13")
