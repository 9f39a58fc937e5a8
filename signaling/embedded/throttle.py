"""A lock on addresses that keep guessing (talk-contract.md §2.2).

Ten failures within thirty minutes lock an address out of that action until the oldest of them is thirty minutes
old; tries while locked are not counted. The real server also delays every failure, up to 25 s; this one does not.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from enum import Enum, auto
from typing import Final

MAX_FAILURES: Final = 10
WINDOW_S: Final = 1800.0
MAX_ADDRESSES: Final = 4096  # the address that failed longest ago is forgotten first


class Action(Enum):
    HELLO_INTERNAL = auto()
    HELLO_RESUME = auto()


class Throttle:
    def __init__(self) -> None:
        self._failures: dict[tuple[Action, str], deque[float]] = {}  # ≤ MAX_ADDRESSES, by latest failure

    def __len__(self) -> int:
        return len(self._failures)

    def locked(self, action: Action, address: str, *, now: float) -> bool:
        failures = self._failures.get((action, _network(address)))
        return failures is not None and len(failures) == MAX_FAILURES and now - failures[0] < WINDOW_S

    def failed(self, action: Action, address: str, *, now: float) -> None:
        key = (action, _network(address))
        failures = self._failures.pop(key, None) or deque(maxlen=MAX_FAILURES)
        if len(self._failures) == MAX_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        failures.append(now)
        self._failures[key] = failures


def _network(address: str) -> str:
    """An IPv6 client owns a whole /64; guesses from all of it count together."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
