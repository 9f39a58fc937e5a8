"""One number for many. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Between two values, in proportion. None: there are no values."""
    return float(np.percentile(values, percent)) if values else None
