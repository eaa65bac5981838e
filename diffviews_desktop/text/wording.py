"""Words for the user that several places use."""

from __future__ import annotations

import textwrap


def counted(number: int, noun: str, one: str = "", several: str = "") -> str:
    """``1 picture``, ``2,000 pictures``; with a verb, ``1 picture has``, ``2 pictures have``."""
    verb = one if number == 1 else several
    return f"{number:,} {noun}{'' if number == 1 else 's'}{f' {verb}' if verb else ''}"


def as_sentence(phrase: str) -> str:
    """A phrase with a capital and a full stop; nothing of nothing."""
    return f"{phrase[:1].upper()}{phrase[1:]}." if phrase else ""


def caption_lines(caption: str, letters: int = 40, most: int = 3) -> list[str]:
    """A caption in lines of so many letters; what is too long for them is left out at the end."""
    return textwrap.wrap(caption[: letters * (most + 1)], letters, max_lines=most, placeholder=" …")
