"""Why a picture is left out, in the few words that stand in a report."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import group_digits, marked, tr

_MOST_NAMES = 3
_LONGEST = 80


_ONE_LEFT_OUT = {
    "picture": marked("1 picture was left out: it {fault} ({name})"),
    "folder": marked("1 folder was left out: it {fault} ({name})"),
    "archive": marked("1 archive was left out: it {fault} ({name})"),
}
_LEFT_OUT = {
    "picture": marked("{count} pictures were left out: {faults}"),
    "folder": marked("{count} folders were left out: {faults}"),
    "archive": marked("{count} archives were left out: {faults}"),
}


class Fault(Enum):
    """What is wrong with a picture or a folder of pictures, of one and of several."""

    MISSING = (marked("is missing"), marked("are missing"))
    NO_FILE = (marked("is not a file"), marked("are not files"))
    CLOSED = (marked("cannot be opened"), marked("cannot be opened"))
    NO_PICTURE = (
        marked("is not a known kind of picture"),
        marked("are not known kinds of pictures"),
    )
    LARGE = (marked("is too large"), marked("are too large"))
    BROKEN = (marked("is damaged"), marked("are damaged"))
    HIDDEN = (marked("is hidden"), marked("are hidden"))
    NO_SUFFIX = (marked("has no suffix of a picture"), marked("have no suffixes of pictures"))
    PACKED = (marked("is not unpacked"), marked("are not unpacked"))
    REPEATED = (
        marked("leads to a folder that is read already"),
        marked("lead to folders that are read already"),
    )

    @property
    def of_one(self) -> str:
        """``is too large``."""
        return self.value[0]


def left_out(faults: Mapping[str, Fault], noun: str = "picture") -> str:
    """``3 pictures were left out: 2 are damaged (a.png, b.png), 1 is too large (c.png)``.

    Args:
        faults: of each picture by its name, not empty.
        noun: what they are: "picture", "folder" or "archive".
    """
    if len(faults) == 1:
        ((name, fault),) = faults.items()
        label = visible(name, _LONGEST)
        return tr(_ONE_LEFT_OUT[noun], fault=tr(fault.of_one), name=label)
    return tr(_LEFT_OUT[noun], count=group_digits(len(faults)), faults=faults_of(faults))


def faults_of(faults: Mapping[str, Fault]) -> str:
    """``2 are damaged (a.png, b.png), 1 is too large (c.png)``."""
    parts = []
    for fault in Fault:
        names = [name for name, kind in faults.items() if kind is fault]
        if names:
            listing = ", ".join(visible(name, _LONGEST) for name in names[:_MOST_NAMES])
            more = "…" if len(names) > _MOST_NAMES else ""
            words = fault.value[len(names) > 1]
            parts.append(f"{group_digits(len(names))} {tr(words)} ({listing}{more})")
    return ", ".join(parts)
