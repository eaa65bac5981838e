"""Words for the user that several places use."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
