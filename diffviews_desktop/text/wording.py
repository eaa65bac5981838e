"""Words for the user that several places use."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_sentence(phrase: str) -> str:
    """A phrase with a capital and a full stop; nothing of nothing."""
    return f"{phrase[:1].upper()}{phrase[1:]}." if phrase else ""
