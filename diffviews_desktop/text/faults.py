"""Why a picture is left out, in the few words that stand in a report."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import counted

_NAMED = 3
_LONGEST = 80


class Fault(Enum):
    """What is wrong with a picture or a folder of pictures, of one and of several."""

    MISSING = ("is missing", "are missing")
    NO_FILE = ("is not a file", "are not files")
    CLOSED = ("cannot be opened", "cannot be opened")
    NO_PICTURE = ("is not a known kind of picture", "are not known kinds of pictures")
    LARGE = ("is too large", "are too large")
    BROKEN = ("is damaged", "are damaged")
    HIDDEN = ("is hidden", "are hidden")
    NO_SUFFIX = ("has no suffix of a picture", "have no suffixes of pictures")
    PACKED = ("is not unpacked", "are not unpacked")
    REPEATED = (
        "leads to a folder that is read already",
        "lead to folders that are read already",
    )

    @property
    def of_one(self) -> str:
        """``is too large``."""
        return self.value[0]


def left_out(faults: Mapping[str, Fault], noun: str = "picture") -> str:
    """``3 pictures were left out: 2 are damaged (a.png, b.png), 1 is too large (c.png)``.

    Args:
        faults: of each picture by its name, not empty.
        noun: what they are, if not pictures.
    """
    if len(faults) == 1:
        ((name, fault),) = faults.items()
        return f"1 {noun} was left out: it {fault.of_one} ({visible(name, _LONGEST)})"
    return f"{counted(len(faults), noun)} were left out: {faults_of(faults)}"


def faults_of(faults: Mapping[str, Fault]) -> str:
    """``2 are damaged (a.png, b.png), 1 is too large (c.png)``."""
    parts = []
    for fault in Fault:
        names = [name for name, found in faults.items() if found is fault]
        if names:
            shown = ", ".join(visible(name, _LONGEST) for name in names[:_NAMED])
            more = "…" if len(names) > _NAMED else ""
            words = fault.value[len(names) > 1]
            parts.append(f"{len(names):,} {words} ({shown}{more})")
    return ", ".join(parts)
