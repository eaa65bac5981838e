"""How long something will take, as rough as an estimate is."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """``8 s``, ``40 s``, ``12 min``, ``2.5 h``."""
    if seconds < 100:
        step = 1 if seconds < 10 else 10
        return f"{max(1, round(seconds / step)) * step} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
