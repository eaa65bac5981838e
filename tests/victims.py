"""What planted links lead to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """A name, in a folder, that a link is to be planted under.

    Attributes:
        name: relative to the folder.
        how: whether what is written there is ``opened`` under that name, a ``folder``, or ``named``
            so when it is whole.
        stays: whether it is there in the end, too.
    """

    name: str
    how: str = "opened"
    stays: bool = False


class Victims:
    """A file and a folder that links lead to, and names at which nothing is."""

    def __init__(self, place: Path) -> None:
        self.file, self.folder = place / "bashrc", place / "photos"
        self.absent = place / "absent"
        place.mkdir()
        self.folder.mkdir()
        self.file.write_text("precious")
        (self.folder / "picture.png").write_text("precious")

    def plant(self, folder: Path, plan: Plan, *, dangling: bool = False) -> bool:
        """Plant a link; False where something is there already."""
        path = folder / plan.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            return False
        target = self.folder if plan.how == "folder" else self.file
        path.symlink_to(self.absent if dangling else target)
        return True

    def unharmed(self) -> bool:
        """Whether all is as it was."""
        return (
            self.file.read_text() == "precious"
            and [path.name for path in self.folder.iterdir()] == ["picture.png"]
            and (self.folder / "picture.png").read_text() == "precious"
            and not os.path.lexists(self.absent)
        )
