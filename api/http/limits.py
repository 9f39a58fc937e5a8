"""How often one caller may ask. Sans-IO."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

from bot import Pace

BURST_S: Final = 2.0  # of its rate a caller may ask at once
NOTHING_S: Final = 1e-9  # what rounding leaves
MAX_CALLERS: Final = 4096  # that are remembered; the one not seen for longest is forgotten, and starts afresh


def network(address: str) -> str:
    """Whom an address belongs to: of IPv6, everybody has 2^64 of them. What is no address stays as it is."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


class RateLimiter:
    """`rate` requests a second for each caller over time; twice as many at once."""

    def __init__(self, *, rate: float) -> None:
        self._rate = rate
        self._callers: OrderedDict[str, Pace] = OrderedDict()  # by who they are; ≤ MAX_CALLERS

    def __len__(self) -> int:
        return len(self._callers)

    def take(self, caller: str, *, now: float) -> float:
        """0: this request may go on. Else the seconds until one may; it was not counted."""
        pace = self._callers.get(caller)
        if pace is None:
            pace = self._callers[caller] = Pace(rate=self._rate, burst=max(1, int(BURST_S * self._rate)))
            if len(self._callers) > MAX_CALLERS:
                self._callers.popitem(last=False)
        self._callers.move_to_end(caller)
        wait_s = pace.wait_s(now=now)
        if wait_s < NOTHING_S:
            pace.went(now=now)
            return 0.0
        return wait_s
