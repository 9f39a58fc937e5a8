"""The interpreter, set for a service that makes thousands of small objects a second, and hardly any cycle.

With the defaults, the collector of cycles looks at everything again and again for nothing (`perf record` shows it
beside `roomscribe bench media`). And a thread that decodes would keep the event loop waiting for 5 ms at a time.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

THRESHOLDS: Final = (10_000, 10, 10)  # more objects made than freed; then collections of the next younger generation
SWITCH_S: Final = 0.001  # a thread that has something to do waits for another one no longer than this


def settle() -> None:
    """Call it once in the process, when everything is loaded: what exists by then is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
