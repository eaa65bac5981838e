"""Words for the user that several places use."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr

MOST_LISTED = 1000  # letters of a list in a sentence


def format_count(number: int, noun: str, one: str = "", several: str = "") -> str:
    """``1 picture``, ``2,000 pictures``; with a verb, ``1 picture has``, ``2 pictures have``."""
    verb = one if number == 1 else several
    return f"{number:,} {noun}{'' if number == 1 else 's'}{f' {verb}' if verb else ''}"


def size(count: float) -> str:
    """Bytes as people read them: ``1.4 GB``."""
    for unit in (tr("bytes"), "kB", "MB"):
        if count < 999.5:  # else three digits would make it 1e+03
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def duration(seconds: float) -> str:
    """``8 s``, ``25 s``, ``3 min``, ``2.5 h``: coarser the longer it is, as estimates are."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 100:
        return f"{seconds / 60:.0f} min"
    step = 1 if seconds < 10 else 5
    return f"{max(1, round(seconds / step) * step)} s"


def time_left(seconds: float) -> str:
    """``25 s left``."""
    return tr("{time} left", time=duration(seconds))


def no_layer(whose: str, name: str, layers: Iterable[str]) -> str:
    """That something has no such layer, and which it has; a file may name them at any length."""
    names = visible(", ".join(layers), MOST_LISTED) or "none"
    return f"{whose} has no layer '{visible(name, MOST_OF_NAME)}'. Its layers: {names}."


def as_sentence(phrase: str) -> str:
    """A phrase with a capital and a full stop; nothing of nothing."""
    return f"{phrase[:1].upper()}{phrase[1:]}." if phrase else ""


def caption_lines(caption: str, letters: int = 40, most: int = 3) -> list[str]:
    """A caption in lines of so many letters; what is too long for them is left out at the end."""
    return textwrap.wrap(caption[: letters * (most + 1)], letters, max_lines=most, placeholder=" …")


def lasting(seconds: float) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, remainder = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {remainder} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def join_words(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return tr("{parts} and {last}", parts=", ".join(parts[:-1]), last=parts[-1])
